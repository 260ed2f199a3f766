import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { AccountId } from '../../src/accounts/ids.ts';
import type { MessageEvent } from '../../src/messages/inbound-event.ts';
import type { BenchStores } from '../bench-stores.ts';
import { makeSampleEvents } from '../sample-events.ts';

/** Jobs at work at a time, and adds under way at a time, as the naive consumer of the stack page had them. */
const CONCURRENCY = 50;
const ADDS = 64;
/** Rows of one statement, and connections that write at a time. */
const ROWS = 500;
const WRITERS = 4;

/** A table for messages as one would make it at first: no partitions, no listing indexes, one key. */
const TABLE = `(account_id uuid not null, chat_id text not null, bare_id text not null, author text, body text,
  at timestamptz not null, event jsonb not null, primary key (account_id, chat_id, bare_id))`;
const COLUMNS = 'account_id, chat_id, bare_id, author, body, at, event';

interface Row {
  readonly account_id: string;
  readonly chat_id: string;
  readonly bare_id: string;
  readonly author: string | null;
  readonly body: string | null;
  readonly at: string;
  readonly event: MessageEvent;
}

interface Job {
  readonly accountId: AccountId;
  readonly event: MessageEvent;
}

export interface LimitSettings {
  readonly count: number;
  readonly accounts: readonly AccountId[];
  readonly signal: AbortSignal;
}

/** Messages a second of the consumer that everybody writes first: a job a message, an insert a job. */
export async function measureNaive(stores: BenchStores, settings: LimitSettings): Promise<number> {
  const { count, signal } = settings;
  await using stack = new AsyncDisposableStack();
  const pool = await openTable(stores, 'bench_naive', stack, CONCURRENCY);
  const connection = new Redis(stores.redis.path, { maxRetriesPerRequest: null });
  stack.defer(() => void connection.disconnect());
  const queue = new Queue<Job>('bench-naive', { connection, prefix: 'bench' });
  stack.defer(() => queue.close());
  const done = Promise.withResolvers<void>();
  let stored = 0;
  const worker = new Worker<Job>(
    'bench-naive',
    async ({ data }) => {
      const values = Object.values(toRow(data));
      await pool.query(
        `insert into bench_naive (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
        values,
      );
      stored += 1;
      if (stored === count) done.resolve();
    },
    { connection, prefix: 'bench', concurrency: CONCURRENCY },
  );
  stack.defer(() => worker.close());
  worker.on('error', done.reject).on('failed', (_job, error) => done.reject(error));
  await worker.waitUntilReady();
  const begunAt = performance.now();
  await addAll(queue, settings);
  await done.promise;
  signal.throwIfAborted();
  return (count * 1000) / (performance.now() - begunAt);
}

async function addAll(queue: Queue<Job>, { count, accounts, signal }: LimitSettings): Promise<void> {
  const events = makeSampleEvents(count, accounts, Date.now());
  const add = async () => {
    for (const job of events) {
      signal.throwIfAborted();
      await queue.add('message', job, { removeOnComplete: true });
    }
  };
  await Promise.all(Array.from({ length: ADDS }, add));
}

/** Rows a second that PostgreSQL takes in statements of many rows, from memory, without a queue. */
export async function measureMultiRow(stores: BenchStores, settings: LimitSettings): Promise<number> {
  const { count, accounts, signal } = settings;
  await using stack = new AsyncDisposableStack();
  const pool = await openTable(stores, 'bench_multi', stack, WRITERS);
  const events = makeSampleEvents(count, accounts, Date.now());
  const write = async () => {
    for (let rows = takeRows(events); rows.length > 0; rows = takeRows(events)) {
      signal.throwIfAborted();
      await pool.query(
        `insert into bench_multi (${COLUMNS}) select ${COLUMNS} from json_to_recordset($1) as r
           (account_id uuid, chat_id text, bare_id text, author text, body text, at timestamptz, event jsonb)
         on conflict do nothing`,
        [JSON.stringify(rows)],
      );
    }
  };
  const begunAt = performance.now();
  await Promise.all(Array.from({ length: WRITERS }, write));
  return (count * 1000) / (performance.now() - begunAt);
}

function takeRows(events: Iterator<Job>): Row[] {
  const rows: Row[] = [];
  while (rows.length < ROWS) {
    const next = events.next();
    if (next.done) break;
    rows.push(toRow(next.value));
  }
  return rows;
}

function toRow({ accountId, event }: Job): Row {
  const { chatId, key, author, text, at } = event;
  return {
    account_id: accountId,
    chat_id: chatId,
    bare_id: key.bareId,
    author,
    body: text,
    at: new Date(at).toISOString(),
    event,
  };
}

async function openTable(
  stores: BenchStores,
  name: string,
  stack: AsyncDisposableStack,
  connections: number,
): Promise<pg.Pool> {
  const pool = new pg.Pool({ ...stores.postgres, max: connections });
  stack.defer(() => pool.end());
  await pool.query(`drop table if exists ${name}`);
  await pool.query(`create table ${name} ${TABLE}`);
  stack.defer(async () => void (await pool.query(`drop table ${name}`)));
  return pool;
}
