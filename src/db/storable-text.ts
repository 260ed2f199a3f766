/** What marks, in JSON text, a string that PostgreSQL refuses: NUL, or half of a surrogate pair. */
const SUSPECT = /\\u(?:0000|d[89a-f])/i;
const REPLACEMENT = '\uFFFD';

/**
 * The same plain JSON value with every NUL and every lone surrogate replaced by U+FFFD: PostgreSQL can store
 * neither in text nor in jsonb.
 */
export function toStorable<T>(value: T): T {
  return SUSPECT.test(JSON.stringify(value)) ? (replaceIn(value) as T) : value;
}

function replaceIn(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', REPLACEMENT).toWellFormed();
  if (Array.isArray(value)) return value.map(replaceIn);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [replaceIn(key), replaceIn(held)]));
}
