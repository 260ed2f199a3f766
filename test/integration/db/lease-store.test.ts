import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import {
  endRun,
  expireRuns,
  listFreeAccounts,
  listLeases,
  listRuns,
  type NewRun,
  registerRun,
  releaseLease,
  renewRun,
  setDraining,
  type Term,
  takeLease,
} from '../../../src/db/lease-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const TERM = { sharedTermMs: 20_000, aloneTermMs: 600_000, othersQuietMs: 300_000 };
const RACES = 200;

const stack = new AsyncDisposableStack();
let db: Executor;
beforeAll(async () => {
  const { connection } = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection, log, poolSize: 6 })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('accounts').execute();
  await db.deleteFrom('instances').execute();
});

const newRun = (instanceId = HERE, more: Partial<NewRun> = {}): NewRun => ({
  instanceId,
  process: 'a process',
  capacity: 10,
  isDraining: false,
  term: TERM,
  over: undefined,
  ...more,
});

async function enter(instanceId = HERE, more: Partial<NewRun> = {}) {
  const registration = await registerRun(db, newRun(instanceId, more));
  if (registration.kind !== 'registered') throw new Error('The former run is not over.');
  return registration;
}

async function insertWanted(instanceId = HERE): Promise<AccountId> {
  const id = await insertTestAccount(db);
  await makeAccountStore(db).saveStart(id, instanceId);
  return id;
}

async function take(accountId: AccountId, run: number, instanceId = HERE) {
  const taking = await takeLease(db, { accountId, run, instanceId });
  if (taking.kind !== 'taken') throw new Error(`It could not be taken: ${taking.kind}.`);
  return taking.lease;
}

const renew = (run: number, term: Term = TERM, mayShorten = true) => renewRun(db, run, { term, mayShorten });

/** As if nothing had been heard of it for a term. */
async function age(run: number): Promise<void> {
  await sql`update instances set lease_until = clock_timestamp() where run = ${run}`.execute(db);
}

/** As if others had been seen last so long ago. */
async function ageSight(run: number, ms: number): Promise<void> {
  await sql`update instances set others_seen_at = clock_timestamp() - ${`${ms} ms`}::interval
    where run = ${run}`.execute(db);
}

async function termOf(run: number): Promise<number> {
  const { rows } = await sql<{ ms: number }>`
    select extract(epoch from lease_until - renewed_at)::float8 * 1000 as ms from instances where run = ${run}`.execute(
    db,
  );
  return rows[0]?.ms ?? Number.NaN;
}

describe('the term of a run', () => {
  it('is long while the instance is alone, and short as soon as another is there', async () => {
    const { run, hasOthers } = await enter();
    expect(hasOthers).toBe(false);
    expect(await termOf(run)).toBeCloseTo(600_000, -1);
    expect(await enter(THERE)).toMatchObject({ hasOthers: true, leases: [] });
    // Not before the instance counts by it: the answer may be lost.
    expect(await renew(run, TERM, false)).toEqual({ hasOthers: true });
    expect(await termOf(run)).toBeGreaterThan(500_000);
    expect(await renew(run)).toEqual({ hasOthers: true });
    expect(await termOf(run)).toBeCloseTo(20_000, -1);
  });

  it('is long again when the other has been gone for a while, and not while it may only be restarting', async () => {
    const { run } = await enter();
    const other = await enter(THERE);
    expect(await termOf(other.run)).toBeCloseTo(20_000, -1);
    expect(await endRun(db, run)).toBe(true);
    expect(await endRun(db, run)).toBe(false);
    for (const seenMsAgo of [0, 290_000]) {
      await ageSight(other.run, seenMsAgo);
      expect(await renew(other.run)).toEqual({ hasOthers: true });
      expect(await termOf(other.run)).toBeCloseTo(20_000, -1);
    }
    await ageSight(other.run, 300_001);
    expect(await renew(other.run)).toEqual({ hasOthers: false });
    expect(await termOf(other.run)).toBeCloseTo(600_000, -1);
  });

  it('stays short over a restart while the other may only be restarting too', async () => {
    const { run } = await enter();
    const other = await enter(THERE);
    await renew(run);
    await endRun(db, other.run);
    const again = await enter(HERE, { over: run });
    expect(again.hasOthers).toBe(true);
    expect(await termOf(again.run)).toBeCloseTo(20_000, -1);
    await ageSight(again.run, 300_001);
    expect(await enter(HERE, { over: again.run })).toMatchObject({ hasOthers: false });
  });

  it('has no end where the database is its own; whoever else was there is gone', async () => {
    await enter(THERE);
    const { run, hasOthers } = await enter(HERE, { term: 'forever' });
    expect(hasOthers).toBe(false);
    expect(await renew(run, 'forever')).toEqual({ hasOthers: false });
    expect(await listRuns(db)).toMatchObject([{ run, leaseUntil: null, isLapsed: false }]);
    expect((await enter(HERE, { term: 'forever' })).run).toBeGreaterThan(run);
  });
});

