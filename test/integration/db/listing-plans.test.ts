/** What PostgreSQL does for each list of the API, with its own settings, once there is much of everything. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccountId, parseTenantId } from '../../../src/accounts/ids.ts';
import { countOfAccount, foldMessageCounts } from '../../../src/db/account-count.ts';
import { listAccountsToday } from '../../../src/db/account-directory.ts';
import { listGrants } from '../../../src/db/account-grant-store.ts';
import { type AuditFilter, listAudit } from '../../../src/db/audit-store.ts';
import { listCampaigns } from '../../../src/db/campaign-store.ts';
import { listChats } from '../../../src/db/chat-store.ts';
import { listContacts } from '../../../src/db/contact-store.ts';
import type { Executor } from '../../../src/db/database.ts';
import { listInstances } from '../../../src/db/instance-directory.ts';
import { listKeys } from '../../../src/db/issued-key-store.ts';
import type { KeysetPosition, Page } from '../../../src/db/keyset.ts';
import { listMessages, type MessageFilter } from '../../../src/db/message-store.ts';
import { deleteExpiredMessages, saveRetention } from '../../../src/db/retention.ts';
import { listUsage } from '../../../src/db/usage-store.ts';
import { listDeliveries } from '../../../src/db/webhook-delivery-store.ts';
import { listWebhooks } from '../../../src/db/webhook-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import {
  BUSY_CHAT,
  insertManyMessages,
  LOUD_GROUP,
  type ManyMessages,
  QUIET_CHAT,
} from '../../support/many-messages.ts';
import { StatementExaminer } from '../../support/query-plan.ts';
import { scaled } from '../../support/scale.ts';

const COUNT = scaled(100_000, 5_000_000);
const MONTHS = scaled(24, 60);
const LIMIT = 50;
/** Rows that a list may look at for each that it was asked for. */
const FACTOR = 3;
/** So long filling the database may take on a machine that is busy. */
const FILLING_MS = scaled(120_000, 3_600_000);
const NOW = new Date();
const DAY_MS = 86_400_000;

const stack = new AsyncDisposableStack();
let accounts: ManyMessages;
let examiner: StatementExaminer;
let tenant: ReturnType<typeof parseTenantId>;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  examiner = stack.use(new StatementExaminer(database.connection));
  const { db } = examiner;
  accounts = {
    large: await insertTestAccount(db),
    sending: await insertTestAccount(db),
    small: await insertTestAccount(db),
  };
  await insertManyAccounts(db, accounts.large);
  await insertManyOfAccess(db);
  await insertManyOfWebhooks(db);
  await insertManyCampaigns(db);
  await insertManyInstances(db);
  await insertManyMessages(db, accounts, { count: COUNT, months: MONTHS, now: NOW });
}, FILLING_MS);
afterAll(() => stack.disposeAsync());

/** Of the same tenant; most are deleted. */
async function insertManyAccounts(db: Executor, id: AccountId): Promise<void> {
  const row = await db
    .selectFrom('accounts')
    .select('tenant_id')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  tenant = parseTenantId(row.tenant_id);
  await sql`
    update accounts set created_at = now() - interval '9 years' where tenant_id = ${tenant}`.execute(db);
  await sql`
    insert into accounts (id, tenant_id, daily_limit, timezone, created_at, deleted_at)
    select gen_random_uuid(), ${tenant}, 10, 'UTC', now() - i * interval '1 minute',
      case when i % 20 > 0 then now() end
    from generate_series(1, 10000) i`.execute(db);
  await sql`
    insert into account_grants (account_id, user_id, granted_by)
    select id, 'sees all', 'test' from accounts union all
    (select id, 'sees some', 'test' from accounts where deleted_at is null order by id limit 20)`.execute(db);
}

