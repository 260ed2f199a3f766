import { AppError } from '../lib/errors.ts';

/** The oldest server that knows all that is asked of it, as `server_version_num` tells it. */
const OLDEST_VERSION = 130_000;

/** What a server says of its version: for people, and to compare. */
export interface ServerVersion {
  readonly version: string;
  readonly versionNumber: number;
}

/** @throws AppError POSTGRES_UNFIT if the server is too old */
export function requireServerVersion({ version, versionNumber }: ServerVersion): void {
  if (versionNumber >= OLDEST_VERSION) return;
  throw new AppError('POSTGRES_UNFIT', {
    message: `The server at DATABASE_URL is PostgreSQL ${version}. Use PostgreSQL ${OLDEST_VERSION / 10_000} or newer.`,
  });
}
