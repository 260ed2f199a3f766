import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';

/** Payload of an inbound job: events of one account, packed, in the page's order. */
export interface InboundJob {
  readonly accountId: AccountId;
  /** The run of the daemon that made the job, and its place among the account's jobs of that run: 0, 1, 2 … */
  readonly run: string;
  readonly n: number;
  /** The catch-up that found the events; see catch-up-ledger.ts. */
  readonly catchUpId?: string;
  readonly events: readonly InboundEvent[];
}

/** Payload of an outbound job: a wake-up. The row is the truth. */
export interface OutboundJob {
  readonly accountId: AccountId;
  /** The message that may leave; where there is none, something else has changed that the account's messages wait for. */
  readonly messageId?: MessageId;
}

/** Payload of a job of webhooks: a wake-up. The rows are the truth. */
export interface WebhookJob {
  readonly webhookId: string;
}

/** What a job of each queue carries: plain JSON. */
export interface QueueJobs {
  readonly inbound: InboundJob;
  readonly outbound: OutboundJob;
  readonly webhooks: WebhookJob;
}

/**
 * Every queue, in one place. All are an instance's own: an account's events pass through the daemon that holds its session,
 * which alone can keep their order, and a wake-up is put into the queue of whoever holds the account. What an
 * instance leaves behind when it is gone is in the rows of messages and webhooks; its inbound events are nowhere else, so that
 * another empties that queue (messages/left-inbound.ts).
 *
 * attempts are high because a job only fails when a store is away; it must outlast the outage. `backoffMs` is the
 * pause before each further attempt.
 */
export const QUEUES = {
  inbound: { concurrency: 8, attempts: 1_000, backoffMs: 1_000 },
  outbound: { concurrency: 8, attempts: 10, backoffMs: 1_000 },
  webhooks: { concurrency: 8, attempts: 10, backoffMs: 1_000 },
} as const satisfies Record<keyof QueueJobs, { concurrency: number; attempts: number; backoffMs: number }>;

export type QueueName = keyof QueueJobs;

export const QUEUE_NAMES = Object.keys(QUEUES) as readonly QueueName[];

/** The queue's name in Redis. */
export function queueNameOf(queue: QueueName, instanceId: InstanceId): string {
  return `${queue}-${instanceId}`;
}
