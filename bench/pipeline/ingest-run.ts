import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { AccountId } from '../../src/accounts/ids.ts';
import { parseInstanceId } from '../../src/accounts/ids.ts';
import { openDatabase } from '../../src/db/database.ts';
import { migrateToLatest } from '../../src/db/migrator.ts';
import { ensurePartitions, MONTHS_AHEAD } from '../../src/db/partitions.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { MessageEvent } from '../../src/messages/inbound-event.ts';
import { openMediaStore } from '../../src/messages/media-store.ts';
import { openPipeline } from '../../src/messages/pipeline.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { openQueues } from '../../src/queue/producer.ts';
import { type BenchStores, quietLog } from './bench-stores.ts';
import { makeSampleEvents } from './sample-events.ts';

/** Events that the pipeline is given at once, and those of one account that may be on their way: it holds 10,000. */
const CHUNK = 500;
const ON_THEIR_WAY = 5_000;
const LOOK_AGAIN_MS = 10;

const COUNT_STORED =
  'select account_id, sum(received)::int as received from account_usage group by account_id';

/**
 * Messages a second through Switchboard's own pipeline, from memory by Redis to committed rows, without any page. Every
 * one is counted in the end.
 */
export async function measureIngest(
  stores: BenchStores,
  { count, accounts, folder, signal }: IngestSettings,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(openDatabase({ connection: stores.postgres, log: quietLog }));
  const { db } = database;
  await migrateToLatest(db);
  await ensurePartitions(db, new Date(), MONTHS_AHEAD);
  const redis = stack.use(await openRedis({ location: stores.redis, log: quietLog }));
  const instanceId = parseInstanceId('bench');
  const queues = stack.use(await openQueues({ redis, instanceId, log: quietLog }));
  const store = stack.use(await openMediaStore({ path: folder, log: quietLog }));
  const pipeline = stack.use(
    await openPipeline({
      ...{ database, redis, queues, store, instanceId, clock: systemClock, log: quietLog },
      messageRateLimit: 0,
      pacing: { warmup: false, jitter: false, breaker: false },
      onCounted: () => undefined,
      onStep: () => undefined,
    }),
  );
  const client = new pg.Client(stores.postgres);
  await client.connect();
  stack.defer(() => client.end());
  await insertAccounts(client, accounts);

  const begunAt = performance.now();
  await feed({ pipeline, client, count, accounts, signal });
  const endedAt = performance.now();
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from messages');
  if (rows[0]?.count !== count) throw new Error(`${rows[0]?.count} of ${count} messages are stored.`);
  return (count * 1000) / (endedAt - begunAt);
}

export interface IngestSettings {
  readonly count: number;
  readonly accounts: readonly AccountId[];
  readonly folder: string;
  readonly signal: AbortSignal;
}

interface Feeding extends Pick<IngestSettings, 'count' | 'accounts' | 'signal'> {
  readonly pipeline: Pick<Awaited<ReturnType<typeof openPipeline>>, 'accept'>;
  readonly client: pg.Client;
}

/** Resolves when all are committed. */
async function feed({ pipeline, client, count, accounts, signal }: Feeding): Promise<void> {
  const given = new Map<AccountId, number>();
  const stored = new Map<string, number>();
  const look = async () => {
    signal.throwIfAborted();
    const { rows } = await client.query<{ account_id: string; received: number }>(COUNT_STORED);
    for (const { account_id, received } of rows) stored.set(account_id, received);
  };
  const waiting = new Map<AccountId, MessageEvent[]>(accounts.map((id) => [id, []]));
  const give = (accountId: AccountId, events: MessageEvent[]) => {
    given.set(accountId, (given.get(accountId) ?? 0) + events.length);
    pipeline.accept(accountId, events);
  };
  for (const { accountId, event } of makeSampleEvents(count, accounts, Date.now() - count * 10)) {
    const events = waiting.get(accountId) ?? [];
    if (events.push(event) < CHUNK) continue;
    while ((given.get(accountId) ?? 0) - (stored.get(accountId) ?? 0) > ON_THEIR_WAY - CHUNK) {
      await delay(LOOK_AGAIN_MS);
      await look();
    }
    give(accountId, events.splice(0));
  }
  for (const [accountId, events] of waiting) if (events.length > 0) give(accountId, events);
  const isDone = () => accounts.every((id) => stored.get(id) === (given.get(id) ?? 0));
  for (await look(); !isDone(); await look()) await delay(LOOK_AGAIN_MS);
}

async function insertAccounts(client: pg.Client, accounts: readonly AccountId[]): Promise<void> {
  for (const id of accounts) {
    await client.query(
      `insert into accounts (id, tenant_id, daily_limit, timezone) values ($1, 'default', 1000, 'UTC')`,
      [id],
    );
  }
}
