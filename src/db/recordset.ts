import { type RawBuilder, sql } from 'kysely';

/** Names of columns and their types in PostgreSQL. */
export type ColumnTypes = Readonly<Record<string, string>>;

/** The objects as a table `r` with these columns: one parameter, however many there are. */
export function recordset(rows: readonly object[], columns: ColumnTypes): RawBuilder<unknown> {
  const definitions = Object.entries(columns).map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`);
  return sql`json_to_recordset(${JSON.stringify(rows.map(withoutNulls))}::json) as r(${sql.join(definitions)})`;
}

/** What is missing is null to PostgreSQL: most columns of most rows are, and would be most of what it has to read. */
function withoutNulls(row: object): object {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) if (value !== null) kept[name] = value;
  return kept;
}
