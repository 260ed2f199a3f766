import { childEnvironment } from '../config/child-environment.ts';

/** Variables that would change what an embedded server does: PostgreSQL reads PGDATA and PGPORT, among others. */
const SERVER_NAME = /^(PG|POSTGRES_|REDIS_)/;

/**
 * The environment of an embedded server: what every child process gets, without what would configure the server
 * behind our back. Its messages are in English, so that their words can be relied on.
 */
export function serverEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(childEnvironment(env)).filter(([name]) => !SERVER_NAME.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}
