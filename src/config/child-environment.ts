import type { Environment } from './environment.ts';
import secretNames from './secret-names.json' with { type: 'json' };

/** Names of variables whose values no child process needs to know; scripts/setup has the same list. */
const NAMES: ReadonlySet<string> = new Set(secretNames.names);

/** What else may be secret, such as S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_SESSION_TOKEN. */
const PATTERNS: readonly RegExp[] = secretNames.patterns.map((pattern) => new RegExp(pattern));

/** The environment for child processes: without the daemon's secrets, otherwise as it is. */
export function childEnvironment(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !isSecret(entry[0]),
  );
  return Object.fromEntries(kept);
}

function isSecret(name: string): boolean {
  return NAMES.has(name) || PATTERNS.some((pattern) => pattern.test(name));
}