describe('a run that has lapsed', () => {
  it('can not be renewed and takes nothing, and frees what it held once it is expired', async () => {
    const { run } = await enter();
    const other = await enter(THERE);
    const held = await take(await insertWanted(), run);
    const free = await insertWanted();
    expect(await expireRuns(db, [run])).toEqual([]);
    await age(run);
    expect(await renew(run)).toBeUndefined();
    expect(await takeLease(db, { accountId: free, run, instanceId: HERE })).toEqual({ kind: 'no_run' });
    // Until it is expired what it holds is nobody else's.
    expect(await takeLease(db, { ...held, run: other.run, instanceId: THERE })).toEqual({
      kind: 'held',
      run,
      instanceId: HERE,
    });
    expect(await expireRuns(db, [run, other.run])).toEqual([run]);
    expect(await listLeases(db, run)).toEqual([]);
    const taken = await take(held.accountId, other.run, THERE);
    expect(taken.epoch).toBeGreaterThan(held.epoch);
  });

  it('is renewed or expired where both are tried at the same moment, never both', async () => {
    const accountId = await insertWanted();
    const outcomes = { renewed: 0, expired: 0 };
    for (let nth = 0; nth < RACES; nth += 1) {
      const { run } = await enter();
      await take(accountId, run);
      // It lapses while the two are on their way.
      await sql`update instances set lease_until = clock_timestamp() + ${`${(nth % 8) * 0.5} ms`}::interval
        where run = ${run}`.execute(db);
      const [renewed, expired] = await Promise.all([renew(run), expireRuns(db, [run])]);
      const isRenewed = renewed !== undefined;
      const isExpired = expired.length > 0;
      const isThere = (await listRuns(db)).length === 1;
      expect([isRenewed && isExpired, isThere, (await listLeases(db, run)).length]).toEqual([
        false,
        !isExpired,
        isExpired ? 0 : 1,
      ]);
      outcomes.renewed += isRenewed ? 1 : 0;
      outcomes.expired += isExpired ? 1 : 0;
      await endRun(db, run);
    }
    expect(outcomes.renewed).toBeGreaterThan(0);
    expect(outcomes.expired).toBeGreaterThan(0);
  });
});

