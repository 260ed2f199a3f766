import { type Job, Queue, WaitingError, Worker } from 'bullmq';
import type { InstanceId } from '../accounts/ids.ts';
import { withDeadline } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from './connection.ts';
import { QUEUES, type QueueJobs, type QueueName, queueNameOf } from './table.ts';

/**
 * A job whose worker was killed is handed out again after at most lock + interval: 12 s. Shorter would take jobs
 * from a worker that is merely busy. Milliseconds.
 */
const LOCK_MS = 8_000;
const STALLED_INTERVAL_MS = 4_000;
/** A job may lose its worker as often as it likes: a crash loop must not turn messages into failed jobs. */
const MAX_STALLED = 1_000_000;
/** The pause after a command that failed because Redis went away; milliseconds. */
const REDIS_RETRY_MS = 1_000;
/** Stands for the token of a lock whose holder is gone. */
const NO_LOCK = '0';
/** How long running jobs may take to end when the consumer closes; milliseconds. */
const DRAIN_MS = 10_000;
/** How long Redis may take to note their ends, or to take them back, before it counts as away; milliseconds. */
const LEAVE_MS = 2_000;

/** Handles one job. Rejecting means that it is tried again; once `signal` aborts, that it is given back. */
export type ProcessJob<Name extends QueueName> = (job: QueueJobs[Name], signal: AbortSignal) => Promise<void>;

/** Which queue it is. */
export interface QueuePlace<Name extends QueueName = QueueName> {
  readonly redis: OpenRedis;
  readonly queue: Name;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

export interface ConsumerOptions<Name extends QueueName> extends QueuePlace<Name> {
  readonly process: ProcessJob<Name>;
  readonly drainMs?: number;
}

/** Jobs at work, with their ids. */
type Running = Map<Promise<void>, string | undefined>;

/**
 * Starts to hand out a queue's jobs: oldest first, several at a time as the table says. A job is handed out again
 * if its worker dies, so `process` must bear repetition: at once and in its old place when the instance is back, since nobody
 * else can have it. One whose hand-out was never heard of, since Redis went away with the answer, is processed as soon as Redis
 * is back, beside as many as the table says: they may all wait for it.
 *
 * Disposing takes no new jobs and waits for those that run; after `drainMs` it aborts them and puts them back at the
 * head of the queue.
 */
export async function openConsumer<Name extends QueueName>(
  options: ConsumerOptions<Name>,
): Promise<AsyncDisposable> {
  const { redis, queue, instanceId, process } = options;
  const log = options.log.child({ queue });
  const abort = new AbortController();
  const running: Running = new Map();
  const handle = async (job: Job<QueueJobs[Name]>, token: string | undefined) => {
    const work = process(job.data, abort.signal);
    running.set(work, job.id);
    try {
      await work;
    } catch (thrown) {
      if (abort.signal.aborted) await giveBack(job, token);
      throw toError(thrown);
    } finally {
      running.delete(work);
    }
  };
  await takeBack(options);
  const worker = new Worker<QueueJobs[Name]>(queueNameOf(queue, instanceId), handle, {
    connection: redis.client,
    prefix: redis.prefix,
    concurrency: QUEUES[queue].concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_INTERVAL_MS,
    maxStalledCount: MAX_STALLED,
    runRetryDelay: REDIS_RETRY_MS,
  });
  logWorker(worker, log);
  await worker.waitUntilReady();
  const adoptions = new Set<Promise<void>>();
  redis.onRecovered(() => {
    if (worker.closing !== undefined) return;
    const adoption = adoptOrphans(options, running, handle).finally(() => adoptions.delete(adoption));
    adoptions.add(adoption);
  });
  return {
    [Symbol.asyncDispose]: () =>
      closeWorker(worker, { running, adoptions, abort, drainMs: options.drainMs ?? DRAIN_MS, log }),
  };
}

/** Puts back what an earlier run of this instance had in hand when it was killed, ahead of what waits. */
async function takeBack<Name extends QueueName>(options: ConsumerOptions<Name>): Promise<void> {
  await withQueue(options, async (queue) => {
    const jobs = await queue.getActive();
    // The last one that is put back is the first to be taken: the oldest.
    for (const job of jobs.toSorted(byAge).toReversed()) await job.moveToWait(NO_LOCK);
    if (jobs.length > 0)
      options.log.info('Jobs that an earlier run had in hand are taken up', { count: jobs.length });
  });
}

/**
 * Processes what counts as handed out and is not at work here. One that is taken up by mistake, since it was being handed out
 * or noted as done just then, is merely repeated. Never rejects: what fails is handed out again once it has stalled.
 */
async function adoptOrphans<Name extends QueueName>(
  options: ConsumerOptions<Name>,
  running: Running,
  handle: (job: Job<QueueJobs[Name]>, token: string) => Promise<void>,
): Promise<void> {
  const log = options.log.child({ queue: options.queue });
  const adopt = async (job: Job<QueueJobs[Name]>) => {
    try {
      await handle(job, NO_LOCK);
      await job.moveToCompleted(undefined, NO_LOCK, false);
    } catch (thrown) {
      log.debug('A job that was taken up ended otherwise', { jobId: job.id, error: toError(thrown).message });
    }
  };
  try {
    await withQueue(options, async (queue) => {
      const active = await queue.getActive();
      const atWork = new Set(running.values());
      const orphans = active.filter(({ id }) => !atWork.has(id)).toSorted(byAge);
      if (orphans.length > 0)
        log.info('Jobs whose hand-out was never heard of are taken up', { count: orphans.length });
      await Promise.all(orphans.map(adopt));
    });
  } catch (thrown) {
    log.warn('Jobs whose hand-out was never heard of could not be looked for', {
      error: toError(thrown).message,
    });
  }
}

/** Ids are numbers that grow. */
function byAge(a: Job, b: Job): number {
  return Number(a.id) - Number(b.id);
}

/** How many jobs of a queue are not done, whether or not somebody has them in hand. */
export function countUndone(place: QueuePlace): Promise<number> {
  return withQueue(place, (queue) => queue.getJobCountByTypes('waiting', 'active', 'delayed'));
}

/** Looks into the queue itself, beside its worker. */
async function withQueue<Name extends QueueName, T>(
  { redis, queue: name, instanceId, log }: QueuePlace<Name>,
  use: (queue: Queue<QueueJobs[Name]>) => Promise<T>,
): Promise<T> {
  const queue = new Queue<QueueJobs[Name]>(queueNameOf(name, instanceId), {
    connection: redis.client,
    prefix: redis.prefix,
  });
  queue.on('error', (thrown) => {
    log.debug('A queue reported an error', { queue: name, error: toError(thrown).message });
  });
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}

/** Puts an unfinished job back where the next worker takes it first. */
async function giveBack(job: Job, token: string | undefined): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}

