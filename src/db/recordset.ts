import { type RawBuilder, sql } from 'kysely';

/** Names of columns and their types in PostgreSQL. */
export type ColumnTypes = Readonly<Record<string, string>>;

/** The objects as a table `r` with these columns: one parameter, however many there are. */
export function recordset(rows: readonly object[], columns: ColumnTypes): RawBuilder<unknown> {
  const definitions = Object.entries(columns).map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`);
  return sql`json_to_recordset(${JSON.stringify(rows)}::json) as r(${sql.join(definitions)})`;
}
