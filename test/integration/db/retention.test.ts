import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeMessageId, parseTenantId } from '../../../src/accounts/ids.ts';
import { countOfAccount } from '../../../src/db/account-count.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { dropEmptyPartitions, ensurePartitions } from '../../../src/db/partitions.ts';
import {
  deleteExpiredMessages,
  findLongestRetention,
  findRetention,
  saveRetention,
} from '../../../src/db/retention.ts';
import type { MessageStatus } from '../../../src/messages/message.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  editEvent,
  insertTestAccount,
  messageEvent,
  reactionEvent,
  T0,
} from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const DAY_MS = 86_400_000;
const NOW = new Date(T0);
const daysAgo = (days: number) => T0 - days * DAY_MS;

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;
let tenants = 0;
let tenant = parseTenantId('t0');

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('tenant_settings').execute();
  account = await insertTestAccount(db);
  tenants += 1;
  tenant = parseTenantId(`t${tenants}`);
  await db.updateTable('accounts').set({ tenant_id: tenant }).where('id', '=', account).execute();
});

async function left(id = account): Promise<readonly (string | null)[]> {
  const rows = await db
    .selectFrom('messages')
    .select('bare_id')
    .where('account_id', '=', id)
    .orderBy('timestamp')
    .execute();
  return rows.map(({ bare_id }) => bare_id);
}

/** Received so many days ago, each. */
const receive = (...messages: readonly [string, number][]) =>
  ingestEvents(
    db,
    account,
    messages.map(([bareId, days]) => messageEvent(bareId, { at: daysAgo(days) })),
    NOW,
  );

async function insertOutgoing(bareId: string, days: number, status: MessageStatus): Promise<void> {
  const at = new Date(daysAgo(days));
  const row = { id: makeMessageId(at.getTime()), account_id: account, chat_id: '1@c.us', timestamp: at };
  await db
    .insertInto('messages')
    .values({ ...row, bare_id: bareId, direction: 'outgoing', type: 'text', status, handed_at: at })
    .execute();
}

describe('messages', () => {
  it('are kept for ever unless their tenant says otherwise', async () => {
    await receive(['old', 4_000]);
    expect(await findRetention(db, tenant)).toBeNull();
    expect(await deleteExpiredMessages(db, NOW)).toBe(0);
    await saveRetention(db, tenant, 30);
    await saveRetention(db, tenant, null);
    expect(await deleteExpiredMessages(db, NOW)).toBe(0);
    expect(await left()).toEqual(['old']);
  });

  it('go once they are older than their tenant keeps them, and no others', async () => {
    const other = await insertTestAccount(db);
    await ingestEvents(db, other, [messageEvent('theirs', { at: daysAgo(400) })], NOW);
    await receive(['older', 31], ['edge', 30], ['young', 1]);
    await insertOutgoing('sent', 40, 'read');
    await saveRetention(db, tenant, 30);
    expect(await findRetention(db, tenant)).toBe(30);
    expect(await deleteExpiredMessages(db, NOW)).toBe(2);
    expect(await left()).toEqual(['edge', 'young']);
    expect(await left(other)).toEqual(['theirs']);
    expect((await countOfAccount(db, account)).messages).toBe(2);
  });

  it('go with what hangs on them, and stay away when they are told again', async () => {
    const { chatId } = messageEvent('A');
    await receive(['A', 31]);
    await ingestEvents(db, account, [editEvent('A', 'new', daysAgo(30)), reactionEvent('A', '👍', T0)], NOW);
    await saveRetention(db, tenant, 30);
    await deleteExpiredMessages(db, NOW);
    for (const table of ['message_reactions', 'message_edits'] as const)
      expect(await db.selectFrom(table).selectAll().where('account_id', '=', account).execute()).toEqual([]);
    await receive(['A', 31]);
    await ingestEvents(db, account, [editEvent('A', 'newer', T0)], NOW);
    expect(await left()).toEqual([]);
    const keys = db.selectFrom('message_keys').select('chat_id').where('account_id', '=', account);
    expect(await keys.execute()).toEqual([{ chat_id: chatId }]);
    const waiting = db.selectFrom('waiting_changes').selectAll().where('account_id', '=', account);
    expect(await waiting.execute()).toEqual([]);
  });

  it('stay while they are on their way out', async () => {
    for (const status of ['pending', 'deferred', 'unknown', 'failed', 'cancelled'] as const)
      await insertOutgoing(status, 20, status);
    await insertOutgoing('given up', 40, 'unknown');
    await saveRetention(db, tenant, 7);
    expect(await deleteExpiredMessages(db, NOW)).toBe(3);
    expect((await left()).toSorted()).toEqual(['deferred', 'pending', 'unknown']);
  });

  it('go in portions, and one that is written to is left for the next time', async () => {
    await receive(['1', 50], ['2', 49], ['3', 48], ['4', 47], ['5', 46]);
    await saveRetention(db, tenant, 30);
    expect(await deleteExpiredMessages(db, NOW, { rows: 2, transactions: 1 })).toBe(2);
    await db.transaction().execute(async (trx) => {
      await sql`select from messages where account_id = ${account} and bare_id = '3' for update`.execute(trx);
      expect(await deleteExpiredMessages(db, NOW)).toBe(2);
    });
    expect(await left()).toEqual(['3']);
    expect(await deleteExpiredMessages(db, NOW)).toBe(1);
  });

  it('go whole or not at all when the database ends the work in the middle', async () => {
    await receive(['1', 50], ['2', 49]);
    await ingestEvents(db, account, [reactionEvent('1', '👍', T0)], NOW);
    await saveRetention(db, tenant, 30);
    await db.transaction().execute(async (trx) => {
      // The reactions are deleted, the messages wait, and then the connection is cut.
      await sql`lock table message_edits in access exclusive mode`.execute(trx);
      const cut = deleteExpiredMessages(db, NOW).catch((thrown: unknown) => thrown);
      let waits = 0;
      while (waits === 0) {
        const { rows } = await sql<{ pid: number }>`
          select pid from pg_locks join pg_class on pg_class.oid = relation
          where relname = 'message_edits' and not granted`.execute(trx);
        waits = rows.length;
        for (const { pid } of rows) await sql`select pg_terminate_backend(${pid}::integer)`.execute(trx);
      }
      expect(await cut).toBeInstanceOf(Error);
    });
    expect(await left()).toEqual(['1', '2']);
    const reactions = db.selectFrom('message_reactions').selectAll().where('account_id', '=', account);
    expect(await reactions.execute()).toHaveLength(1);
    expect(await deleteExpiredMessages(db, NOW)).toBe(2);
    expect(await reactions.execute()).toEqual([]);
  });
});

