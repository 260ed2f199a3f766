import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { migrateToLatest } from '../../../src/db/migrator.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

let stack: AsyncDisposableStack;
let db: Executor;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const database = stack.use(await openTestDatabase());
  ({ db } = stack.use(openDatabase({ connection: database.connection, log: silentLog })));
});
afterEach(() => stack.disposeAsync());

/** As PostgreSQL 15 and newer make a database for a role that does not own it. */
async function emptyAndForbid(): Promise<void> {
  await sql`drop schema public cascade`.execute(db);
  await sql`create schema public`.execute(db);
  await sql`revoke create on schema public from current_user`.execute(db);
}

it('leaves a schema that is up to date alone', async () => {
  await expect(migrateToLatest(db)).resolves.toBeUndefined();
});

it('names the rights that the role lacks, and what grants them', async () => {
  await emptyAndForbid();
  const failure = await migrateToLatest(db).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(failure).toMatchObject({
    code: 'POSTGRES_UNFIT',
    message: expect.stringContaining('permission denied for schema public'),
  });
  const [grant = ''] = /GRANT [^;]+;/.exec(String(failure)) ?? [];
  await sql.raw(grant).execute(db);
  await expect(migrateToLatest(db)).resolves.toBeUndefined();
});

it('says that a schema is from a newer Switchboard', async () => {
  await sql`insert into kysely_migration (name, timestamp) values ('9999-of-another-time', '2026-01-01')`.execute(
    db,
  );
  await expect(migrateToLatest(db)).rejects.toMatchObject({
    code: 'POSTGRES_UNFIT',
    message: expect.stringMatching(/9999-of-another-time.*Start the newer Switchboard/),
  });
});
