import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { AccountId } from '../../src/accounts/ids.ts';
import { parseInstanceId } from '../../src/accounts/ids.ts';
import { openDatabase } from '../../src/db/database.ts';
import { NO_FENCE } from '../../src/db/lease-fence.ts';
import { migrateToLatest } from '../../src/db/migrator.ts';
import { ensurePartitions, MONTHS_AHEAD } from '../../src/db/partitions.ts';
import { orAborted } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { openDiskMediaStore } from '../../src/messages/disk-media-store.ts';
import type { MessageEvent } from '../../src/messages/inbound-event.ts';
import { measureMessages } from '../../src/messages/message-metrics.ts';
import { openPipeline } from '../../src/messages/pipeline.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { openQueues } from '../../src/queue/producer.ts';
import { type BenchStores, quietLog } from '../bench-stores.ts';
import { makeSampleEvents } from '../sample-events.ts';
import { PagelessSession } from './pageless-session.ts';

/** Events that the pipeline is given at once. */
const CHUNK = 500;
const LOOK_AGAIN_MS = 10;
/** When nothing more is stored for so long, something was lost. */
const STANDSTILL_MS = 60_000;

const COUNT_STORED = 'select coalesce(sum(received), 0)::int as count from account_usage';

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
  const store = stack.use(await openDiskMediaStore({ path: folder, log: quietLog }));
  const pipeline = stack.use(
    await openPipeline({
      fence: NO_FENCE,
      findRun: () => undefined,
      isHeldHere: () => false,
      ...{ database, redis, queues, store, instanceId, clock: systemClock, log: quietLog },
      messageRateLimit: 0,
      pacing: { warmup: false, jitter: false, breaker: false },
      onCounted: () => undefined,
      onStep: () => undefined,
      meter: measureMessages(new Metrics(), systemClock),
    }),
  );
  const client = new pg.Client(stores.postgres);
  await client.connect();
  stack.defer(() => client.end());
  await insertAccounts(client, accounts);

  const connected = new AbortController();
  stack.defer(() => connected.abort());
  for (const id of accounts) pipeline.serve(new PagelessSession(id), connected.signal);
  // What comes first waits until it is known that there is nothing to read back.
  const first = [...makeSampleEvents(accounts.length, accounts, Date.now())];
  for (const { accountId, event } of first) pipeline.accept(accountId, [asFirst(event)]);
  await untilStored(client, first.length, signal);

  const begunAt = performance.now();
  await feed(pipeline, { count, accounts, signal });
  await untilStored(client, first.length + count, signal);
  const endedAt = performance.now();
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from messages');
  const stored = (rows[0]?.count ?? 0) - first.length;
  if (stored !== count) throw new Error(`${stored} of ${count} messages are stored.`);
  return (count * 1000) / (endedAt - begunAt);
}

export interface IngestSettings {
  readonly count: number;
  readonly accounts: readonly AccountId[];
  readonly folder: string;
  readonly signal: AbortSignal;
}

type Taking = Pick<Awaited<ReturnType<typeof openPipeline>>, 'accept' | 'whenRoom'>;

/** Gives the pipeline all events, each account's as it has room for them. */
async function feed(
  pipeline: Taking,
  { count, accounts, signal }: Omit<IngestSettings, 'folder'>,
): Promise<void> {
  const waiting = new Map<AccountId, MessageEvent[]>(accounts.map((id) => [id, []]));
  for (const { accountId, event } of makeSampleEvents(count, accounts, Date.now() - count * 10)) {
    const events = waiting.get(accountId) ?? [];
    if (events.push(event) < CHUNK) continue;
    await orAborted(pipeline.whenRoom(accountId), signal);
    pipeline.accept(accountId, events.splice(0));
    // As a page would, let others have their turn.
    await delay(0);
  }
  for (const [accountId, events] of waiting) pipeline.accept(accountId, events);
}

/** Resolves when so many are committed; rejects when no more are for a long while. */
async function untilStored(client: pg.Client, wanted: number, signal: AbortSignal): Promise<void> {
  let [stored, movedAt] = [0, performance.now()];
  for (;;) {
    const { rows } = await client.query<{ count: number }>(COUNT_STORED);
    const count = rows[0]?.count ?? 0;
    if (count >= wanted) return;
    if (count > stored) [stored, movedAt] = [count, performance.now()];
    if (performance.now() - movedAt > STANDSTILL_MS)
      throw new Error(`Only ${count} of ${wanted} messages are stored, and no more come.`);
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}

/** Another message of the same kind. */
function asFirst(event: MessageEvent): MessageEvent {
  return { ...event, key: { ...event.key, bareId: `F${event.key.bareId}` } };
}

async function insertAccounts(client: pg.Client, accounts: readonly AccountId[]): Promise<void> {
  for (const id of accounts) {
    await client.query(
      `insert into accounts (id, tenant_id, daily_limit, timezone) values ($1, 'default', 1000, 'UTC')`,
      [id],
    );
  }
}
