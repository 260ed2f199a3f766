import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { registerRun } from '../../../src/db/lease-store.ts';
import { SESSION_CALLS_CHANNEL } from '../../../src/db/session-call-store.ts';
import { HeldElsewhereError } from '../../../src/instances/lease.ts';
import {
  HolderGoneError,
  openSessionCalls,
  type PerformCall,
  type SessionCalls,
} from '../../../src/instances/session-calls.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { endRun, insertRun } from '../../support/instance-rows.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const DISCONNECT = { kind: 'disconnect' } as const;
const nobody: PerformCall = () => expect.fail('nobody was asked');

const stack = new AsyncDisposableStack();
let database: TestDatabase;
let db: Executor;
let log: RecordingLogger;
let opened: AsyncDisposableStack;
let id: AccountId;

beforeAll(async () => {
  database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: new RecordingLogger() })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  log = new RecordingLogger();
  opened = new AsyncDisposableStack();
  id = makeAccountId();
  await db.deleteFrom('instances').execute();
  return () => opened.disposeAsync();
});

async function openCalls(perform: PerformCall, ownRun: () => number | undefined): Promise<SessionCalls> {
  const { connection } = database;
  return opened.use(await openSessionCalls({ connection, db, log, clock, ownRun, perform }));
}

/** An instance that asks, and the run of another, which does what is asked of it as `perform` says. */
async function openPair(perform: PerformCall): Promise<{ asking: SessionCalls; run: number }> {
  const run = await insertRun(db, 'holder');
  await openCalls(perform, () => run);
  return { asking: await openCalls(nobody, () => undefined), run };
}

const left = () => db.selectFrom('session_calls').selectAll().execute();
const notifyAsked = (run: number) =>
  sql`select pg_notify(${SESSION_CALLS_CHANNEL}, ${`asked:${run}`})`.execute(db);

it('has another run do something and answers what that one did, leaving nothing behind', async () => {
  const done: unknown[] = [];
  const { asking, run } = await openPair(async (accountId, call) => {
    done.push([accountId, call]);
    return { it: 'is done' };
  });
  const call = { kind: 'start', fresh: true } as const;
  expect(await asking.ask(run, id, call)).toEqual({ it: 'is done' });
  expect(done).toEqual([[id, call]]);
  expect(await left()).toEqual([]);
});

it('throws what was thrown there: by code, text and details', async () => {
  const details = [{ field: 'emoji', message: 'Use another.' }];
  const { asking, run } = await openPair(async () => {
    throw new AppError('MESSAGE_NOT_REACTABLE', { message: 'Not this one.', details });
  });
  const thrown = await asking.ask(run, id, DISCONNECT).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(AppError);
  expect(thrown).toMatchObject({ code: 'MESSAGE_NOT_REACTABLE', message: 'Not this one.', details });
  expect(await left()).toEqual([]);
});

it('tells of a fault no more than that there was one, which stands in the log where it was', async () => {
  const { asking, run } = await openPair(async () => {
    throw new TypeError('a secret of the page');
  });
  const thrown = await asking.ask(run, id, DISCONNECT).catch((error: unknown) => error);
  expect(thrown).not.toBeInstanceOf(AppError);
  expect(String(thrown)).not.toContain('secret');
  expect(log.lines).toContainEqual(
    expect.objectContaining({ level: 'error', message: 'What another instance asked ended in a fault' }),
  );
});

it('says that the holder is gone: one that gave the account away, one that never was, one that ends', async () => {
  const holder = { run: 1, instanceId: parseInstanceId('third') };
  const { asking, run } = await openPair(async () => {
    throw new HeldElsewhereError(holder);
  });
  await expect(asking.ask(run, id, DISCONNECT)).rejects.toThrow(HolderGoneError);
  await expect(asking.ask(run + 1_000, id, DISCONNECT)).rejects.toThrow(HolderGoneError);

  const begun = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  const second = await insertRun(db, 'second');
  await openCalls(
    () => {
      begun.resolve();
      return never.promise;
    },
    () => second,
  );
  const asked = asking.ask(second, id, DISCONNECT).catch((error: unknown) => error);
  await begun.promise;
  await endRun(db, second);
  expect(await asked).toMatchObject({ code: 'UNAVAILABLE', name: 'AppError' });
  expect(await asked).toBeInstanceOf(HolderGoneError);
  never.resolve();
});

