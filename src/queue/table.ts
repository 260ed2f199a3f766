import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';

/** Payload of an inbound job: events of one account, packed, in the page's order. */
export interface InboundJob {
  readonly accountId: AccountId;
  /** The run of the daemon that made the job, and its place among the account's jobs of that run: 0, 1, 2 … */
  readonly run: string;
  readonly n: number;
  readonly events: readonly InboundEvent[];
}

/** Payload of an outbound job: a wake-up. The row is the truth. */
export interface OutboundJob {
  readonly accountId: AccountId;
  readonly messageId: MessageId;
}

/** What a job of each queue carries: plain JSON. */
export interface QueueJobs {
  readonly inbound: InboundJob;
  readonly outbound: OutboundJob;
}

/**
 * Every queue, in one place. `perInstance` queues carry the instance's name, so that a wake-up reaches the daemon
 * that holds the session.
 *
 * attempts are high because a job only fails when a store is away; it must outlast the outage. `backoffMs` is the
 * pause before each further attempt.
 */
export const QUEUES = {
  inbound: { name: 'inbound', perInstance: false, concurrency: 4, attempts: 1_000, backoffMs: 1_000 },
  outbound: { name: 'outbound', perInstance: true, concurrency: 8, attempts: 10, backoffMs: 1_000 },
} as const satisfies Record<
  string,
  { name: string; perInstance: boolean; concurrency: number; attempts: number; backoffMs: number }
>;

export type QueueName = keyof typeof QUEUES & keyof QueueJobs;

export const QUEUE_NAMES = Object.keys(QUEUES) as readonly QueueName[];

/** The queue's name in Redis; the same on every instance, or one of this instance's own. */
export function queueNameOf(queue: QueueName, instanceId: InstanceId): string {
  const { name, perInstance } = QUEUES[queue];
  return perInstance ? `${name}-${instanceId}` : name;
}
