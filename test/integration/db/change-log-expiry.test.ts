import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteOldChanges } from '../../../src/db/change-log-expiry.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
let db: Executor;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());

/** Changes that were written so many days ago, in this order. */
async function write(from: number, to: number, days: number): Promise<void> {
  await sql`
    insert into message_changes (account_id, chat_id, chat_seq, message_id, kind, created_at)
    select '0195bd2a-0000-7000-8000-000000000001', 'a@c.us', seq, gen_random_uuid(), 'message',
      now() - ${days} * interval '1 day'
    from generate_series(${from}::bigint, ${to}::bigint) seq order by seq`.execute(db);
}

it('deletes what nobody can have missed any more, in portions, and keeps the rest', async () => {
  await write(1, 12_000, 31);
  // Two that were written at the same time may have each other's numbers.
  await write(12_001, 12_001, 29);
  await write(12_002, 12_003, 31);
  await write(12_004, 12_010, 0);
  expect(await deleteOldChanges(db)).toBe(12_002);
  const { rows } = await sql<{
    seq: string;
  }>`select chat_seq as seq from message_changes order by id`.execute(db);
  expect(rows.map(({ seq }) => Number(seq))).toEqual([
    12_001, 12_004, 12_005, 12_006, 12_007, 12_008, 12_009, 12_010,
  ]);
  expect(await deleteOldChanges(db)).toBe(0);
});
