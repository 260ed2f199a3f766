import type { AccountId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import { type CatchUpCause, finishCatchUp, insertCatchUp } from '../db/catch-up-ledger.ts';
import {
  type CaughtUp,
  findCatchUpStart,
  listChatWatermarks,
  saveCaughtUpTo,
  saveChatWatermarks,
} from '../db/catch-up-store.ts';
import type { Executor } from '../db/database.ts';
import { type LeaseFence, NO_FENCE } from '../db/lease-fence.ts';
import { isDatabaseAway } from '../db/outage.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import {
  type CatchUpCount,
  type CatchUpRunDeps,
  type CatchUpView,
  CHAT_RETRIES_MS,
  runCatchUp,
} from './catch-up-run.ts';
import { isHeldAfterRun, pauseAfterRunMs } from './catch-up-window.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { LiveGate } from './live-gate.ts';
import type { OnMessageStep } from './message-step.ts';

export interface CatchUpOptions {
  readonly db: Executor;
  /** How far the account is caught up, and what each run came to, is written under its lease. */
  readonly fence?: LeaseFence;
  /** Puts what a catch-up has found into the account's inbound lane. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[], catchUpId: string) => void;
  /** Resolves when the lane has passed on everything that it took before. */
  readonly laneIdle: (accountId: AccountId) => Promise<void>;
  /** Resolves when everything that it was given before is in the database; rejects if the lane has dropped some of it. */
  readonly committed: (accountId: AccountId) => Promise<void>;
  /** Holds back what is told live of a chat until the chat is read. */
  readonly gate: Omit<LiveGate, 'accept' | 'listHeld' | 'giveUp' | typeof Symbol.dispose>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Pauses before a chat that could not be read is tried again, in milliseconds. */
  readonly retriesMs?: readonly number[];
  /** The pause after `incomplete` runs in a row that could not read everything; milliseconds. */
  readonly pauseMs?: (incomplete: number) => number;
  readonly onStep?: OnMessageStep;
}

/** Keeps one account caught up during one connection; see catch-up.ts. */
export class CatchUpKeeper {
  readonly #options: CatchUpOptions;
  readonly #session: ConnectedSession;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #wake = new Wake();
  /** Why the page is to be read; what was missed lies behind no watermark until a run that begins later has ended. */
  #cause: CatchUpCause | null = 'ready';
  /** Runs in a row that could not read everything. */
  #incomplete = 0;
  readonly ended: Promise<void>;

  constructor(
    options: CatchUpOptions,
    session: ConnectedSession,
    signal: AbortSignal,
    before: CatchUpKeeper | undefined,
  ) {
    this.#options = options;
    this.#session = session;
    this.#log = options.log.child({ accountId: session.accountId });
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    this.ended = this.#keep(before);
  }