describe('an account', () => {
  it('is taken by one of two that try', async () => {
    const [one, other] = [await enter(), await enter(THERE)];
    const accountId = await insertWanted();
    let last = 0;
    for (let nth = 0; nth < RACES; nth += 1) {
      const answers = await Promise.all([
        takeLease(db, { accountId, run: one.run, instanceId: HERE }),
        takeLease(db, { accountId, run: other.run, instanceId: THERE }),
      ]);
      const taken = answers.flatMap((taking, index) =>
        taking.kind === 'taken' ? [{ index, epoch: taking.lease.epoch }] : [],
      );
      expect(taken).toHaveLength(1);
      const { index, epoch } = taken[0] ?? { index: 0, epoch: 0 };
      expect(epoch).toBeGreaterThan(last);
      last = epoch;
      await releaseLease(db, { accountId, run: [one.run, other.run][index] ?? 0, epoch });
    }
  });

  it('gets a new epoch from the run that holds it; an older lease gives nothing back', async () => {
    const { run } = await enter();
    const first = await take(await insertWanted(THERE), run);
    const second = await take(first.accountId, run);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect([first.previousEpoch, second.previousEpoch]).toEqual([null, first.epoch]);
    expect((await makeAccountStore(db).getAccount(first.accountId)).instanceId).toBe(HERE);
    await releaseLease(db, first);
    expect(await listLeases(db, run)).toMatchObject([{ epoch: second.epoch }]);
    await releaseLease(db, second);
    expect(await listLeases(db, run)).toEqual([]);
  });

  it('is not taken if there is no such account', async () => {
    const { run } = await enter();
    const taking = await takeLease(db, { accountId: makeAccountId(), run, instanceId: HERE });
    expect(taking).toEqual({ kind: 'no_account' });
  });

  it('is taken of an account that was deleted too, to destroy what is left of it', async () => {
    const { run } = await enter();
    const accountId = await insertWanted();
    await markAccountDeleted(db, accountId);
    expect(await takeLease(db, { accountId, run, instanceId: HERE })).toMatchObject({ kind: 'taken' });
  });
});

describe('a restart under the same name', () => {
  it('has at once what its former run held, under new epochs, if that is over', async () => {
    const former = await enter();
    const leases = [
      await take(await insertWanted(), former.run),
      await take(await insertWanted(), former.run),
    ];
    await enter(THERE);
    const waiting = await registerRun(db, newRun());
    expect(waiting).toEqual({ kind: 'former', former: { run: former.run, process: 'a process' } });
    expect(await listLeases(db, former.run)).toHaveLength(2);
    const { run, leases: moved } = await enter(HERE, { over: former.run });
    expect(new Set(moved.map(({ accountId }) => accountId))).toEqual(
      new Set(leases.map(({ accountId }) => accountId)),
    );
    for (const { epoch } of moved)
      expect(epoch).toBeGreaterThan(Math.max(...leases.map((each) => each.epoch)));
    for (const { accountId, previousEpoch } of moved) {
      expect(previousEpoch).toBe(leases.find((lease) => lease.accountId === accountId)?.epoch);
    }
    expect(new Set((await listLeases(db, run)).map(({ epoch }) => epoch))).toEqual(
      new Set(moved.map(({ epoch }) => epoch)),
    );
    expect(await renew(former.run)).toBeUndefined();
    expect((await listRuns(db)).map(({ instanceId }) => instanceId)).toEqual([THERE, HERE]);
  });

  it('has it also when that has lapsed', async () => {
    const former = await enter();
    const { accountId } = await take(await insertWanted(), former.run);
    await age(former.run);
    expect((await enter()).leases).toMatchObject([{ accountId }]);
  });

  it('is one of two that are made at the same moment', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => registerRun(db, newRun())));
    expect(answers.filter(({ kind }) => kind === 'registered')).toHaveLength(1);
    expect(await listRuns(db)).toHaveLength(1);
  });
});

it('lists runs with what they hold, and the accounts that are wanted and held by nobody', async () => {
  const { run } = await enter(HERE, { capacity: 3, isDraining: true });
  const other = await enter(THERE);
  await setDraining(db, other.run);
  await take(await insertWanted(), run);
  const [free, noSlot, noKey] = [await insertWanted(), await insertWanted(THERE), await insertWanted()];
  const rested = await insertWanted();
  const store = makeAccountStore(db);
  await store.saveRest(noSlot, { reason: 'no_slot' });
  await store.saveRest(noKey, { reason: 'key_missing' });
  await store.saveRest(rested, { reason: 'exported' });
  await markAccountDeleted(db, await insertWanted());
  expect(await listRuns(db)).toMatchObject([
    { run, instanceId: HERE, capacity: 3, isDraining: true, isLapsed: false, held: 1 },
    { run: other.run, instanceId: THERE, isDraining: true, held: 0 },
  ]);
  expect(await listFreeAccounts(db)).toEqual([
    { accountId: free, lastHeldBy: HERE, restsThere: false },
    { accountId: noSlot, lastHeldBy: THERE, restsThere: true },
    { accountId: noKey, lastHeldBy: HERE, restsThere: true },
  ]);
});