/** Keys and grants, as many as accounts, and changes, most of them by one actor and of one kind. */
async function insertManyOfAccess(db: Executor): Promise<void> {
  await sql`
    insert into api_keys (id, tenant_id, role, name, prefix, sha256, created_at, revoked_at)
    select gen_random_uuid(), ${tenant}, 'agent', 'Key', 'sb_abc', i::text, now() - i * interval '1 minute',
      case when i % 20 > 0 then now() end
    from generate_series(1, 10000) i`.execute(db);
  await sql`
    insert into account_grants (account_id, user_id, granted_by)
    select ${accounts.large}, 'user ' || i, 'test' from generate_series(1, 10000) i`.execute(db);
  await sql`
    insert into audit_log (tenant_id, at, actor_kind, actor_id, actor_name, action, address, request_id)
    select case when i % 50 = 0 then 'other' else ${tenant} end, now() - i * interval '1 minute', 'key',
      case when i % 100 = 1 then 'rare' else 'often' end, 'Key',
      case when i % 100 = 2 then 'rare' else 'often' end, '::1', 'r'
    from generate_series(1, 30000) i`.execute(db);
  await sql`analyze api_keys, account_grants, audit_log`.execute(db);
}

const webhookId = crypto.randomUUID();

/** Webhooks, and deliveries of one of them, few of which are dead letters. */
async function insertManyOfWebhooks(db: Executor): Promise<void> {
  await sql`
    insert into webhooks (id, tenant_id, url, events, sealed_secret, created_by, created_at)
    select case i when 1 then ${webhookId}::uuid else gen_random_uuid() end,
      case when i % 50 = 0 then 'other' else ${tenant} end, 'https://shop.example', '{}', '', 'test',
      now() - i * interval '1 minute'
    from generate_series(1, 5000) i`.execute(db);
  await sql`
    insert into webhook_deliveries (webhook_id, event_id, type, lane, payload, status, created_at)
    select ${webhookId}, i::text, 'ping', i::text, '{}', case when i % 100 = 0 then 'dead' else 'delivered' end,
      now() - i * interval '1 minute'
    from generate_series(1, 30000) i`.execute(db);
  await sql`analyze webhooks, webhook_deliveries`.execute(db);
}

/** Most of one account. */
async function insertManyCampaigns(db: Executor): Promise<void> {
  await sql`
    insert into campaigns (id, account_id, name, status, total, created_at)
    select gen_random_uuid(), case when i % 50 = 0 then ${accounts.small}::uuid else ${accounts.large}::uuid end,
      'Campaign', case when i % 100 = 0 then 'running' else 'ended' end, 1, now() - i * interval '1 minute'
    from generate_series(1, 10000) i`.execute(db);
  await sql`analyze campaigns`.execute(db);
}

/** More than fit on a page. What an instance holds is counted, so it is little here. */
async function insertManyInstances(db: Executor): Promise<void> {
  await sql`
    insert into instances (instance_id, process, capacity, lease_until)
    select 'instance-' || i, 'p', 100, now() from generate_series(1, ${LIMIT + 20}::integer) i`.execute(db);
  await sql`
    update accounts set lease_run = instances.run
    from instances, (select id, row_number() over (order by id) as nth from accounts where deleted_at is null) free
    where accounts.id = free.id and instances.instance_id = 'instance-' || free.nth`.execute(db);
  await sql`analyze instances, accounts`.execute(db);
}

const AUDIT_FILTERS: Readonly<Record<string, AuditFilter>> = {
  'all changes': {},
  'changes by one who changes much': { actor: 'often' },
  'changes by one who changes little': { actor: 'rare' },
  'changes of a kind that is rare': { action: 'rare' },
  'changes of an hour': { since: new Date(NOW.getTime() - 3 * 3_600_000), until: NOW },
  'changes by nobody': { actor: 'nobody' },
};

type List = (db: Executor, after: KeysetPosition | null) => Promise<Page<unknown>>;

/** Looks at the first page and at one far behind it. */
async function expectFewExamined(list: List): Promise<void> {
  const first = await examiner.examine((db) => list(db, null));
  let next = first.answer.next;
  for (let page = 0; page < 5 && next !== null; page += 1) {
    const at: KeysetPosition = next;
    next = (await list(examiner.db, at)).next ?? null;
  }
  const later = next === null ? [] : (await examiner.examine((db) => list(db, next))).statements;
  const large = [...first.statements, ...later].filter(({ examined }) => examined > FACTOR * LIMIT);
  expect(large).toEqual([]);
}

const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS);

