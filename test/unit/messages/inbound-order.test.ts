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

/** Takes a job when it is its turn; it is stored only when the test says so. */
const take = (n: number, signal = never) =>
  order.turn(jobAt(n), signal).then(() => {
    taken.push(n);
  });
const takeAndStore = (n: number) => take(n).then(() => order.passed(jobAt(n)));

describe('the jobs of a run', () => {
  it('take their turns by number, in whatever order they come', async () => {
    await Promise.all([3, 1, 0, 4, 2].map(takeAndStore));
    expect(taken).toEqual([0, 1, 2, 3, 4]);
    expect(gaps).toEqual([]);
  });

  it('go on from where the database is, and one that is stored already passes at once', async () => {
    position = 3;
    await takeAndStore(2);
    void takeAndStore(4);
    await flush();
    expect(taken).toEqual([2]);
    await takeAndStore(3);
    await flush();
    expect(taken).toEqual([2, 3, 4]);
  });

  it('wait for one that is late, and go on in their order when it was lost', async () => {
    await takeAndStore(0);
    void takeAndStore(3);
    void takeAndStore(2);
    await vi.advanceTimersByTimeAsync(14_000);
    expect(taken).toEqual([0]);
    expect(gaps).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(taken).toEqual([0, 2, 3]);
    expect(gaps).toEqual([alice]);
  });

  it('are not late while the one before them is being stored', async () => {
    await take(0);
    void takeAndStore(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(taken).toEqual([0]);
    order.passed(jobAt(0));
    await flush();
    expect(taken).toEqual([0, 1]);
    expect(gaps).toEqual([]);
  });

  it('of another run are numbered by themselves', async () => {
    const other = makeJobs(alice)();
    await order.turn(other, never);
    await takeAndStore(0);
    expect(taken).toEqual([0]);
  });

  it('stop waiting with their signal', async () => {
    const stop = new AbortController();
    const waiting = expect(take(1, stop.signal)).rejects.toThrow('stop');
    await flush();
    stop.abort(new Error('stop'));
    await waiting;
    await takeAndStore(0);
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
  await expect(own.turn(jobAt(0), never)).rejects.toThrow('away');
  await own.turn(jobAt(0), never);
  expect(asked).toBe(2);
});
