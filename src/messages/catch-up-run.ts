import type { ChatGlimpse, ConnectedSession } from '../channels/channel.ts';
import {
  type CatchUpStart,
  type ChatWatermark,
  listKnownMessages,
  toFiledPeople,
} from '../db/catch-up-store.ts';
import type { Executor } from '../db/database.ts';
import { isDatabaseAway } from '../db/outage.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type ReadBackWindow, readBackWindow } from './catch-up-window.ts';
import { type ReadBackCount, type ReadBackDeps, readChatBack } from './chat-read-back.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { OnMessageStep } from './message-step.ts';

/** Pauses before a chat that could not be read, or the list of all, is tried again; in milliseconds. */
export const CHAT_RETRIES_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000];

/** So often a run that is cut off keeps what it has read; in chats. */
const SAVE_EVERY = 50;

/** How far the account and its chats are caught up, and when the run began. */
export interface CatchUpView {
  readonly start: CatchUpStart;
  readonly watermarks: ReadonlyMap<string, ChatWatermark>;
  readonly startedAt: number;
}

export interface CatchUpRunDeps {
  readonly db: Executor;
  /** Passes events on to the account's inbound lane; resolves when the lane has passed them on. */
  readonly emit: (events: readonly InboundEvent[]) => Promise<void>;
  /** These chats will be read, and no others. */
  readonly onPlanned: (chatIds: readonly string[]) => void;
  /** Something waits for this chat to be read: it is read before others. */
  readonly isAwaited: (chatId: string) => boolean;
  /** All that was missed of the chat is in the lane, or it cannot be had soon: what is told live of it need not wait. */
  readonly onChatDone: (chatId: string) => void;
  /** These chats were read back, or rest: what came before the run's start is stored once the emitted events are. */
  readonly onRead: (chats: readonly ChatGlimpse[]) => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
  readonly retriesMs: readonly number[];
  readonly onStep?: OnMessageStep;
}

/** What one run over the chats came to. */
export interface CatchUpCount extends ReadBackCount {
  /** The earliest floor of the chats that were to be read; null if there were none. */
  readonly from: number | null;
  /** Chats that were to be read. */
  readonly chats: number;
  /** Chats that could not be read, after all tries. */
  readonly unread: number;
}

interface Reading {
  readonly chat: ChatGlimpse;
  readonly window: ReadBackWindow;
}

/**
 * Reads every chat of the page back that may have something new, one after another; those that fail are tried again when
 * the others are done. Rejects if the chats cannot be listed, if the database is away, and with the signal's reason.
 */
export async function runCatchUp(
  session: ConnectedSession,
  view: CatchUpView,
  deps: CatchUpRunDeps,
  signal: AbortSignal,
): Promise<CatchUpCount> {
  const listed = await listPatiently(session, deps, signal);
  const { readings, resting } = planReadings(listed, view);
  deps.onPlanned(readings.map(({ chat }) => chat.chatId));
  const readBack = makeReadBackDeps(session, deps, signal);
  let count: ReadBackCount = { pages: 0, read: 0, recovered: 0, changed: 0, doubtful: 0 };
  let waiting = readings;
  const done = resting;
  for (const [tries, pauseMs] of [0, ...deps.retriesMs].entries()) {
    if (waiting.length === 0) break;
    await waitMs(pauseMs, signal);
    const failed: Reading[] = [];
    for (const reading of inTurn(waiting, deps.isAwaited)) {
      const one = await tryChat(reading, readBack, deps.log, signal);
      if (one !== undefined || tries > 0) deps.onChatDone(reading.chat.chatId);
      if (one === undefined) failed.push(reading);
      else {
        count = addCounts(count, one);
        if (one.doubtful === 0) done.push(reading.chat);
      }
      if (done.length >= SAVE_EVERY) await deps.onRead(done.splice(0));
    }
    waiting = failed;
  }
  await deps.onRead(done);
  return { ...count, from: earliestFloor(readings), chats: readings.length, unread: waiting.length };
}

/** A document that is being left cannot be read, and that may be heard before it is known that it is being left. */
async function listPatiently(
  session: ConnectedSession,
  { retriesMs, log }: CatchUpRunDeps,
  signal: AbortSignal,
): Promise<readonly ChatGlimpse[]> {
  for (const pauseMs of retriesMs) {
    try {
      return await orAborted(session.listChats(), signal);
    } catch (thrown) {
      signal.throwIfAborted();
      log.warn('The chats could not be listed; it is tried again', { error: toError(thrown).message });
    }
    await waitMs(pauseMs, signal);
  }
  return await orAborted(session.listChats(), signal);
}

/** Each reading once: always one that somebody waits for, if there is one by then. */
function* inTurn(readings: readonly Reading[], isAwaited: (chatId: string) => boolean): Generator<Reading> {
  const left = [...readings];
  while (left.length > 0) {
    const place = left.findIndex(({ chat }) => isAwaited(chat.chatId));
    yield* left.splice(Math.max(place, 0), 1);
  }
}

function earliestFloor(readings: readonly Reading[]): number | null {
  if (readings.length === 0) return null;
  return readings.reduce(
    (earliest, { window }) => Math.min(earliest, window.floor),
    Number.POSITIVE_INFINITY,
  );
}

/** Which chats are read, how far, and which others are to be noted because nothing is known of them yet. */
function planReadings(chats: readonly ChatGlimpse[], { start, watermarks, startedAt }: CatchUpView) {
  const readings: Reading[] = [];
  const resting: ChatGlimpse[] = [];
  for (const chat of chats) {
    const watermark = watermarks.get(chat.chatId);
    const window = readBackWindow(chat, start, watermark, startedAt);
    if (window !== undefined) readings.push({ chat, window });
    else if (watermark === undefined) resting.push(chat);
  }
  return { readings, resting };
}

/** Undefined if the chat could not be read. Rejects if the database is away, and with the signal's reason. */
async function tryChat(
  { chat, window }: Reading,
  deps: ReadBackDeps,
  log: Logger,
  signal: AbortSignal,
): Promise<ReadBackCount | undefined> {
  try {
    return await readChatBack(chat, window, deps);
  } catch (thrown) {
    signal.throwIfAborted();
    if (isDatabaseAway(thrown)) throw thrown;
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
      return await orAborted(toFiledPeople(deps.db, accountId, events), signal);
    },
    listKnown: (events) => orAborted(listKnownMessages(deps.db, accountId, events), signal),
    async emit(events) {
      signal.throwIfAborted();
      await orAborted(deps.emit(events), signal);
    },
  };
}

function addCounts(a: ReadBackCount, b: ReadBackCount): ReadBackCount {
  return {
    pages: a.pages + b.pages,
    read: a.read + b.read,
    recovered: a.recovered + b.recovered,
    changed: a.changed + b.changed,
    doubtful: a.doubtful + b.doubtful,
  };
}