const FILTERS: Readonly<Record<string, MessageFilter>> = {
  'all messages': {},
  'messages of a loud group': { chatId: LOUD_GROUP },
  'messages of a busy chat': { phoneNumber: '+491700000001' },
  'messages of a quiet chat': { chatId: QUIET_CHAT },
  'messages of a chat that is none': { chatId: '490000000000@c.us' },
  'incoming messages': { direction: 'incoming' },
  'outgoing messages': { direction: 'outgoing' },
  'failed messages': { status: 'failed' },
  'read messages': { status: 'read' },
  'delivered messages': { status: 'delivered' },
  'outgoing messages that were sent': { direction: 'outgoing', status: 'sent' },
  'incoming messages that were read': { direction: 'incoming', status: 'read' },
  'cancelled messages': { status: 'cancelled' },
  'pending messages': { status: 'pending' },
  'incoming messages that failed': { direction: 'incoming', status: 'failed' },
  'outgoing messages to a loud group': { chatId: LOUD_GROUP, direction: 'outgoing' },
  'failed messages to a loud group': { chatId: LOUD_GROUP, status: 'failed' },
  'read messages of a busy chat': { chatId: BUSY_CHAT, direction: 'incoming', status: 'read' },
  'messages of a day': { since: daysAgo(100), until: daysAgo(99) },
  'messages since a year': { since: daysAgo(365) },
  'messages until a year ago': { until: daysAgo(365) },
  'outgoing messages until a year ago': { until: daysAgo(365), direction: 'outgoing' },
  'failed messages of a week to a loud group': {
    chatId: LOUD_GROUP,
    status: 'failed',
    since: daysAgo(300),
    until: daysAgo(293),
  },
};

