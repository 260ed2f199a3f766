import type { KeysetPosition } from '../db/keyset.ts';
import { CHAT_ID } from './text-schema.ts';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** Stands for the instant where there is none. */
const NO_INSTANT = '-';

/** What orders a list beside its instants: the numbers of rows, their UUIDs, or the ids of chats and people. */
const TIES = {
  number: /^\d{1,18}$/,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  chat: CHAT_ID,
} as const;
export type CursorKind = keyof typeof TIES;

/** The position as text for a URL; clients are not to look inside. */
export function positionToCursor({ at, tie }: KeysetPosition): string {
  return Buffer.from(`${at ?? NO_INSTANT} ${tie}`).toString('base64url');
}

/** The inverse; undefined for anything that we did not hand out for a list of this kind. */
export function cursorToPosition(cursor: string, kind: CursorKind): KeysetPosition | undefined {
  const [at, tie, ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (at === undefined || tie === undefined || rest.length > 0) return undefined;
  if (!TIES[kind].test(tie)) return undefined;
  if (at === NO_INSTANT && kind === 'chat') return { at: null, tie };
  return isInstant(at) ? { at, tie } : undefined;
}

/** One that PostgreSQL knows as well: `Date` takes 30 February for 2 March, and has a year 0. */
function isInstant(at: string): boolean {
  if (!INSTANT.test(at) || at < '0001') return false;
  const seconds = at.slice(0, 19);
  const read = new Date(`${seconds}Z`);
  return !Number.isNaN(read.getTime()) && read.toISOString().startsWith(seconds);
}
