import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted, purgeAccount } from '../../../src/db/account-removal.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { NO_FIGURES } from '../../../src/db/ingest-figures.ts';
import { lockAccountIngest } from '../../../src/db/ingest-statements.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  insertTestAccount,
  messageEvent,
  reactionEvent,
  T0,
} from '../../support/inbound-events.ts';
import { insertTestWebhook, owe } from '../../support/owed-webhook.ts';
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

/** A row in every table beside the messages that an account owns. */
async function insertBesides(id: AccountId): Promise<void> {
  const message = makeMessageId(T0);
  for (const [table, columns, values] of [
    ['message_edits', 'message_id, edited_at', `'${message}', now()`],
    ['poll_votes', 'message_id, voter_id, options, voted_at', `'${message}', 'v', '[]', now()`],
    ['message_changes', 'chat_id, chat_seq, message_id, kind', `'c', 1, '${message}', 'message'`],
    ['chats', 'chat_id', "'c'"],
    ['contacts', 'contact_id', "'c'"],
    ['addresses', 'lid, phone, seen_at', "'1@lid', '1@c.us', now()"],
    ['chat_watermarks', 'chat_id, at, mark', "'c', now(), ''"],
    ['catch_ups', 'cause', "'ready'"],
    ['inbound_positions', 'run', "'r'"],
    ['account_pace', 'breaker', "'open'"],
    ['rejected_events', 'event, error', "'{}', 'e'"],
    ['session_events', 'kind', "'state'"],
    ['media_uploads', 'id, sha256, mime_type, file_size', "gen_random_uuid(), 's', 'm', 1"],
    ['idempotency_keys', 'key, request_hash', "'k', 'h'"],
    ['campaigns', 'id, name, status, total', "gen_random_uuid(), 'n', 'running', 1"],
    ['campaign_items', 'campaign_id, n, recipient', "gen_random_uuid(), 0, 'c'"],
    [
      'webhooks',
      'id, tenant_id, url, events, sealed_secret, created_by',
      "gen_random_uuid(), 'default', 'u', '{}', '', 'c'",
    ],
    [
      'webhook_deliveries',
      'webhook_id, event_id, type, lane, payload',
      "(select id from webhooks limit 1), gen_random_uuid(), 'ping', 'l', '{}'",
    ],
    ['webhook_account_views', 'event_id', '1'],
  ] as const) {
    await sql`insert into ${sql.table(table)} (account_id, ${sql.raw(columns)})
      values (${id}::uuid, ${sql.raw(values)})`.execute(db);
  }
}

async function tablesOfAccounts(): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class join pg_attribute on attrelid = pg_class.oid
    where attname = 'account_id' and relkind in ('r', 'p') and not relispartition
      and relname not like 'vault\\_%'`.execute(db);
  return rows.map(({ name }) => name);
}

async function countIn(table: string, id: AccountId, column = 'account_id'): Promise<number> {
  const { rows } = await sql`
    select from ${sql.table(table)} where ${sql.ref(column)} = ${id}::uuid`.execute(db);
  return rows.length;
}

/** Resolves once the work has ended, or waits for a lock. */
async function untilBlocked(work: Promise<void>): Promise<void> {
  let over = false;
  void work.then(() => {
    over = true;
  });
  while (!over) {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
    over ||= rows.length > 0;
  }
}

it('purges what is known of an account, and what comes out of the queue afterwards', async () => {
  await ingestEvents(db, account, [messageEvent('A'), ackEvent('early', 2, T0)], NOW);
  await purgeAccount(db, account);
  const late = await ingestEvents(db, account, [messageEvent('B'), ackEvent('C', 2, T0)], NOW);
  const nothing = { added: [], statusChanged: [], waiting: 0, awaitingMedia: 0, awaitedAnew: 0 };
  expect(late).toEqual({ ...nothing, figures: NO_FIGURES });
  expect(await rowsLeft()).toBe(0);
});

it('purges every table that knows the account, but for the index of its sealed sessions', async () => {
  await ingestEvents(db, account, [messageEvent('A'), reactionEvent('A', '👍', T0)], NOW);
  await insertBesides(account);
  const other = await insertTestAccount(db);
  await insertBesides(other);
  await purgeAccount(db, account);
  const tables = await tablesOfAccounts();
  expect(tables.length).toBeGreaterThan(15);
  for (const table of tables) expect([table, await countIn(table, account)]).toEqual([table, 0]);
  expect(await countIn('message_edits', other)).toBe(1);
});

it('purges also what is being stored at the same moment', async () => {
  let purged: Promise<void> | undefined;
  await db.transaction().execute(async (trx) => {
    await lockAccountIngest(trx, account);
    const { chatId } = messageEvent('A');
    const row = { id: makeMessageId(T0), account_id: account, chat_id: chatId, timestamp: NOW };
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

it('purges in transactions of a bounded size, the account last, and goes on where it was cut off', async () => {
  const ids = ['A', 'B', 'C', 'D', 'E'];
  await ingestEvents(db, account, [...ids.map((id) => messageEvent(id)), reactionEvent('A', '👍', T0)], NOW);
  const left = async () =>
    (await db.selectFrom('messages').select('bare_id').where('account_id', '=', account).execute()).map(
      ({ bare_id }) => bare_id,
    );
  await db.transaction().execute(async (trx) => {
    await sql`select from messages where account_id = ${account} and bare_id = 'C' for update`.execute(trx);
    const cutOff = purgeAccount(db, account, { rows: 2 }).catch((thrown: unknown) => thrown);
    await expect.poll(left).toEqual(['C']);
    let waits: readonly { readonly pid: number }[] = [];
    const findWaiting = async () => {
      const { rows } = await sql<{ pid: number }>`
        select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(trx);
      waits = rows;
      return rows.length;
    };
    await expect.poll(findWaiting).toBe(1);
    for (const { pid } of waits) await sql`select pg_terminate_backend(${pid}::integer)`.execute(trx);
    expect(await cutOff).toBeInstanceOf(Error);
  });
  expect(await countIn('accounts', account, 'id')).toBe(1);
  await purgeAccount(db, account, { rows: 2 });
  expect(await countIn('accounts', account, 'id')).toBe(0);
  expect(await countIn('message_reactions', account)).toBe(0);
  expect(await rowsLeft()).toBe(0);
});

it('purges while a delivery to a webhook of the account ends: neither ends the other', async () => {
  const webhookId = await insertTestWebhook(db, { accountId: account });
  await owe(db, webhookId, ['a'], NOW);
  let purged: Promise<void> | undefined;
  // As the end of a try does: the lane, then its webhook.
  await db.transaction().execute(async (trx) => {
    const lanes = trx.selectFrom('webhook_lanes').select('lane').where('webhook_id', '=', webhookId);
    await lanes.forUpdate().execute();
    purged = purgeAccount(db, account);
    await untilBlocked(purged);
    const webhook = trx.selectFrom('webhooks').select('id').where('id', '=', webhookId);
    expect(await webhook.forNoKeyUpdate().execute()).toHaveLength(1);
  });
  await purged;
  expect(await countIn('webhooks', account)).toBe(0);
});

it('keeps taking messages for an account that was deleted and not purged', async () => {
  await markAccountDeleted(db, account);
  await ingestEvents(db, account, [messageEvent('A')], NOW);
  expect(await rowsLeft()).toBe(2);
});