describe(`of ${COUNT} messages`, () => {
  for (const owner of ['large', 'sending', 'small'] as const) {
    it.each(Object.keys(FILTERS))(
      `little more is examined than a page shows: %s of the ${owner} account`,
      async (name) => {
        await expectFewExamined((db, after) =>
          listMessages(db, accounts[owner], FILTERS[name] ?? {}, { limit: LIMIT, after }),
        );
      },
    );
  }

  it.each<[string, MessageFilter, ReturnType<typeof sql<boolean>>]>([
    ['all', {}, sql`true`],
    ['incoming', { direction: 'incoming' }, sql`direction = 'incoming'`],
    ['read', { status: 'read' }, sql`status = 'read'`],
    ['of a loud group', { chatId: LOUD_GROUP }, sql`chat_id = ${LOUD_GROUP}`],
    [
      'of some months',
      { since: daysAgo(300), until: daysAgo(40) },
      sql`"timestamp" >= ${daysAgo(300)} and "timestamp" < ${daysAgo(40)}`,
    ],
  ])('pages together hold each once, newest first: %s', async (_name, filter, condition) => {
    const { db } = examiner;
    const { rows } = await sql<{ id: string }>`
      select id from messages where account_id = ${accounts.small} and ${condition}
      order by "timestamp" desc, seq desc`.execute(db);
    const found: string[] = [];
    let after: KeysetPosition | null = null;
    do {
      const page: Page<{ readonly id: string }> = await listMessages(db, accounts.small, filter, {
        limit: 7,
        after,
      });
      found.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(found).toEqual(rows.map(({ id }) => id));
  });

  it('those of the newest months alone are looked for where they fill a page', async () => {
    const { statements } = await examiner.examine((db) =>
      listMessages(db, accounts.large, {}, { limit: LIMIT, after: null }),
    );
    const partitions = statements.flatMap((statement) => statement.partitions);
    expect(partitions.length).toBeGreaterThan(0);
    expect(partitions.length).toBeLessThanOrEqual(6);
  });

  it('those of the month before are looked for after a page of years ago', async () => {
    const after = { at: `${daysAgo(400).toISOString().slice(0, -1)}000Z`, tie: '0' };
    const { statements } = await examiner.examine((db) =>
      listMessages(db, accounts.large, {}, { limit: LIMIT, after }),
    );
    const partitions = statements.flatMap((statement) => statement.partitions);
    expect(partitions.length).toBeLessThanOrEqual(2);
  });

  it('the number is known without looking at them', async () => {
    await foldMessageCounts(examiner.db);
    const { answer, statements } = await examiner.examine((db) => countOfAccount(db, accounts.sending));
    const counted = await sql<{ count: number }>`
      select count(*)::integer as count from messages where account_id = ${accounts.sending}`.execute(
      examiner.db,
    );
    expect(answer.messages).toBe(counted.rows[0]?.count);
    for (const { examined } of statements) expect(examined).toBeLessThanOrEqual(FACTOR * LIMIT);
  });
});

describe('little more is examined than a page shows', () => {
  it.each<[string, List]>([
    ['of chats', (db, after) => listChats(db, accounts.large, { limit: LIMIT, after })],
    [
      'of chats without a message',
      (db, after) => listChats(db, accounts.large, { limit: LIMIT, after: after ?? { at: null, tie: 'x' } }),
    ],
    ['of contacts', (db, after) => listContacts(db, accounts.large, { limit: LIMIT, after })],
    ['of days', (db, after) => listUsage(db, accounts.large, {}, { limit: LIMIT, after, now: NOW })],
    [
      'of days of a range',
      (db, after) => listUsage(db, accounts.large, { to: '2024-01-01' }, { limit: LIMIT, after, now: NOW }),
    ],
    ['of campaigns', (db, after) => listCampaigns(db, accounts.large, { limit: LIMIT, after })],
    [
      'of campaigns of one that has few',
      (db, after) => listCampaigns(db, accounts.small, { limit: LIMIT, after }),
    ],
    ['of instances', (db, after) => listInstances(db, { limit: LIMIT, after })],
    ['of keys', (db, after) => listKeys(db, tenant, { limit: LIMIT, after })],
    ['of webhooks', (db, after) => listWebhooks(db, tenant, { limit: LIMIT, after })],
    ...([undefined, 'dead'] as const).map((status): [string, List] => [
      `of deliveries that are ${status ?? 'in any state'}`,
      (db, after) => listDeliveries(db, { webhookId, status }, { limit: LIMIT, after }),
    ]),
    ['of grants', (db, after) => listGrants(db, accounts.large, { limit: LIMIT, after })],
    ...Object.entries(AUDIT_FILTERS).map(([name, filter]): [string, List] => [
      `of ${name}`,
      (db, after) => listAudit(db, tenant, filter, { limit: LIMIT, after }),
    ]),
    ...['sees all', 'sees some'].map((grantee): [string, List] => [
      `of accounts that were granted to one who ${grantee}`,
      (db, after) => listAccountsToday(db, { tenantId: tenant, grantee }, { limit: LIMIT, after }),
    ]),
    [
      'of accounts',
      (db, after) => listAccountsToday(db, { tenantId: tenant, grantee: null }, { limit: LIMIT, after }),
    ],
  ])('%s', async (_name, list) => {
    await expectFewExamined(list);
  });
});

describe('messages of an account of which direction and status are like no other', () => {
  it('are not all read for a page', async () => {
    const { db } = examiner;
    const id = await insertTestAccount(db);
    const month = new Date(Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() - 1, 1));
    await sql`
      insert into messages (id, account_id, chat_id, bare_id, direction, type, status, "timestamp")
      select gen_random_uuid(), ${id}::uuid, ${QUIET_CHAT}, upper(md5(i::text)), 'outgoing', 'text', 'failed',
        ${month}::timestamptz + i * interval '40 minutes'
      from generate_series(1, 1000) i`.execute(db);
    await sql`analyze messages`.execute(db);
    await expectFewExamined((by, after) =>
      listMessages(by, id, { status: 'failed' }, { limit: LIMIT, after }),
    );
  });
});

describe('messages that are past their retention', () => {
  it('are found and deleted without looking at the rest', async () => {
    const alone = parseTenantId('alone');
    const { large: id } = accounts;
    await examiner.db.updateTable('accounts').set({ tenant_id: alone }).where('id', '=', id).execute();
    await saveRetention(examiner.db, alone, 200);
    const { answer, statements } = await examiner.examine((db) =>
      deleteExpiredMessages(db, NOW, { rows: LIMIT, transactions: 3 }),
    );
    expect(answer).toBe(3 * LIMIT);
    const large = statements.filter(
      ({ sql: text, examined }) => /"messages"|message_/.test(text) && examined > FACTOR * LIMIT,
    );
    expect(large).toEqual([]);
  });
});
