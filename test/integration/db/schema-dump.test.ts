import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

/** Kysely's own tables, which hold what was migrated, and the partitions, which are like their table. */
const NOT_OURS = `(
  select relname from pg_class
  where relispartition or relname in ('kysely_migration', 'kysely_migration_lock'))`;

it('leaves the schema that is written down in docs/schema.txt, after all migrations', async () => {
  await using database = await openTestDatabase();
  await using opened = openDatabase({ connection: database.connection, log: silentLog });
  const { rows: columns } = await sql<{ table: string; line: string }>`
    select table_name as table,
      column_name || ' ' || data_type
        || case is_nullable when 'NO' then ' not null' else '' end
        || case when is_identity = 'YES' then ' identity' else '' end
        || coalesce(' default ' || column_default, '') as line
    from information_schema.columns
    where table_schema = 'public' and table_name not in ${sql.raw(NOT_OURS)}
    order by table_name, ordinal_position`.execute(opened.db);
  const { rows: indexes } = await sql<{ table: string; line: string }>`
    select tablename as table, indexdef as line from pg_indexes
    where schemaname = 'public' and tablename not in ${sql.raw(NOT_OURS)}
    order by tablename, indexname`.execute(opened.db);

  const { rows: partitions } = await sql<{ table: string; line: string }>`
    select relname as table, 'PARTITION BY ' || pg_get_partkeydef(oid) as line
    from pg_class where relkind = 'p'`.execute(opened.db);

  const { rows: triggers } = await sql<{ table: string; line: string }>`
    select relname as table, pg_get_triggerdef(pg_trigger.oid) as line
    from pg_trigger join pg_class on pg_class.oid = tgrelid
    where not tgisinternal and not relispartition order by relname, tgname`.execute(opened.db);

  const { rows: statistics } = await sql<{ table: string; line: string }>`
    select relname as table, pg_get_statisticsobjdef(pg_statistic_ext.oid) as line
    from pg_statistic_ext join pg_class on pg_class.oid = stxrelid
    where not relispartition order by relname, stxname`.execute(opened.db);

  const text = [...new Set(columns.map(({ table }) => table))]
    .map((table) => {
      const of = (lines: { table: string; line: string }[]) =>
        lines.filter((each) => each.table === table).map(({ line }) => `  ${line}`);
      return [
        table,
        ...of(columns),
        ...of(partitions),
        ...of(indexes),
        ...of(statistics),
        ...of(triggers),
      ].join('\n');
    })
    .join('\n\n');
  await expect(`${text}\n`).toMatchFileSnapshot('../../../docs/schema.txt');
});
