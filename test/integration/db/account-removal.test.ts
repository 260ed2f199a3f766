import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted, purgeAccount } from '../../../src/db/account-removal.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { lockAccountIngest } from '../../../src/db/ingest-statements.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { ackEvent, insertTestAccount, messageEvent, T0 } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const NOW = new Date(T0);

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
});

async function rowsLeft(): Promise<number> {
  const tables = ['messages', 'message_keys', 'waiting_changes'] as const;
  const lists = tables.map((table) =>
    db.selectFrom(table).select('account_id').where('account_id', '=', account).execute(),
  );
  return (await Promise.all(lists)).flat().length;
}

/** Resolves once the work has ended, or waits for a lock of the kind that holds an account's ingest. */
async function untilBlocked(work: Promise<void>): Promise<void> {
  let over = false;
  void work.then(() => {
    over = true;
  });
  while (!over) {
    const { rows } = await sql`
      select from pg_locks join pg_database on pg_database.oid = database
      where datname = current_database() and locktype = 'advisory' and not granted`.execute(db);
    over ||= rows.length > 0;
  }
}

it('purges what is known of an account, and what comes out of the queue afterwards', async () => {
  await ingestEvents(db, account, [messageEvent('A'), ackEvent('early', 2, T0)], NOW);
  await purgeAccount(db, account);
  const late = await ingestEvents(db, account, [messageEvent('B'), ackEvent('C', 2, T0)], NOW);
  expect(late).toEqual({ added: [], statusChanged: [], waiting: 0 });
  expect(await rowsLeft()).toBe(0);
});

it('purges also what is being stored at the same moment', async () => {
  let purged: Promise<void> | undefined;
  await db.transaction().execute(async (trx) => {
    await lockAccountIngest(trx, account);
    const { chatId } = messageEvent('A');
    const row = { id: makeMessageId(), account_id: account, chat_id: chatId, timestamp: NOW };
    await trx
      .insertInto('messages')
      .values({ ...row, direction: 'incoming', type: 'text', status: 'delivered' })
      .execute();
    purged = purgeAccount(db, account);
    await untilBlocked(purged);
  });
  await purged;
  expect(await rowsLeft()).toBe(0);
});

it('keeps taking messages for an account that was deleted and not purged', async () => {
  await markAccountDeleted(db, account);
  await ingestEvents(db, account, [messageEvent('A')], NOW);
  expect(await rowsLeft()).toBe(2);
});
