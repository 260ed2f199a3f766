import type { Environment } from './environment.ts';

/** Names of variables whose values no child process needs to know. */
const SECRETS: ReadonlySet<string> = new Set([
  'ENCRYPTION_KEY',
  'ENCRYPTION_KEY_PREVIOUS',
  'OWNER_API_KEY',
  'SWITCHBOARD_API_KEY',
  'SWITCHBOARD_VAULT_PASSPHRASE',
  'JWT_SECRET',
  'DATABASE_URL',
  'REDIS_URL',
]);

/** S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_SESSION_TOKEN and what else may be secret there. */
const S3_SECRET = /^S3_.*(KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL)/;

/** The environment for child processes: without the daemon's secrets, otherwise as it is. */
export function childEnvironment(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !SECRETS.has(entry[0]) && !S3_SECRET.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