interface Closing {
  readonly running: Running;
  /** Under way. */
  readonly adoptions: ReadonlySet<Promise<void>>;
  readonly abort: AbortController;
  readonly drainMs: number;
  readonly log: Logger;
}

/** The worker itself ends only once Redis has answered: the jobs get their time, an absent Redis gets little. */
async function closeWorker(
  worker: Worker,
  { running, adoptions, abort, drainMs, log }: Closing,
): Promise<void> {
  const closed = worker.close();
  try {
    await withDeadline(Promise.allSettled(running.keys()), drainMs, 'Finishing the running jobs');
  } catch (thrown) {
    log.info('Running jobs are given back to the queue', { error: toError(thrown).message });
    abort.abort(stopping());
  }
  try {
    await withDeadline(Promise.all([closed, ...adoptions]), LEAVE_MS, 'Leaving the queue');
  } catch (thrown) {
    // Jobs whose end Redis has not noted lose their locks, and the next worker takes them up.
    log.warn('The queue was left before Redis answered', { error: toError(thrown).message });
    abort.abort(stopping());
  }
}

function stopping(): AppError {
  return new AppError('UNAVAILABLE', { message: 'The daemon is stopping.' });
}

function logWorker(worker: Worker, log: Logger): void {
  worker.on('error', (thrown) => {
    log.debug('A queue worker reported an error', { error: toError(thrown).message });
  });
  worker.on('stalled', (jobId) => {
    log.warn('A job is handed out again because its worker did not finish it', { jobId });
  });
  worker.on('failed', (job, thrown) => {
    const fields = { jobId: job?.id, attempt: job?.attemptsMade, error: toError(thrown).message };
    const last = job === undefined || job.attemptsMade >= (job.opts.attempts ?? 1);
    if (last) log.error('A job failed for good and is kept among the failed ones', fields);
    else log.warn('A job failed and will be tried again', fields);
  });
}