  request(cause: CatchUpCause): void {
    this.#cause ??= cause;
    this.#wake.wake();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #keep(before: CatchUpKeeper | undefined): Promise<void> {
    await before?.stop();
    while (!this.#signal.aborted) {
      try {
        const cause = this.#cause ?? (this.#incomplete > 0 ? 'retry' : null);
        if (cause === null) await this.#advance(this.#options.clock.now());
        else await this.#run(cause);
        const pauseMs = (this.#options.pauseMs ?? pauseAfterRunMs)(this.#incomplete);
        await this.#wake.wait(this.#signal, pauseMs);
      } catch (thrown) {
        if (!this.#signal.aborted) throw thrown;
      }
    }
  }

  /** One run over the page. Rejects only with the signal's reason. */
  async #run(cause: CatchUpCause): Promise<void> {
    const { clock, gate } = this.#options;
    const startedAt = clock.now();
    const monotonic = clock.monotonic();
    this.#cause = null;
    gate.shut(this.#session.accountId);
    let isAway = false;
    try {
      const count = await this.#catchUp(cause, startedAt);
      const ms = Math.round(clock.monotonic() - monotonic);
      this.#log.info('The account was caught up with its page', { ...count, cause, ms });
      this.#incomplete = count.unread + count.doubtful > 0 ? this.#incomplete + 1 : 0;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#incomplete += 1;
      isAway = isDatabaseAway(thrown);
      this.#log.warn('The account could not be caught up; it is tried again', {
        cause,
        error: toError(thrown).message,
      });
    }
    const end = { incomplete: this.#incomplete, isReadAgain: this.#cause !== null, isAway };
    if (!isHeldAfterRun(end)) gate.open(this.#session.accountId);
    if (this.#incomplete === 0) await this.#advance(startedAt);
  }

  /** The run and its entry in the ledger, which is complete once everything that it found is stored. */
  async #catchUp(cause: CatchUpCause, startedAt: number): Promise<CatchUpCount> {
    const { db, clock, committed, fence = NO_FENCE } = this.#options;
    const { accountId } = this.#session;
    const signal = this.#signal;
    const id = await orAborted(insertCatchUp(db, accountId, { cause, startedAt, fence }), signal);
    const view = await orAborted(this.#look(startedAt), signal);
    const count = await runCatchUp(this.#session, view, this.#runDeps(id, startedAt), signal);
    await orAborted(committed(accountId), signal);
    const { from, recovered, changed, chats, unread } = count;
    const outcome = { from, found: recovered + changed, chats, unread, endedAt: clock.now() };
    await orAborted(finishCatchUp(db, id, outcome, { accountId, fence }), signal);
    return count;
  }

  /** Moves the instant to `atMs` once what came before is committed. Rejects only with the signal's reason. */
  async #advance(atMs: number): Promise<void> {
    const { committed, db, onStep } = this.#options;
    try {
      await orAborted(committed(this.#session.accountId), this.#signal);
      if (this.#cause !== null) return;
      await orAborted(saveCaughtUpTo(db, this.#session.accountId, this.#upTo(atMs)), this.#signal);
      onStep?.('watermark-saved');
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#log.warn('How far the account is caught up could not be stored', {
        error: toError(thrown).message,
      });
    }
  }

  #upTo(atMs: number): CaughtUp {
    const { clock, fence = NO_FENCE } = this.#options;
    return { atMs, nowMs: clock.now(), fence };
  }

  async #look(startedAt: number): Promise<CatchUpView> {
    const { db } = this.#options;
    const { accountId } = this.#session;
    const start = await findCatchUpStart(db, accountId);
    const watermarks = await listChatWatermarks(db, accountId);
    return { start: start ?? { caughtUpTo: null, firstLinkedAt: null }, watermarks, startedAt };
  }

  #runDeps(catchUpId: string, startedAt: number): CatchUpRunDeps {
    const { db, emit, laneIdle, committed, clock, gate, retriesMs, onStep } = this.#options;
    const { accountId } = this.#session;
    return {
      db,
      async emit(events) {
        const emitted = events.map((event) =>
          event.kind === 'message' && gate.isHeld(accountId, event.chatId, event.key.bareId)
            ? { ...event, recovered: false }
            : event,
        );
        emit(accountId, emitted, catchUpId);
        await laneIdle(accountId);
      },
      onPlanned: (chatIds) => gate.await(accountId, chatIds),
      isAwaited: (chatId) => gate.isAwaited(accountId, chatId),
      onChatDone: (chatId) => gate.pass(accountId, chatId),
      onRead: async (chats) => {
        await orAborted(committed(accountId), this.#signal);
        if (this.#cause !== null) return;
        await orAborted(saveChatWatermarks(db, accountId, chats, this.#upTo(startedAt)), this.#signal);
      },
      log: this.#log,
      now: () => clock.now(),
      retriesMs: retriesMs ?? CHAT_RETRIES_MS,
      ...(onStep === undefined ? {} : { onStep }),
    };
  }
}
