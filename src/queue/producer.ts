import { Queue } from 'bullmq';
import type { InstanceId } from '../accounts/ids.ts';
import { orAborted } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from './connection.ts';
import { QUEUE_NAMES, QUEUES, type QueueJobs, type QueueName, queueNameOf } from './table.ts';

/** Finished jobs stay for a look in the board, but hold content: few, and not for long. Age in seconds. */
const KEEP_COMPLETED = { count: 200, age: 3_600 } as const;
const KEEP_FAILED = { count: 10_000, age: 7 * 24 * 3_600 } as const;

/** Queues of other instances that are kept open; one more closes the one that was used longest ago. */
const OTHERS_OPEN = 32;

export interface QueuesOptions {
  readonly redis: OpenRedis;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

export interface AddOptions {
  /** Gives up waiting; the job may still arrive. */
  readonly signal: AbortSignal;
  /** The job is handed out no earlier than after so many milliseconds. */
  readonly delayMs?: number;
  /** Whose queue it is put into; this instance's own if it is not said. */
  readonly instanceId?: InstanceId;
}

export type JobCounts = Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>;

/** The producing side of every queue in the table. */
export interface OpenQueues extends AsyncDisposable {
  /** Resolves when Redis has the job; while Redis is away it waits for it. */
  add<Name extends QueueName>(queue: Name, job: QueueJobs[Name], options: AddOptions): Promise<void>;
  counts(queue: QueueName): Promise<JobCounts>;
  /** BullMQ's own objects, for the board. */
  readonly all: readonly Queue[];
}

/** Opens all queues on one shared connection, which stays the caller's to close. */
export async function openQueues({ redis, instanceId, log }: QueuesOptions): Promise<OpenQueues> {
  const others = new OtherQueues({ redis, log });
  const queues = new Map(QUEUE_NAMES.map((name) => [name, openQueue(name, { redis, instanceId, log })]));
  const get = (name: QueueName): Queue => {
    const queue = queues.get(name);
    if (queue === undefined) throw new TypeError(`Not a queue: ${name}`);
    return queue;
  };
  await Promise.all([...queues.values()].map((queue) => queue.waitUntilReady()));
  return {
    all: [...queues.values()],
    async add(name, job, { signal, delayMs, instanceId: owner = instanceId }) {
      const options = delayMs === undefined ? {} : { delay: delayMs };
      const queue = owner === instanceId ? get(name) : others.get(name, owner);
      await orAborted(queue.add(name, job, options), signal);
    },
    async counts(name) {
      const counts = await get(name).getJobCounts('waiting', 'active', 'delayed', 'failed');
      const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts;
      return { waiting, active, delayed, failed };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await others[Symbol.asyncDispose]();
    },
  };
}

/** Queues of other instances, opened as they are needed: instances come and go, so only so many stay open. */
class OtherQueues implements AsyncDisposable {
  readonly #options: Pick<QueuesOptions, 'redis' | 'log'>;
  /** By the queue's name in Redis, longest unused first. */
  readonly #open = new Map<string, Queue>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: Pick<QueuesOptions, 'redis' | 'log'>) {
    this.#options = options;
  }

  get(name: QueueName, instanceId: InstanceId): Queue {
    const key = queueNameOf(name, instanceId);
    const queue = this.#open.get(key) ?? openQueue(name, { ...this.#options, instanceId });
    this.#open.delete(key);
    this.#open.set(key, queue);
    const [eldest] = this.#open;
    if (eldest !== undefined && this.#open.size > OTHERS_OPEN) this.#close(...eldest);
    return queue;
  }

  #close(key: string, queue: Queue): void {
    this.#open.delete(key);
    const closed = queue.close().catch((thrown: unknown) => {
      this.#options.log.debug('A queue of another instance was not closed', {
        error: toError(thrown).message,
      });
    });
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [key, queue] of [...this.#open]) this.#close(key, queue);
    await Promise.all(this.#closing);
  }
}

function openQueue(name: QueueName, { redis, instanceId, log }: QueuesOptions): Queue {
  const { attempts, backoffMs } = QUEUES[name];
  const queue = new Queue(queueNameOf(name, instanceId), {
    connection: redis.client,
    prefix: redis.prefix,
    defaultJobOptions: {
      attempts,
      backoff: { type: 'fixed', delay: backoffMs },
      removeOnComplete: KEEP_COMPLETED,
      removeOnFail: KEEP_FAILED,
    },
  });
  queue.on('error', (thrown) => {
    log.debug('A queue reported an error', { queue: name, error: toError(thrown).message });
  });
  return queue;
}
