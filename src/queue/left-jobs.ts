import { Queue } from 'bullmq';
import { toError } from '../lib/errors.ts';
import type { ConsumerOptions } from './consumer.ts';
import { type QueueName, queueNameOf } from './table.ts';

export type LeftJobs<Name extends QueueName> = Omit<ConsumerOptions<Name>, 'drainMs'>;

/**
 * Processes what another instance, which is over or cut off, has left in its queue, one after another and the oldest first;
 * resolves with how many that were. What that one has in hand is processed too, and once more when it is back: `process` must
 * bear it. @throws what Redis throws, and the signal's reason
 */
export async function processLeftJobs<Name extends QueueName>(
  { redis, queue: name, instanceId, process, log }: LeftJobs<Name>,
  signal: AbortSignal,
): Promise<number> {
  const queue = new Queue(queueNameOf(name, instanceId), { connection: redis.client, prefix: redis.prefix });
  queue.on('error', (thrown) => {
    log.debug('A queue reported an error', { queue: name, error: toError(thrown).message });
  });
  try {
    const jobs = await queue.getJobs(['active', 'waiting', 'delayed']);
    for (const job of jobs.toSorted((a, b) => Number(a.id) - Number(b.id))) {
      await process(job.data, signal);
      // One that is in hand there stays, and is known to be done when it comes again.
      await job.remove().catch((thrown: unknown) => {
        log.debug('A job stays in the queue of another instance', { error: toError(thrown).message });
      });
    }
    return jobs.length;
  } finally {
    await queue.close();
  }
}
