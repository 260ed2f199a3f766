import { type RawBuilder, sql } from 'kysely';

/** Where a page of a list ends: the instant to the microsecond (a Date holds less) and what orders equal ones. */
export interface KeysetPosition {
  /** ISO 8601 in UTC; null in a list without instants, and for what has none in a list with them. */
  readonly at: string | null;
  readonly tie: string;
}

/** Items of a list, and where to go on; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: KeysetPosition | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: KeysetPosition | null;
}

/** The column as text that comes back to the same instant. */
export function instantText(column: string): RawBuilder<string> {
  return sql<string>`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * The page of rows that were read with one row more than was asked for, which tells that the list goes on.
 */
export function rowsToPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  convert: { readonly item: (row: Row) => Item; readonly position: (row: Row) => KeysetPosition },
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(convert.item), next: more ? convert.position(last) : null };
}
