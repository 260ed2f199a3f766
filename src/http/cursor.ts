import type { KeysetPosition } from '../db/keyset.ts';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const TIE = /^(?:\d{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The position as text for a URL; clients are not to look inside. */
export function positionToCursor({ at, tie }: KeysetPosition): string {
  return Buffer.from(`${at} ${tie}`).toString('base64url');
}

/** The inverse; undefined for anything that we did not hand out. */
export function cursorToPosition(cursor: string): KeysetPosition | undefined {
  const [at, tie, ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (at === undefined || tie === undefined || rest.length > 0) return undefined;
  if (!INSTANT.test(at) || Number.isNaN(Date.parse(at)) || !TIE.test(tie)) return undefined;
  return { at, tie };
}
