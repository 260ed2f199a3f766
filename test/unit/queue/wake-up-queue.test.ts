import { describe, expect, it } from 'vitest';
import { makeAccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import type { OutboundJob } from '../../../src/queue/table.ts';
import { makeWakeUpQueue } from '../../../src/queue/wake-up-queue.ts';

const alice = makeAccountId();
const bob = makeAccountId();
const accountOf = ({ accountId }: OutboundJob) => accountId;
const jobOf = (accountId = alice): OutboundJob => ({ accountId, messageId: makeMessageId(0) });

/** A queue that takes a job only when it is told to. */
function makeSlowQueue() {
  const adding: { readonly job: OutboundJob; readonly promise: PromiseWithResolvers<void> }[] = [];
  return {
    adding,
    add(job: OutboundJob): Promise<void> {
      const promise = Promise.withResolvers<void>();
      adding.push({ job, promise });
      return promise.promise;
    },
  };
}

describe('wake-ups', () => {
  it('are each queued while the queue takes them', async () => {
    const jobs: OutboundJob[] = [];
    const enqueue = makeWakeUpQueue(async (job: OutboundJob) => void jobs.push(job), accountOf);
    const wanted = [jobOf(), jobOf(), jobOf(bob)];
    for (const job of wanted) await enqueue(job);
    expect(jobs).toEqual(wanted);
  });

  it('are held for each account once while the queue is away, and the last one follows the first', async () => {
    const queue = makeSlowQueue();
    const enqueue = makeWakeUpQueue(queue.add, accountOf);
    const [first, last, other] = [jobOf(), jobOf(), jobOf(bob)];
    const ended = [enqueue(first), enqueue(other)];
    for (let i = 0; i < 1_000; i += 1) await enqueue(jobOf());
    await enqueue(last);
    expect(queue.adding.map(({ job }) => job)).toEqual([first, other]);
    for (let i = 0; i < 3; i += 1) {
      queue.adding[i]?.promise.resolve();
      await Promise.resolve();
    }
    await Promise.all(ended);
    expect(queue.adding.map(({ job }) => job)).toEqual([first, other, last]);
  });

  it('go on after one that could not be queued', async () => {
    const queue = makeSlowQueue();
    const enqueue = makeWakeUpQueue(queue.add, accountOf);
    const failed = enqueue(jobOf());
    queue.adding[0]?.promise.reject(new Error('away'));
    await expect(failed).rejects.toThrow('away');
    const next = enqueue(jobOf());
    queue.adding[1]?.promise.resolve();
    await next;
    expect(queue.adding).toHaveLength(2);
  });
});
