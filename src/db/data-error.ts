import { isAppError } from '../lib/errors.ts';

/**
 * SQLSTATE classes that blame the data: cardinality (21), data exception (22), integrity (23),
 * program limit (54). Everything else blames the store, which may come back.
 */
const DATA_CLASSES = new Set(['21', '22', '23', '54']);

/** The SQLSTATE of an error of the database; undefined for anything else, a broken connection among it. */
export function findSqlState(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' && /^[0-9A-Z]{5}$/.test(thrown.code) ? thrown.code : undefined;
}

/**
 * True if the same data would fail again, whatever the state of the store: the database refused a value, or
 * our own code found that it has not the shape it must have (VALIDATION_FAILED).
 */
export function isDataError(thrown: unknown): boolean {
  const state = findSqlState(thrown);
  if (state !== undefined) return DATA_CLASSES.has(state.slice(0, 2));
  return isAppError(thrown, 'VALIDATION_FAILED');
}
