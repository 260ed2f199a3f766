import type { KnownMessage, KnownReaction } from '../db/catch-up-store.ts';
import type { InboundEvent, MessageEvent, ReactionEvent, ReadMessage } from './inbound-event.ts';
import { statusAfterAck } from './status-ladder.ts';

/**
 * A reaction that the database has and the page lacks was taken back if the database had it so long before the page was read;
 * another one may have come since, and the next read tells. Milliseconds.
 */
const SETTLED_AFTER_MS = 2_000;

/** What a message that the database lacks comes to: the message, marked as recovered, and the reactions to it and votes in it. */
export function toMissedMessage({ reactions, votes, ...message }: ReadMessage): InboundEvent[] {
  return [{ ...message, recovered: true }, ...(reactions ?? []), ...(votes ?? [])];
}

/**
 * What the page knows better of a message that the database knows: acks of our own messages and why one was refused, an
 * edit, a revocation, votes, reactions that came or went while nobody listened. `nowMs` dates what the page does not date, which
 * was read `readAgoMs` before the row was. Empty if the row is up to date.
 */
export function toMissedChanges(
  event: ReadMessage,
  known: KnownMessage,
  { nowMs, readAgoMs }: { readonly nowMs: number; readonly readAgoMs: number },
): InboundEvent[] {
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
  // A vote that was taken back is told as one for nothing, and stays with its time.
  const votes = (event.votes ?? []).filter(({ voterId, at }) => at > (row.votes.get(voterId) ?? 0));
  return [...changes, ...toMissedReactions(event, row.reactions, readAgoMs), ...votes];
}

/** For a message of ours a step up the ladder, for an incoming one that it was seen. */
function isAckNews({ ack }: MessageEvent, row: NonNullable<KnownMessage['row']>, nowMs: number): boolean {
  if (row.direction === 'incoming') return ack >= 3 && row.status !== 'read';
  return statusAfterAck({ status: row.status, sentAt: null }, ack, nowMs) !== row.status;
}

/** True if the database has a reaction that the page lacks, and has it for too short a time to tell whether it is gone. */
export function isDoubtful({ reactions }: ReadMessage, { row }: KnownMessage, readAgoMs: number): boolean {
  if (row === null || reactions === undefined) return false;
  return findAbsent(reactions, row.reactions).some((each) => !isSettled(each, readAgoMs));
}

function findAbsent(there: NonNullable<ReadMessage['reactions']>, known: readonly KnownReaction[]) {
  const senders = new Set(there.map(({ senderId }) => senderId));
  return known.filter(({ senderId, emoji }) => emoji !== '' && !senders.has(senderId));
}

function isSettled({ heldMs }: KnownReaction, readAgoMs: number): boolean {
  return heldMs > readAgoMs + SETTLED_AFTER_MS;
}

function toMissedReactions(
  { key, chatId, reactions }: ReadMessage,
  known: readonly KnownReaction[],
  readAgoMs: number,
): ReactionEvent[] {
  if (reactions === undefined) return [];
  const bySender = new Map(known.map((each) => [each.senderId, each]));
  const news = reactions.filter(({ senderId, emoji, at }) => {
    const before = bySender.get(senderId);
    return before === undefined || (before.emoji !== emoji && at >= before.at);
  });
  const gone = findAbsent(reactions, known).filter((each) => isSettled(each, readAgoMs));
  // With the time of what was taken back: whatever its sender does next, by whatever clock, comes after it.
  return [
    ...news,
    ...gone.map(
      ({ senderId, at }): ReactionEvent => ({ kind: 'reaction', key, chatId, senderId, emoji: '', at }),
    ),
  ];
}