describe('partitions', () => {
  const names = async () => {
    const { rows } = await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'messages'::regclass and inhrelid::regclass::text < 'messages_2026' order by 1`.execute(
      db,
    );
    return rows.map(({ name }) => name);
  };

  it('are past the retention of all tenants only if none keeps its messages for ever', async () => {
    await db.updateTable('accounts').set({ tenant_id: tenant }).execute();
    expect(await findLongestRetention(db)).toBeNull();
    await saveRetention(db, tenant, 30);
    expect(await findLongestRetention(db)).toBe(30);
    const other = await insertTestAccount(db);
    await db.updateTable('accounts').set({ tenant_id: 'other' }).where('id', '=', other).execute();
    expect(await findLongestRetention(db)).toBeNull();
    await saveRetention(db, parseTenantId('other'), 90);
    expect(await findLongestRetention(db)).toBe(90);
  });

  it('are dropped once they are past it and empty, and messages go on being stored', async () => {
    await db.deleteFrom('messages').execute();
    await ensurePartitions(db, new Date('2025-09-15'), 1);
    expect(await names()).toEqual(['messages_2025_08', 'messages_2025_09', 'messages_2025_10']);
    const september = (Date.parse('2025-09-20') - T0) / -DAY_MS;
    await receive(['of september', september]);
    const before = new Date('2025-10-15');
    expect(await dropEmptyPartitions(db, before, NOW)).toBe(1);
    expect(await names()).toEqual(['messages_2025_09', 'messages_2025_10']);
    await saveRetention(db, tenant, 100);
    await deleteExpiredMessages(db, NOW);
    expect(await dropEmptyPartitions(db, before, NOW)).toBe(1);
    expect(await names()).toEqual(['messages_2025_10']);
    await receive(['late', september]);
    expect(await left()).toEqual(['late']);
  });

  it('of this month and the one before are kept, however short messages are', async () => {
    await db.deleteFrom('messages').execute();
    await ensurePartitions(db, NOW, 0);
    await dropEmptyPartitions(db, new Date(daysAgo(1)), NOW);
    expect(await ensurePartitions(db, NOW, 0)).toBe(0);
  });
});
