import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { InboundOrder } from '../../../src/messages/inbound-order.ts';
import { makeJobs } from '../../support/inbound-events.ts';

const alice = makeAccountId();
const never = new AbortController().signal;
let gaps: AccountId[];
let position: number;
let order: InboundOrder;
let taken: number[];
let jobs: ReturnType<ReturnType<typeof makeJobs>>[];

beforeEach(() => {
  vi.useFakeTimers();
  gaps = [];
  taken = [];
  position = 0;
  order = new InboundOrder({
    findPosition: async () => position,
    onGap: (accountId) => gaps.push(accountId),
    lateMs: 15_000,
  });
  const make = makeJobs(alice);
  jobs = Array.from({ length: 10 }, () => make());
});
afterEach(() => vi.useRealTimers());

const jobAt = (n: number) => jobs[n] ?? expect.fail('no such job');
const flush = () => vi.advanceTimersByTimeAsync(0);

/** Takes a job when it is its turn; it is stored when `stored` resolves. */
const take = (n: number, { signal = never, stored = Promise.resolve() } = {}) =>
  order.inTurn(jobAt(n), signal, () => {
    taken.push(n);
    return stored;
  });

describe('the jobs of a run', () => {
  it('take their turns by number, in whatever order they come', async () => {
    await Promise.all([3, 1, 0, 4, 2].map((n) => take(n)));
    expect(taken).toEqual([0, 1, 2, 3, 4]);
    expect(gaps).toEqual([]);
  });

  it('go on from where the database is, and one that is stored already passes at once', async () => {
    position = 3;
    await take(2);
    void take(4);
    await flush();
    expect(taken).toEqual([2]);
    await take(3);
    await flush();
    expect(taken).toEqual([2, 3, 4]);
  });

  it('wait for one that is late, and go on in their order when it was lost', async () => {
    await take(0);
    void take(3);
    void take(2);
    await vi.advanceTimersByTimeAsync(14_000);
    expect(taken).toEqual([0]);
    expect(gaps).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(taken).toEqual([0, 2, 3]);
    expect(gaps).toEqual([alice]);
  });

  it('are not late while the one before them is being stored', async () => {
    const stored = Promise.withResolvers<void>();
    void take(0, { stored: stored.promise });
    void take(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(taken).toEqual([0]);
    stored.resolve();
    await flush();
    expect(taken).toEqual([0, 1]);
    expect(gaps).toEqual([]);
  });

  it('of another run are numbered by themselves', async () => {
    await order.inTurn(makeJobs(alice)(), never, async () => undefined);
    await take(0);
    expect(taken).toEqual([0]);
  });

  it('come before those of a later run that are in hand beside them', async () => {
    const stored = Promise.withResolvers<void>();
    const jobs = [take(0, { stored: stored.promise }), take(1)];
    jobs.push(order.inTurn(makeJobs(alice)(), never, async () => void taken.push(100)));
    await flush();
    stored.resolve();
    await Promise.all(jobs);
    expect(taken).toEqual([0, 1, 100]);
  });

  it('of an earlier run do not wait for those of a later one', async () => {
    await take(0);
    const stored = Promise.withResolvers<void>();
    const later = order.inTurn(makeJobs(alice)(), never, () => stored.promise);
    await take(1);
    expect(taken).toEqual([0, 1]);
    stored.resolve();
    await later;
  });

  it('stop waiting with their signal', async () => {
    const stop = new AbortController();
    const waiting = expect(take(1, { signal: stop.signal })).rejects.toThrow('stop');
    await flush();
    stop.abort(new Error('stop'));
    await waiting;
    await take(0);
    expect(taken).toEqual([0]);
  });
});

it('asks for the position again after that failed', async () => {
  let asked = 0;
  const own = new InboundOrder({
    findPosition: async () => {
      asked += 1;
      if (asked === 1) throw new Error('away');
      return 0;
    },
    onGap: () => expect.fail('a gap'),
  });
  const store = async () => undefined;
  await expect(own.inTurn(jobAt(0), never, store)).rejects.toThrow('away');
  await own.inTurn(jobAt(0), never, store);
  expect(asked).toBe(2);
});
