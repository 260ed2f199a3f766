import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { transact } from '../../../src/db/transaction.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

/** More often than a statement has to be asked before it is prepared. */
const OFTEN = 30;

/** On one connection, which is where statements are prepared. */
function openOne() {
  return openDatabase({ connection: database.connection, log: silentLog, poolSize: 1 });
}

async function listPrepared(db: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(db);
  return rows.map(({ statement }) => statement);
}

it('prepares what is asked often, and nothing else', async () => {
  await using opened = openOne();
  const { db } = opened;
  for (let n = 0; n < OFTEN; n += 1) {
    const { rows } = await sql<{ sum: number }>`select ${n}::integer + 1 as sum`.execute(db);
    expect(rows).toEqual([{ sum: n + 1 }]);
    await sql`select ${n}::integer as ${sql.ref(`other_${n}`)}`.execute(db);
  }
  expect(await listPrepared(db)).toEqual(['select $1::integer + 1 as sum']);
});

it('prepares no more than a hundred statements a connection', async () => {
  await using opened = openOne();
  const { db } = opened;
  for (let statement = 0; statement < 120; statement += 1) {
    for (let n = 0; n < OFTEN; n += 1)
      await sql`select ${n}::integer as ${sql.ref(`each_${statement}`)}`.execute(db);
  }
  expect(await listPrepared(db)).toHaveLength(100);
});

it('goes on where another daemon has changed the schema under a prepared statement', async () => {
  await using opened = openOne();
  await using other = openOne();
  const { db } = opened;
  await sql`create table widening (a integer)`.execute(other.db);
  await sql`insert into widening values (1)`.execute(other.db);
  const ask = async (executor: Executor) =>
    (await sql`select * from widening where a = ${1}::integer`.execute(executor)).rows;
  for (let n = 0; n < OFTEN; n += 1) await ask(db);
  await sql`alter table widening add column b integer default 2`.execute(other.db);
  expect(await ask(db)).toEqual([{ a: 1, b: 2 }]);
});

it('does a transaction again in which such a statement fails', async () => {
  await using opened = openOne();
  await using other = openOne();
  const { db } = opened;
  await sql`create table growing (a integer)`.execute(other.db);
  await sql`insert into growing values (1)`.execute(other.db);
  const ask = async (executor: Executor) =>
    (await sql`select * from growing where a = ${1}::integer`.execute(executor)).rows;
  for (let n = 0; n < OFTEN; n += 1) await ask(db);
  await sql`alter table growing add column b integer default 2`.execute(other.db);
  expect(await transact(db, ask)).toEqual([{ a: 1, b: 2 }]);
});

it('prepares nothing any more where a pooler mislays what was prepared', async () => {
  await using opened = openOne();
  const { db } = opened;
  const ask = async (executor: Executor, n: number) =>
    (await sql`select ${n}::integer as mislaid`.execute(executor)).rows;
  for (let n = 0; n < OFTEN; n += 1) await ask(db, n);
  // What the next client of a pooler's connection does to it.
  await sql`deallocate all`.execute(db);
  expect(await ask(db, 7)).toEqual([{ mislaid: 7 }]);
  expect(await transact(db, (trx) => ask(trx, 8))).toEqual([{ mislaid: 8 }]);
  for (let n = 0; n < OFTEN; n += 1) await sql`select ${n}::integer as later`.execute(db);
  expect(await listPrepared(db)).toEqual([]);
});
