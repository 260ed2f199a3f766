import type { AccountId } from '../accounts/ids.ts';
import type { ChatGlimpse, ConnectedSession } from '../channels/channel.ts';
import { listKnownMessages } from '../db/catch-up-store.ts';
import type { Executor } from '../db/database.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type ReadBackCount, type ReadBackDeps, readChatBack } from './chat-read-back.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { OnMessageStep } from './message-step.ts';

/** Pauses before a chat that could not be read is tried again, in milliseconds. */
export const CHAT_RETRIES_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000];

export interface CatchUpRunDeps {
  readonly db: Executor;
  /** Puts events into the account's inbound lane. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[]) => void;
  /** Resolves when the lane has passed on everything that was emitted before. */
  readonly laneIdle: (accountId: AccountId) => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
  readonly retriesMs: readonly number[];
  readonly onStep?: OnMessageStep;
}

/** What one run over the chats came to. */
export interface CatchUpCount extends ReadBackCount {
  readonly chats: number;
  /** Chats that could not be read, after all tries. */
  readonly unread: number;
}

/**
 * Reads every chat of the page back to `floor`, one after another; those that fail are tried again when the others
 * are done. Rejects if the chats cannot be listed, and with the signal's reason.
 */
export async function runCatchUp(
  session: ConnectedSession,
  floor: number,
  deps: CatchUpRunDeps,
  signal: AbortSignal,
): Promise<CatchUpCount> {
  const listed = await orAborted(session.listChats(), signal);
  const chats = listed.filter(({ lastMessageAt }) => lastMessageAt >= floor);
  const readBack = makeReadBackDeps(session, deps, signal);
  let count: ReadBackCount = { read: 0, recovered: 0, changed: 0 };
  let waiting = chats;
  for (const pauseMs of [0, ...deps.retriesMs]) {
    if (waiting.length === 0) break;
    await waitMs(pauseMs, signal);
    const failed: ChatGlimpse[] = [];
    for (const chat of waiting) {
      const one = await tryChat(chat, floor, readBack, deps.log, signal);
      if (one === undefined) failed.push(chat);
      else count = addCounts(count, one);
    }
    waiting = failed;
  }
  return { ...count, chats: chats.length, unread: waiting.length };
}

/** Undefined if the chat could not be read. Rejects only with the signal's reason. */
async function tryChat(
  chat: ChatGlimpse,
  floor: number,
  deps: ReadBackDeps,
  log: Logger,
  signal: AbortSignal,
): Promise<ReadBackCount | undefined> {
  try {
    return await readChatBack(chat, floor, deps);
  } catch (thrown) {
    signal.throwIfAborted();
    log.warn('A chat could not be read back; it is tried again later', { error: toError(thrown).message });
    return undefined;
  }
}

/** Waiting for the lane after each page keeps what is under way small, and the lane from overflowing. */
function makeReadBackDeps(
  session: ConnectedSession,
  deps: CatchUpRunDeps,
  signal: AbortSignal,
): ReadBackDeps {
  const { accountId } = session;
  return {
    now: deps.now,
    async readPage(chat, offset, limit) {
      const events = await orAborted(session.readChat(chat.pageChatId, { offset, limit }), signal);
      deps.onStep?.('page-read');
      return events;
    },
    listKnown: (events) => orAborted(listKnownMessages(deps.db, accountId, events), signal),
    async emit(events) {
      signal.throwIfAborted();
      deps.emit(accountId, events);
      await orAborted(deps.laneIdle(accountId), signal);
    },
  };
}

function addCounts(a: ReadBackCount, b: ReadBackCount): ReadBackCount {
  return {
    read: a.read + b.read,
    recovered: a.recovered + b.recovered,
    changed: a.changed + b.changed,
  };
}
