/** Transactions that want the same rows at the same time. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { transact } from '../../../src/db/transaction.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

/** Rows bear the database's own time, by whose date they are counted. */
const NOW = new Date();
const FIRST = { lid: '9900011@lid', phone: '491700000001@c.us' };
const SECOND = { lid: '9900022@lid', phone: '491700000002@c.us' };

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

/** Resolves when so many transactions wait for others; for what is told by `wait_event`. */
async function expectWaiting(...events: readonly string[]): Promise<void> {
  const listWaiting = async () => {
    const { rows } = await sql<{ wait_event: string }>`
      select wait_event from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' order by 1`.execute(db);
    return rows.map((row) => row.wait_event);
  };
  await expect.poll(listWaiting).toEqual(events);
}

function accept(chatId: string, at = NOW): Promise<void> {
  const id = makeMessageId(at.getTime());
  const content = { type: 'text', text: 'waits', caption: null, payload: null, media: null } as const;
  return insertOutgoing(db, {
    ...content,
    id,
    accountId: account,
    chatId,
    replyTo: null,
    failure: null,
    at,
  });
}

async function receive(chatId: string, bareId: string): Promise<void> {
  const key = { fromMe: false, chatId, bareId, participant: null };
  await ingestEvents(db, account, [messageEvent(bareId, { key, chatId, author: chatId })], NOW);
}

it('learning who is who and dealing out the slots of a day do not lock each other out', async () => {
  await receive(FIRST.lid, 'A1');
  // Under both names: it was counted twice, which is taken back.
  await receive(SECOND.lid, 'A2');
  await receive(SECOND.phone, 'A2');
  await accept(FIRST.lid);

  const held = Promise.withResolvers<void>();
  const goesOn = Promise.withResolvers<void>();
  const elsewhere = db.transaction().execute(async (trx) => {
    await sql`select from chats where account_id = ${account} and chat_id = ${FIRST.lid} for update`.execute(
      trx,
    );
    held.resolve();
    await goesOn.promise;
  });
  await held.promise;
  // It has the first chat's messages, and does not come to the second's, by which the day is counted.
  const learning = ingestAddresses(db, account, [FIRST, SECOND], NOW);
  await expectWaiting('transactionid');
  const dealing = updateAccount(db, account, { dailyLimit: 7 }, NOW);
  // For the other's lock, with none of its own that the other may want.
  await expectWaiting('advisory', 'transactionid');
  goesOn.resolve();
  await elsewhere;
  await expect(Promise.all([learning, dealing])).resolves.toBeDefined();
});

it('a transaction that PostgreSQL ends for a deadlock is done again', async () => {
  const both = Promise.withResolvers<void>();
  const runs: string[] = [];
  const lock = (trx: Executor, name: string) =>
    sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx);
  const lockBoth = (first: string, second: string) =>
    transact(db, async (trx) => {
      await lock(trx, first);
      runs.push(first);
      if (runs.length === 2) both.resolve();
      await both.promise;
      await lock(trx, second);
      return first;
    });
  expect(await Promise.all([lockBoth('one', 'other'), lockBoth('other', 'one')])).toEqual(['one', 'other']);
  expect(runs).toHaveLength(3);
});

it('a transaction that fails otherwise is not done again', async () => {
  let runs = 0;
  const failing = transact(db, async (trx) => {
    runs += 1;
    await sql`select 1 / 0`.execute(trx);
  });
  await expect(failing).rejects.toMatchObject({ code: '22012' });
  expect(runs).toBe(1);
});

it('all that changes the messages of an account may do so at the same time', async () => {
  const people = Array.from({ length: 8 }, (_, n) => ({ lid: `99${n}5@lid`, phone: `49170000005${n}@c.us` }));
  for (const { lid } of people.toReversed()) for (let nth = 0; nth < 3; nth += 1) await accept(lid);
  for (const { lid, phone } of people) {
    await receive(lid, `A${lid}`);
    await receive(phone, `A${lid}`);
  }
  const limits = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 5 : 100));
  await Promise.all([
    ...limits.map((dailyLimit) => updateAccount(db, account, { dailyLimit }, NOW)),
    ...people.map((pair) => ingestAddresses(db, account, [pair], NOW)),
    ...people.map(({ phone }) => receive(phone, 'A')),
    ...people.flatMap(({ phone, lid }) => [accept(phone), accept(lid)]),
    ingestAddresses(db, account, people, NOW),
  ]);
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from messages
    where account_id = ${account} and direction = 'outgoing' and status in ('pending', 'deferred')`.execute(
    db,
  );
  expect(rows[0]?.count).toBe(5 * people.length);
});
