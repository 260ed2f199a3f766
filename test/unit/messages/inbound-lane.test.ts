import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { type InboundLanes, openInboundLanes } from '../../../src/messages/inbound-lane.ts';
import type { InboundJob } from '../../../src/queue/table.ts';
import { messageEvent } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

/** A queue that answers when the test says so. */
class SlowQueue {
  readonly jobs: InboundJob[] = [];
  #pending: PromiseWithResolvers<void>[] = [];

  readonly add = (job: InboundJob, signal: AbortSignal): Promise<void> => {
    this.jobs.push(job);
    const answer = Promise.withResolvers<void>();
    this.#pending.push(answer);
    signal.addEventListener('abort', () => answer.reject(signal.reason), { once: true });
    return answer.promise;
  };

  get inFlight(): number {
    return this.#pending.length;
  }

  /** Answers what is in flight and lets the lanes go on. */
  async answer(error?: Error): Promise<void> {
    for (const pending of this.#pending.splice(0)) {
      if (error === undefined) pending.resolve();
      else pending.reject(error);
    }
    await vi.advanceTimersByTimeAsync(0);
  }

  async answerAll(): Promise<void> {
    while (this.inFlight > 0) await this.answer();
  }

  idsOf(accountId: AccountId): string[] {
    return this.jobs
      .filter((job) => job.accountId === accountId)
      .flatMap((job) => job.events.map((event) => event.key.bareId));
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `M${from + i}`);
const events = (from: number, to: number) => range(from, to).map((id) => messageEvent(id));

let queue: SlowQueue;
let lanes: InboundLanes;
let gaps: AccountId[];
const [alice, bob] = [makeAccountId(), makeAccountId()];

beforeEach(() => {
  vi.useFakeTimers();
  queue = new SlowQueue();
  gaps = [];
  lanes = openInboundLanes({ add: queue.add, log: silentLog, onGap: (id) => gaps.push(id), drainMs: 5_000 });
});
afterEach(async () => {
  const disposed = lanes[Symbol.asyncDispose]();
  await vi.advanceTimersByTimeAsync(5_000);
  await disposed;
  vi.useRealTimers();
});

describe('an idle lane', () => {
  it('sends what comes at once', () => {
    lanes.accept(alice, events(0, 1));
    expect(queue.idsOf(alice)).toEqual(['M0']);
  });

  it('sends nothing for no events', () => {
    lanes.accept(alice, []);
    expect(queue.jobs).toEqual([]);
  });

  it('works again after it has drained', async () => {
    lanes.accept(alice, events(0, 1));
    await queue.answerAll();
    lanes.accept(alice, events(1, 2));
    expect(queue.idsOf(alice)).toEqual(['M0', 'M1']);
  });
});

describe('a busy lane', () => {
  it('packs what comes meanwhile, at most 500 a job, in order', async () => {
    lanes.accept(alice, events(0, 1));
    for (let i = 1; i < 551; i += 1) lanes.accept(alice, events(i, i + 1));
    expect(queue.inFlight).toBe(1);
    await queue.answerAll();
    expect(queue.jobs.map((job) => job.events.length)).toEqual([1, 500, 50]);
    expect(queue.idsOf(alice)).toEqual(range(0, 551));
  });

  it('packs about a megabyte at most, but never splits an event', async () => {
    const large = (from: number, length: number) =>
      lanes.accept(alice, [messageEvent(`M${from}`, { text: 'x'.repeat(length) })]);
    lanes.accept(alice, events(0, 1));
    for (let i = 1; i < 5; i += 1) large(i, 400_000);
    large(5, 3_000_000);
    await queue.answerAll();
    expect(queue.jobs.map((job) => job.events.length)).toEqual([1, 2, 2, 1]);
    expect(queue.idsOf(alice)).toEqual(range(0, 6));
  });

  it('does not hold up another account', () => {
    lanes.accept(alice, events(0, 1));
    lanes.accept(bob, events(0, 1));
    expect(queue.inFlight).toBe(2);
  });

  it('repeats an add that fails before it sends anything else', async () => {
    lanes.accept(alice, events(0, 1));
    lanes.accept(alice, events(1, 2));
    for (let i = 0; i < 5; i += 1) {
      await queue.answer(new Error('away'));
      await vi.advanceTimersByTimeAsync(30_000);
    }
    await queue.answerAll();
    expect(queue.idsOf(alice)).toEqual([...Array(6).fill('M0'), 'M1']);
  });

  it('tells when everything accepted before is in the queue', async () => {
    lanes.accept(alice, events(0, 1));
    lanes.accept(alice, events(1, 2));
    const told: string[] = [];
    void lanes.idle(alice).then(() => told.push('two'));
    await queue.answer();
    lanes.accept(alice, events(2, 3));
    expect(told).toEqual([]);
    await queue.answer();
    expect(told).toEqual(['two']);
    expect(queue.inFlight).toBe(1);
    await expect(lanes.idle(bob)).resolves.toBeUndefined();
  });
});

async function isDone(work: Promise<void>): Promise<boolean> {
  let done = false;
  void work.then(() => {
    done = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return done;
}

describe('what a lane has passed on', () => {
  it('is numbered without gaps within the account', async () => {
    lanes.accept(alice, events(0, 1_250));
    lanes.accept(bob, events(0, 1));
    await queue.answerAll();
    const numbers = (id: AccountId) => queue.jobs.filter((job) => job.accountId === id).map(({ n }) => n);
    expect(numbers(alice)).toEqual([0, 1, 2]);
    expect(numbers(bob)).toEqual([0]);
    expect(new Set(queue.jobs.map(({ run }) => run)).size).toBe(1);
  });

  it('is committed when its last job was stored, not when the queue has it', async () => {
    lanes.accept(alice, events(0, 550));
    const committed = lanes.committed(alice);
    await queue.answerAll();
    const [first, last] = queue.jobs;
    if (first === undefined || last === undefined) throw new Error('Two jobs were expected.');
    lanes.passed(first);
    expect(await isDone(committed)).toBe(false);
    lanes.passed({ ...last, run: 'another' });
    expect(await isDone(committed)).toBe(false);
    lanes.passed(last);
    await committed;
    await expect(lanes.committed(bob)).resolves.toBeUndefined();
  });

  it('is followed by an empty job where the queue has lost the last one', async () => {
    lanes.accept(alice, events(0, 1));
    const committed = lanes.committed(alice);
    await queue.answerAll();
    await vi.advanceTimersByTimeAsync(20_000);
    const probe = queue.jobs.at(-1);
    expect(probe).toMatchObject({ n: 1, events: [] });
    await queue.answerAll();
    if (probe) lanes.passed(probe);
    await committed;
  });

  it('is not waited for beyond the stop', async () => {
    lanes.accept(alice, events(0, 1));
    const committed = expect(lanes.committed(alice)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await queue.answerAll();
    await lanes[Symbol.asyncDispose]();
    await committed;
  });
});

describe('a lane with much in it', () => {
  it('has room again when half of it is in the queue', async () => {
    lanes.accept(alice, events(0, 5_000));
    expect(await isDone(lanes.room(alice))).toBe(false);
    expect(await isDone(lanes.room(bob))).toBe(true);
    const room = lanes.room(alice);
    await queue.answer();
    await room;
  });

  it('holds no more bytes than it may, whatever their number', async () => {
    const large = range(0, 20).map((id) => messageEvent(id, { text: 'x'.repeat(1_000_000) }));
    lanes.accept(alice, large.slice(0, 8));
    expect(await isDone(lanes.room(alice))).toBe(true);
    lanes.accept(alice, large.slice(8));
    expect(await isDone(lanes.room(alice))).toBe(false);
    await queue.answerAll();
    expect(queue.idsOf(alice)).toEqual(range(0, 17));
    expect(gaps).toEqual([alice]);
  });

  it('keeps nobody waiting for room beyond the stop', async () => {
    lanes.accept(alice, events(0, 5_000));
    const room = lanes.room(alice);
    const disposing = lanes[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(5_000);
    await Promise.all([disposing, room]);
  });
});

describe('a full lane', () => {
  it('drops what does not fit and tells of the gap once, after it has drained', async () => {
    lanes.accept(alice, events(0, 9_999));
    lanes.accept(alice, events(9_999, 10_003));
    lanes.accept(alice, events(10_003, 10_004));
    expect(gaps).toEqual([]);
    await queue.answerAll();
    expect(queue.idsOf(alice)).toEqual(range(0, 10_000));
    expect(gaps).toEqual([alice]);
  });

  it('has committed nothing, for whoever told it what it dropped, before the gap is told', async () => {
    const passAll = () => queue.jobs.forEach((job) => void lanes.passed(job));
    lanes.accept(alice, events(0, 10_001));
    const committed = expect(lanes.committed(alice)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // What is told live keeps it from draining.
    for (let n = 20_000; n < 20_050; n += 1) {
      await queue.answer();
      lanes.accept(alice, events(n, n + 1));
      passAll();
    }
    await committed;
    expect(gaps).toEqual([]);
    await queue.answerAll();
    passAll();
    expect(gaps).toEqual([alice]);
    await expect(lanes.committed(alice)).resolves.toBeUndefined();
  });

  it('takes events again as room comes, and those of other accounts at any time', async () => {
    lanes.accept(alice, events(0, 10_001));
    lanes.accept(bob, events(0, 1));
    await queue.answer();
    lanes.accept(alice, events(20_000, 20_001));
    await queue.answerAll();
    expect(queue.idsOf(alice)).toEqual([...range(0, 10_000), 'M20000']);
    expect(queue.idsOf(bob)).toEqual(['M0']);
    expect(gaps).toEqual([alice]);
  });

  it('takes events that come while it tells of the gap', async () => {
    const own = openInboundLanes({
      add: queue.add,
      log: silentLog,
      onGap: (id) => own.accept(id, events(50_000, 50_001)),
    });
    own.accept(alice, events(0, 10_001));
    await queue.answerAll();
    expect(queue.idsOf(alice).at(-1)).toBe('M50000');
    await own[Symbol.asyncDispose]();
  });

  it('stands a listener that throws', async () => {
    const own = openInboundLanes({
      add: queue.add,
      log: silentLog,
      onGap: () => {
        throw new Error('listener');
      },
    });
    own.accept(alice, events(0, 10_001));
    await queue.answerAll();
    await own[Symbol.asyncDispose]();
    expect(queue.idsOf(alice)).toHaveLength(10_000);
  });
});

describe('a lane of which much waits in the queue to be stored', () => {
  /** Accepts as a page does, a pack at a time and only where there is room; returns how many. */
  async function acceptWithRoom(most: number, text?: string): Promise<number> {
    let told = 0;
    for (; told < most; told += 500) {
      if (!(await isDone(lanes.room(alice)))) return told;
      const pack = range(told, told + 500).map((id) => messageEvent(id, text === undefined ? {} : { text }));
      lanes.accept(alice, pack);
      await queue.answerAll();
    }
    return told;
  }

  const stored = async (n: number) => {
    const job = queue.jobs.find((each) => each.n === n);
    if (job !== undefined) lanes.passed(job);
    await vi.advanceTimersByTimeAsync(0);
    await queue.answerAll();
  };

  it('gives it no more than 50,000 events', async () => {
    const told = await acceptWithRoom(80_000);
    expect(queue.idsOf(alice)).toEqual(range(0, 50_000));
    expect(told).toBeLessThan(60_000);
    expect(gaps).toEqual([]);
  });

  it('gives it no more than about 32 MB', async () => {
    await acceptWithRoom(10_000, 'x'.repeat(10_000));
    const given = queue.idsOf(alice).length;
    expect(given).toBeGreaterThan(3_000);
    expect(given).toBeLessThan(3_500);
  });

  it('goes on in its order as jobs are stored', async () => {
    const told = await acceptWithRoom(80_000);
    await stored(0);
    expect(queue.idsOf(alice)).toEqual(range(0, 50_500));
    for (let n = 1; n < told / 500; n += 1) await stored(n);
    expect(queue.idsOf(alice)).toEqual(range(0, told));
    expect(gaps).toEqual([]);
  });

  it('drops what its page tells all the same, and tells of the gap once it has drained', async () => {
    await acceptWithRoom(80_000);
    lanes.accept(alice, events(100_000, 120_000));
    expect(gaps).toEqual([]);
    for (let n = 0; n < 120; n += 1) await stored(n);
    expect(gaps).toEqual([alice]);
  });

  it('holds up no other account', async () => {
    await acceptWithRoom(80_000);
    lanes.accept(bob, events(0, 1));
    expect(queue.idsOf(bob)).toEqual(['M0']);
  });

  it('sends empty jobs after those that the queue may have lost, and goes on once one is stored', async () => {
    const told = await acceptWithRoom(80_000);
    const waiting = queue.jobs.length;
    // The first is lost with the others.
    for (const _ of [1, 2]) {
      await vi.advanceTimersByTimeAsync(20_000);
      await queue.answerAll();
    }
    const probes = queue.jobs.slice(waiting);
    expect(probes).toMatchObject([
      { n: waiting, events: [] },
      { n: waiting + 1, events: [] },
    ]);
    await stored(waiting + 1);
    expect(queue.idsOf(alice)).toEqual(range(0, told));
    // None is owed any more.
    const after = queue.jobs.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(queue.jobs).toHaveLength(after);
  });

  it('sends no empty job while jobs are stored', async () => {
    await acceptWithRoom(80_000);
    for (const n of [0, 1, 2]) {
      lanes.accept(alice, events(200_000, 200_500));
      await vi.advanceTimersByTimeAsync(15_000);
      await stored(n);
    }
    expect(queue.jobs.filter((job) => job.events.length === 0)).toEqual([]);
  });

  it('gives it the rest at a stop: it keeps it better', async () => {
    const told = await acceptWithRoom(80_000);
    const disposing = lanes[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(0);
    await queue.answerAll();
    await disposing;
    expect(queue.idsOf(alice)).toEqual(range(0, told));
  });
});

describe('a stop', () => {
  it('waits until the lanes have drained and takes nothing more', async () => {
    lanes.accept(alice, events(0, 550));
    let disposed = false;
    const disposing = lanes[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    lanes.accept(alice, events(550, 551));
    await queue.answer();
    expect(disposed).toBe(false);
    await queue.answerAll();
    await disposing;
    expect(queue.idsOf(alice)).toEqual(range(0, 550));
  });

  it('gives up at its deadline, and says so to whoever waits', async () => {
    lanes.accept(alice, events(0, 1));
    const idle = expect(lanes.idle(alice)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const disposing = lanes[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(5_000);
    await disposing;
    await idle;
  });
});
