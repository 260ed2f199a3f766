import { type Ack, ackToStatus, type MessageStatus } from './message.ts';

/** How far a status is on the way to the recipient; what stands beside the ladder is below its first step. */
const STEPS: Readonly<Record<MessageStatus, number>> = {
  deferred: -1,
  cancelled: -1,
  failed: -1,
  unknown: -1,
  pending: 0,
  sent: 1,
  delivered: 2,
  read: 3,
  played: 4,
};

/** Statuses of a handed message whose server has not told anything yet. */
export const OPEN_STATUSES = ['pending', 'unknown'] as const satisfies readonly MessageStatus[];

/** What is known of an outgoing message when an ack comes. Times are milliseconds since the epoch. */
export interface LadderPosition {
  readonly status: MessageStatus;
  readonly sentAt: number | null;
}

/**
 * The status of an outgoing message after an ack: never a step back, in whatever order the acks come.
 *
 * A refusal (-1) ends only what is not delivered, and not what the server is known to have had later. Any proof
 * that the message went out lifts it back from `failed`, `unknown`, `cancelled` and `deferred`; an ack 1 that is
 * told again is no new proof.
 */
export function statusAfterAck({ status, sentAt }: LadderPosition, ack: Ack, atMs: number): MessageStatus {
  if (ack === -1) {
    const open = status === 'pending' || status === 'sent' || status === 'unknown';
    return open && (sentAt === null || atMs >= sentAt) ? 'failed' : status;
  }
  if (ack === 0) return status;
  if (status === 'failed' && ack === 1 && sentAt !== null) return status;
  const next = ackToStatus(ack);
  return STEPS[next] > STEPS[status] ? next : status;
}
