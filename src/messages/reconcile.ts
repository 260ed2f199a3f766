import type { KnownMessage } from '../db/catch-up-store.ts';
import type { InboundEvent, MessageEvent } from './inbound-event.ts';
import { statusAfterAck } from './status-ladder.ts';

/**
 * What the page knows better of a message that the database knows: acks of our own messages, an edit, a revocation
 * that came while nobody listened. `nowMs` dates what the page does not date. Empty if the row is up to date.
 */
export function toMissedChanges(event: MessageEvent, known: KnownMessage, nowMs: number): InboundEvent[] {
  const { row } = known;
  if (row === null) return [];
  const { key, chatId } = event;
  const changes: InboundEvent[] = [];
  if (event.type === 'revoked') {
    if (row.revokedAt === null) changes.push({ kind: 'revoke', key, chatId, at: nowMs });
  } else if (event.editedAt !== null && event.editedAt > (row.editedAt ?? 0)) {
    const text = event.text ?? event.caption ?? '';
    changes.push({ kind: 'edit', key, chatId, text, at: event.editedAt });
  }
  if (isAckNews(event, row, nowMs)) {
    changes.push({ kind: 'ack', key, chatId, ack: event.ack, reason: event.ackReason, at: nowMs });
  }
  return changes;
}

/** For a message of ours a step up the ladder, for an incoming one that it was seen. */
function isAckNews({ ack }: MessageEvent, row: NonNullable<KnownMessage['row']>, nowMs: number): boolean {
  if (row.direction === 'incoming') return ack >= 3 && row.status !== 'read';
  return statusAfterAck({ status: row.status, sentAt: null }, ack, nowMs) !== row.status;
}
