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

export interface ConsumerOptions<Name extends QueueName> {
  readonly redis: OpenRedis;
  readonly queue: Name;
  readonly instanceId: InstanceId;
  readonly process: ProcessJob<Name>;
  readonly log: Logger;
  readonly drainMs?: number;
}

/**
 * Starts to hand out a queue's jobs: oldest first, several at a time as the table says. A job is handed out again
 * if its worker dies, so `process` must bear repetition: at once and in its old place when the instance is back, since nobody
 * else can have it.
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
  const running = new Set<Promise<void>>();
  await takeBack(options);
  const worker = new Worker<QueueJobs[Name]>(
    queueNameOf(queue, instanceId),
    async (job, token) => {
      const work = process(job.data, abort.signal);
      running.add(work);
      try {
        await work;
      } catch (thrown) {
        if (abort.signal.aborted) await giveBack(job, token);
        throw toError(thrown);
      } finally {
        running.delete(work);
      }
    },
    {
      connection: redis.client,
      prefix: redis.prefix,
      concurrency: QUEUES[queue].concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      maxStalledCount: MAX_STALLED,
      runRetryDelay: REDIS_RETRY_MS,
    },
  );
  logWorker(worker, log);
  await worker.waitUntilReady();
  return {
    [Symbol.asyncDispose]: () =>
      closeWorker(worker, { running, abort, drainMs: options.drainMs ?? DRAIN_MS, log }),
  };
}

/** Puts back what an earlier run of this instance had in hand when it was killed, ahead of what waits. */
async function takeBack<Name extends QueueName>(options: ConsumerOptions<Name>): Promise<void> {
  const { redis, queue: name, instanceId, log } = options;
  const queue = new Queue(queueNameOf(name, instanceId), { connection: redis.client, prefix: redis.prefix });
  queue.on('error', (thrown) => {
    log.debug('A queue reported an error', { queue: name, error: toError(thrown).message });
  });
  try {
    const jobs = await queue.getActive();
    // The last one that is put back is the first to be taken: the oldest. Its ids are numbers that grow.
    for (const job of jobs.toSorted((a, b) => Number(b.id) - Number(a.id))) await job.moveToWait(NO_LOCK);
    if (jobs.length > 0)
      log.info('Jobs that an earlier run had in hand are taken up', { count: jobs.length });
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
  /** Jobs at work. */
  readonly running: ReadonlySet<Promise<void>>;
  readonly abort: AbortController;
  readonly drainMs: number;
  readonly log: Logger;
}

/** The worker itself ends only once Redis has answered: the jobs get their time, an absent Redis gets little. */
async function closeWorker(worker: Worker, { running, abort, drainMs, log }: Closing): Promise<void> {
  const closed = worker.close();
  try {
    await withDeadline(Promise.allSettled(running), drainMs, 'Finishing the running jobs');
  } catch (thrown) {
    log.info('Running jobs are given back to the queue', { error: toError(thrown).message });
    abort.abort(stopping());
  }
  try {
    await withDeadline(closed, LEAVE_MS, 'Leaving the queue');
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