it('neither begins what a run was asked before it lapsed nor answers what that had begun, under the next one', async () => {
  const term = { sharedTermMs: 20_000, aloneTermMs: 20_000, othersQuietMs: 0 };
  const fresh = { instanceId: parseInstanceId('holder'), process: 'p', capacity: 1, isDraining: false, term };
  const former = await insertRun(db, 'holder');
  let own: number | undefined = former;
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const done: AccountId[] = [];
  const holder = await openCalls(
    async (accountId) => {
      done.push(accountId);
      begun.resolve();
      await go.promise;
    },
    () => own,
  );
  const asking = await openCalls(nobody, () => undefined);
  const ask = (accountId: AccountId) =>
    asking.ask(former, accountId, DISCONNECT).catch((error: unknown) => error);
  const first = ask(id);
  await begun.promise;
  own = undefined;
  const second = ask(makeAccountId());
  await expect.poll(async () => (await left()).length).toBe(2);
  const entered = await registerRun(db, { ...fresh, over: former });
  own = entered.kind === 'registered' ? entered.run : undefined;
  holder.look();
  go.resolve();
  expect(await first).toBeInstanceOf(HolderGoneError);
  expect(await second).toBeInstanceOf(HolderGoneError);
  const third = makeAccountId();
  await asking.ask(own ?? 0, third, DISCONNECT);
  expect(done).toEqual([id, third]);
  expect(await left()).toEqual([]);
});

it('begins a call once, however often it is notified and however many hear it', async () => {
  const go = Promise.withResolvers<void>();
  let begun = 0;
  const perform: PerformCall = async () => {
    begun += 1;
    await go.promise;
  };
  const { asking, run } = await openPair(perform);
  const twin = await openCalls(perform, () => run);
  const asked = Array.from({ length: 20 }, () => asking.ask(run, id, DISCONNECT));
  for (let nth = 0; nth < 20; nth += 1) await notifyAsked(run);
  twin.look();
  go.resolve();
  await Promise.all(asked);
  expect(begun).toBe(20);
});

it('gives up a call that is not answered in time, which nobody begins afterwards', async () => {
  let own: number | undefined;
  const done: AccountId[] = [];
  const run = await insertRun(db, 'holder');
  const late = await openCalls(
    async (accountId) => void done.push(accountId),
    () => own,
  );
  const asking = await openCalls(nobody, () => undefined);
  const thrown = await asking.ask(run, id, DISCONNECT, { withinMs: 50 }).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('in time') });
  expect(thrown).not.toBeInstanceOf(HolderGoneError);
  expect(await left()).toEqual([]);

  // One whose caller was killed is left, and not begun either.
  await sql`insert into session_calls (run, account_id, call, asked_at)
    values (${run}, ${id}, '{"call": {"kind": "disconnect"}, "withinMs": 50}', now() - interval '2 minutes')`.execute(
    db,
  );
  own = run;
  late.look();
  const other = makeAccountId();
  await asking.ask(run, other, DISCONNECT);
  expect(done).toEqual([other]);
  expect(await left()).toEqual([]);
});

it('leaves nothing of a caller that gives up, and its call is not begun', async () => {
  const run = await insertRun(db, 'holder');
  const asking = await openCalls(nobody, () => undefined);
  const given = new AbortController();
  const asked = asking.ask(run, id, DISCONNECT, { signal: given.signal }).catch((error: unknown) => error);
  await expect.poll(left).toHaveLength(1);
  given.abort(new Error('given up'));
  expect(await asked).toMatchObject({ message: 'given up' });
  expect(await left()).toEqual([]);
});

it('answers whoever waits that it stops', async () => {
  const run = await insertRun(db, 'holder');
  const asking = await openCalls(nobody, () => undefined);
  const asked = asking.ask(run, id, DISCONNECT).catch((error: unknown) => error);
  await expect.poll(left).toHaveLength(1);
  await asking[Symbol.asyncDispose]();
  expect(await asked).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('stopping') });
});

it('finds what was asked while its connection was away', async () => {
  const done: AccountId[] = [];
  const { asking, run } = await openPair(async (accountId) => void done.push(accountId));
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query ilike 'listen%'`.execute(db);
  await asking.ask(run, id, DISCONNECT);
  expect(done).toEqual([id]);
});
