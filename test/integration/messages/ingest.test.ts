import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { NO_FIGURES } from '../../../src/db/ingest-figures.ts';
import type { IngestResult } from '../../../src/db/ingest-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { LogFields, Logger } from '../../../src/lib/logger.ts';
import { makeIngest } from '../../../src/messages/ingest.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  insertTestAccount,
  makeJobs,
  messageEvent,
  ownMessageEvent,
  T0,
} from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const stack = new AsyncDisposableStack();
const never = new AbortController().signal;
let database: TestDatabase;
let db: Executor;
let account: AccountId;
let jobOf: ReturnType<typeof makeJobs>;
let errors: LogFields[];
let onWarn: (message: string) => void;
const log: Logger = {
  ...silentLog,
  warn: (message) => onWarn(message),
  error: (_, fields) => errors.push(fields ?? {}),
};

beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
  jobOf = makeJobs(account);
  errors = [];
  onWarn = () => undefined;
});

const idsOf = async (accountId: AccountId, executor = db) => {
  const rows = await executor
    .selectFrom('messages')
    .select('bare_id')
    .where('account_id', '=', accountId)
    .orderBy('seq')
    .execute();
  return rows.map((row) => row.bare_id);
};

describe('a job with an event that cannot be stored', () => {
  it.each([
    ['no time at all', { at: Number.NaN }],
    [
      'a key longer than an index row',
      { chatId: `${Array.from({ length: 9_000 }, Math.random).join('')}@c.us` },
    ],
    ['no list of mentions', { mentions: undefined as never }],
  ])('sets it apart and stores its neighbours: %s', async (_, given) => {
    const ingest = makeIngest({ db, log, clock: systemClock });
    const poison = messageEvent('P', { ...given, text: 'secret' });
    const events = [messageEvent('A'), poison, messageEvent('B'), ackEvent('P2', 1, T0)];
    await ingest(jobOf(...events), never);

    expect(await idsOf(account)).toEqual(['A', 'B']);
    const rejected = await db
      .selectFrom('rejected_events')
      .select(['event', 'error'])
      .where('account_id', '=', account)
      .execute();
    expect(rejected).toHaveLength(1);
    expect(rejected[0]?.event).toMatchObject({ kind: 'message', key: { bareId: 'P' }, text: 'secret' });
    expect(rejected[0]?.error).not.toBe('');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ accountId: account, kind: 'message', key: { bareId: 'P' } });
    expect(JSON.stringify(errors)).not.toContain('secret');
  });

  it('is set apart with a kind of a later version, unharmed', async () => {
    const ingest = makeIngest({ db, log, clock: systemClock });
    const later = { ...ackEvent('A', 1, T0), kind: 'pin' as never, note: 'a\0b' };
    await ingest(jobOf(ownMessageEvent('A'), later), never);
    expect(await idsOf(account)).toEqual(['A']);
    const rejected = await db
      .selectFrom('rejected_events')
      .select('event')
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow();
    expect(rejected.event).toMatchObject({ kind: 'pin', note: 'a\uFFFDb' });
  });
});

describe('jobs', () => {
  it('of one account are stored in the order in which they came', async () => {
    const ingest = makeIngest({ db, log, clock: systemClock });
    const ids = Array.from({ length: 40 }, (_, i) => `M${i}`);
    await Promise.all(ids.map((id) => ingest(jobOf(messageEvent(id)), never)));
    expect(await idsOf(account)).toEqual(ids);
  });

  it('tell what they stored, after it is there', async () => {
    const told: IngestResult[] = [];
    const ingest = makeIngest({ db, log, clock: systemClock, onStored: (_, result) => told.push(result) });
    await ingest(jobOf(ownMessageEvent('A')), never);
    await ingest(jobOf(ackEvent('A', 3, T0)), never);
    const id = told[0]?.added[0];
    expect(told).toEqual([
      {
        added: [id],
        statusChanged: [],
        waiting: 0,
        awaitingMedia: 0,
        awaitedAnew: 0,
        figures: { ...NO_FIGURES, elsewhere: 1 },
      },
      {
        added: [],
        statusChanged: [{ messageId: id, status: 'read' }],
        waiting: 0,
        awaitingMedia: 0,
        awaitedAnew: 0,
        figures: { ...NO_FIGURES, statuses: ['read'] },
      },
    ]);
  });
});

describe('while the database is away', () => {
  /** Takes the messages table away until the returned function gives it back. */
  async function hideMessages(): Promise<() => Promise<void>> {
    await db.schema.alterTable('messages').renameTo('messages_hidden').execute();
    return () => db.schema.alterTable('messages_hidden').renameTo('messages').execute();
  }

  it('a job waits for it, and those behind it keep their order', async () => {
    const giveBack = await hideMessages();
    const tried = Promise.withResolvers<void>();
    onWarn = () => tried.resolve();
    const ingest = makeIngest({ db, log, clock: systemClock });
    const jobs = ['A', 'B'].map((id) => ingest(jobOf(messageEvent(id)), never));
    await tried.promise;
    await giveBack();
    await Promise.all(jobs);
    expect(await idsOf(account)).toEqual(['A', 'B']);
    expect(errors).toEqual([]);
  });

  it('a job ends with the signal, and nothing of it is set apart', async () => {
    const giveBack = await hideMessages();
    const stop = new AbortController();
    const tried = Promise.withResolvers<void>();
    onWarn = () => tried.resolve();
    const ingest = makeIngest({ db, log, clock: systemClock });
    const job = expect(ingest(jobOf(messageEvent('A')), stop.signal)).rejects.toThrow('stop');
    await tried.promise;
    stop.abort(new Error('stop'));
    await job;
    await giveBack();
    expect(await idsOf(account)).toEqual([]);
  });

  it('a job outlives the end of its connection, wherever that finds it', async () => {
    const admin = openDatabase({ connection: database.connection, log: silentLog, poolSize: 1 });
    const ingest = makeIngest({ db, log, clock: systemClock });
    const ids = Array.from({ length: 30 }, (_, i) => `M${i}`);
    for (const id of ids) {
      const job = ingest(jobOf(messageEvent(id)), never);
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${database.connection.database} and pid <> pg_backend_pid()
          and backend_type = 'client backend'`.execute(admin.db);
      await job;
    }
    expect(await idsOf(account, admin.db)).toEqual(ids);
    await admin[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });
});
