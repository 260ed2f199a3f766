import { randomUUID } from 'node:crypto';
import { type AccountId, makeAccountId } from '../../src/accounts/ids.ts';
import type { Executor } from '../../src/db/database.ts';
import type {
  AckEvent,
  EditEvent,
  EventTarget,
  InboundEvent,
  MediaEvent,
  MessageEvent,
  ReactionEvent,
  RevokeEvent,
  VoteEvent,
} from '../../src/messages/inbound-event.ts';
import type { Ack } from '../../src/messages/message.ts';
import type { InboundJob } from '../../src/queue/table.ts';

/** The instant from which the times of these events count, in milliseconds since the epoch. */
export const T0 = Date.UTC(2026, 2, 1, 12, 0, 0);

/** A message's name in a personal chat with Alice. */
export function targetOf(bareId: string, { fromMe = false } = {}): EventTarget {
  const chatId = '491700000001@c.us';
  return { chatId, key: { fromMe, chatId, bareId, participant: null } };
}

/** A plain incoming text; what matters to a test is given. */
export function messageEvent(bareId: string, given: Partial<MessageEvent> = {}): MessageEvent {
  return {
    kind: 'message',
    ...targetOf(bareId),
    at: T0,
    type: 'text',
    nativeType: 'chat',
    text: `text of ${bareId}`,
    caption: null,
    author: '491700000001@c.us',
    authorName: 'Alice',
    ack: 0,
    ackReason: null,
    media: null,
    location: null,
    contacts: null,
    poll: null,
    quoted: null,
    mentions: [],
    forwarded: false,
    editedAt: null,
    recovered: false,
    ...given,
  };
}

/** A message that the account's owner wrote on the phone. */
export function ownMessageEvent(bareId: string, given: Partial<MessageEvent> = {}): MessageEvent {
  return messageEvent(bareId, {
    ...targetOf(bareId, { fromMe: true }),
    author: null,
    authorName: null,
    ...given,
  });
}

export function ackEvent(bareId: string, ack: Ack, at: number, given: Partial<AckEvent> = {}): AckEvent {
  return { kind: 'ack', ...targetOf(bareId, { fromMe: true }), ack, reason: null, at, ...given };
}

export function editEvent(bareId: string, text: string, at: number): EditEvent {
  return { kind: 'edit', ...targetOf(bareId), text, at };
}

export function revokeEvent(bareId: string, at: number): RevokeEvent {
  return { kind: 'revoke', ...targetOf(bareId), at };
}

export function reactionEvent(bareId: string, emoji: string, at: number): ReactionEvent {
  return { kind: 'reaction', ...targetOf(bareId), senderId: '491700000001@c.us', emoji, at };
}

export function voteEvent(bareId: string, choices: readonly number[], at: number): VoteEvent {
  return { kind: 'vote', ...targetOf(bareId), voterId: '491700000001@c.us', choices, at };
}

export function storedMediaEvent(bareId: string, at: number): MediaEvent {
  return {
    kind: 'media',
    ...targetOf(bareId),
    result: {
      status: 'stored',
      sha256: 'ab'.repeat(32),
      mimeType: 'image/png',
      fileSize: 1_234,
      fileName: null,
    },
    at,
  };
}

/** Writes an account of its own, so that tests of one database do not meet. */
export async function insertTestAccount(db: Executor, timezone = 'UTC'): Promise<AccountId> {
  const id = makeAccountId();
  await db
    .insertInto('accounts')
    .values({ id, tenant_id: 'default', daily_limit: 1_000, timezone })
    .execute();
  return id;
}

/** Makes the jobs of one account in a run of its own, one after another as its lane would. */
export function makeJobs(
  accountId: AccountId,
  run = randomUUID(),
): (...events: InboundEvent[]) => InboundJob {
  let n = 0;
  return (...events) => {
    const job = { accountId, run, n, events };
    n += 1;
    return job;
  };
}
