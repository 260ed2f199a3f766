/** Variables whose values are secrets, by the names of .env.example. */
const SECRET_NAME = /^(ENCRYPTION_KEY|OWNER_API_KEY|JWT_|S3_|DATABASE_URL$|REDIS_URL$|SWITCHBOARD_API_KEY$)/;

/** Variables that would change what an embedded server does: Postgres reads PGDATA and PGPORT, among others. */
const SERVER_NAME = /^(PG|POSTGRES_|REDIS_)/;

/**
 * The environment of an embedded server: the daemon's own, without its secrets and without what would
 * configure the server behind our back. Messages are in English, so that their words can be relied on.
 */
export function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !SECRET_NAME.test(name) && !SERVER_NAME.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}
