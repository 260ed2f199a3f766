import { findSqlState } from './data-error.ts';

/** SQLSTATE classes of a server that cannot serve now: connection (08), resources (53), operator (57P), system (58). */
const AWAY_STATES = /^(?:08|53|57P|58)/;

/** What `pg` throws without a code when a connection breaks; its texts are all that tells. */
const BROKEN_CONNECTION =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Errors of sockets. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

/** True if the database did not answer: the same call may succeed later. */
export function isDatabaseAway(thrown: unknown): boolean {
  const state = findSqlState(thrown);
  if (state !== undefined && AWAY_STATES.test(state)) return true;
  if (!(thrown instanceof Error)) return false;
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  // ENOENT of `connect` is a Unix socket that is not there.
  if (syscall === 'connect' || (code !== undefined && SOCKET_CODES.has(code))) return true;
  return code === undefined && BROKEN_CONNECTION.test(thrown.message);
}
