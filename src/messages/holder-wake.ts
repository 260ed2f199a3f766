import type { InstanceId } from '../accounts/ids.ts';
import { findHolder } from '../db/account-holder.ts';
import type { Executor } from '../db/database.ts';
import type { OpenQueues } from '../queue/producer.ts';
import type { OutboundJob } from '../queue/table.ts';
import { makeWakeUpQueue } from '../queue/wake-up-queue.ts';

export interface HolderWakeDeps {
  readonly db: Executor;
  readonly queues: Pick<OpenQueues, 'add'>;
  readonly instanceId: InstanceId;
  /** Gives up waiting for Redis. */
  readonly signal: AbortSignal;
}

/**
 * Makes the function that puts a wake-up into the queue of the instance that holds the account, if that is another one.
 * Where nobody holds it there is nobody to wake: whoever connects it next looks for everything. A wake-up that is lost, or
 * cannot be queued while Redis is away, is made up for by the holder's own looks at the table, every 30 seconds.
 */
export function makeHolderWake({
  db,
  queues,
  instanceId,
  signal,
}: HolderWakeDeps): (job: OutboundJob) => Promise<void> {
  return makeWakeUpQueue(
    async (job: OutboundJob) => {
      const holder = await findHolder(db, job.accountId);
      if (holder === undefined || holder.instanceId === instanceId) return;
      await queues.add('outbound', job, { signal, instanceId: holder.instanceId });
    },
    // One of a message must not stand for the other kind, which more is woken by.
    ({ accountId, messageId }) => `${accountId} ${messageId === undefined ? 'anything' : 'message'}`,
  );
}
