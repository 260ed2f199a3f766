import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { findSqlState } from '../../../src/db/data-error.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { isMessage, isOneOfMessages } from '../../../src/db/message-lookup.ts';
import { ensurePartitions } from '../../../src/db/partitions.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;
/** A year of its own for each test, far from the months that the database was made with. */
let year = 2050;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
  year += 2;
});

const noon = (month: number, day = 15) => new Date(Date.UTC(year, month - 1, day, 12));

async function partitions(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'messages'::regclass order by 1`.execute(db);
  return rows.map(({ name }) => name).filter((name) => name >= `messages_${year}`);
}

async function storeAt(at: Date, bareId: string): Promise<string> {
  await ingestEvents(db, account, [messageEvent(bareId, { at: at.getTime() })], at);
  const { rows } = await sql<{ id: string }>`
    select id from messages where account_id = ${account} and bare_id = ${bareId}`.execute(db);
  return rows[0]?.id ?? '';
}

async function placesOf(bareId: string): Promise<string[]> {
  const { rows } = await sql<{ place: string }>`
    select tableoid::regclass::text as place from messages
    where account_id = ${account} and bare_id = ${bareId}`.execute(db);
  return rows.map(({ place }) => place);
}

describe('the partitions of messages', () => {
  it('are there from the month before to the months ahead, and are made once', async () => {
    expect(await ensurePartitions(db, noon(12), 2)).toBe(4);
    const names = [`${year}_11`, `${year}_12`, `${year + 1}_01`, `${year + 1}_02`];
    expect(await partitions()).toEqual([...names.map((name) => `messages_${name}`), 'messages_default']);
    expect(await ensurePartitions(db, noon(12), 2)).toBe(0);
    expect(await ensurePartitions(db, noon(12), 3)).toBe(1);
  });

  it('are made once by daemons that start at the same moment', async () => {
    const counts = await Promise.all([1, 2, 3].map(() => ensurePartitions(db, noon(6), 3)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });

  it('have the statistics of their table', async () => {
    await ensurePartitions(db, noon(6), 0);
    const { rows } = await sql<{ kinds: string }>`
      select relname || ' ' || stxkeys::text as kinds from pg_statistic_ext join pg_class on pg_class.oid = stxrelid
      where relname in ('messages', 'messages_default', ${`messages_${year}_06`}) order by 1`.execute(db);
    const { rows: columns } = await sql<{ keys: string }>`
      select string_agg(attnum::text, ' ' order by attnum) as keys from pg_attribute
      where attrelid = 'messages'::regclass and attname in ('account_id', 'status', 'direction')`.execute(db);
    const keys = columns[0]?.keys;
    expect(rows.map(({ kinds }) => kinds)).toEqual([
      `messages ${keys}`,
      `messages_${year}_06 ${keys}`,
      `messages_default ${keys}`,
    ]);
  });

  it('take over what the default partition holds of their months, and nothing else', async () => {
    const edges = [
      new Date(Date.UTC(year, 4, 31, 23, 59, 59, 999)),
      new Date(Date.UTC(year, 5, 1)),
      new Date(Date.UTC(year, 5, 30, 23, 59, 59, 999)),
    ];
    for (const [index, at] of edges.entries()) await storeAt(at, `edge${index}`);
    expect(await placesOf('edge1')).toEqual(['messages_default']);
    await ensurePartitions(db, noon(6), 0);
    expect(await Promise.all(edges.map((_, index) => placesOf(`edge${index}`)))).toEqual([
      [`messages_${year}_05`],
      [`messages_${year}_06`],
      [`messages_${year}_06`],
    ]);
    await storeAt(noon(8), 'beyond');
    expect(await placesOf('beyond')).toEqual(['messages_default']);
  });

  it('keep the order of acceptance across months', async () => {
    await ensurePartitions(db, noon(3), 0);
    for (const month of [3, 2, 5]) await storeAt(noon(month), `of ${month}`);
    const { rows } = await sql<{ bare_id: string }>`
      select bare_id from messages where account_id = ${account} order by seq`.execute(db);
    expect(rows.map(({ bare_id }) => bare_id)).toEqual(['of 3', 'of 2', 'of 5']);
  });

  it('are left for later if the table is in use for long', async () => {
    await db.transaction().execute(async (trx) => {
      await sql`select from messages limit 1`.execute(trx);
      const failure = await ensurePartitions(db, noon(6), 0).catch((thrown: unknown) => thrown);
      expect(findSqlState(failure)).toBe('55P03');
    });
    expect(await ensurePartitions(db, noon(6), 0)).toBe(2);
  });
});

describe("a message's id", () => {
  async function scanned(condition: ReturnType<typeof isMessage>): Promise<string[]> {
    const { rows } = await sql<{ 'QUERY PLAN': string }>`
      explain select id from messages where ${condition}`.execute(db);
    return [
      ...rows
        .map((row) => row['QUERY PLAN'])
        .join('\n')
        .matchAll(/on (messages_\w+)/g),
    ].map((match) => match[1] ?? '');
  }

  it('tells the one partition in which the message lies', async () => {
    await ensurePartitions(db, noon(3), 2);
    const id = await storeAt(noon(4), 'A');
    expect(await scanned(isMessage(id))).toEqual([`messages_${year}_04`]);
    expect(await scanned(isOneOfMessages([id, makeMessageId(noon(4, 1).getTime())]))).toEqual([
      `messages_${year}_04`,
    ]);
    const found = await db.selectFrom('messages').select('bare_id').where(isMessage(id)).execute();
    expect(found).toEqual([{ bare_id: 'A' }]);
  });

  it('names no message if it is of another version', async () => {
    const of = (ids: string[]) =>
      db.selectFrom('messages').select('id').where(isOneOfMessages(ids)).execute();
    const foreign = crypto.randomUUID();
    expect(await db.selectFrom('messages').select('id').where(isMessage(foreign)).execute()).toEqual([]);
    expect([await of([]), await of([foreign])]).toEqual([[], []]);
  });

  it.each([
    ['before 1970', -5_000, 0],
    ['after 9999', 1e20, 253_402_300_799_999],
    ['of broken milliseconds', 1_700_000_000_000.75, 1_700_000_000_000],
  ])('finds also a message that was dated %s', async (_title, at, stored) => {
    const event = messageEvent('odd', { at });
    await ingestEvents(db, account, [event], new Date());
    await ingestEvents(db, account, [{ ...event, text: 'edited', editedAt: at + 1_000 }], new Date());
    const { rows } = await sql<{ id: string; timestamp: Date; text: string }>`
      select id, "timestamp", text from messages where account_id = ${account}`.execute(db);
    expect(rows).toMatchObject([{ timestamp: new Date(stored), text: 'edited' }]);
    const [row] = rows;
    expect(
      await db
        .selectFrom('messages')
        .select('id')
        .where(isMessage(row?.id ?? ''))
        .execute(),
    ).toEqual([{ id: row?.id }]);
  });
});
