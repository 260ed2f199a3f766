/**
 * Catches up with what a page took while nobody listened: before the listeners were attached, over a reload, while
 * the daemon was away (facts A14, A23). Such messages are in the page's own store only.
 *
 * Two instants say up to when everything is known to be taken over: `accounts.caught_up_to` for all chats, and one a chat
 * in `chat_watermarks`; the later one counts. A run reads each chat back as far as catch-up-window.ts says and moves its
 * instant to the run's own start, and the account's when none is left; always once everything is committed: what lies in
 * the queue may be lost with it. From then on listening is enough: the account's instant moves by itself, until a gap is
 * reported.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import {
  findCatchUpStart,
  listChatWatermarks,
  saveCaughtUpTo,
  saveChatWatermarks,
} from '../db/catch-up-store.ts';
import type { Executor } from '../db/database.ts';
import { orAborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import { type CatchUpRunDeps, type CatchUpView, CHAT_RETRIES_MS, runCatchUp } from './catch-up-run.ts';
import { pauseAfterRunMs } from './catch-up-window.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { OnMessageStep } from './message-step.ts';

export interface CatchUpOptions {
  readonly db: Executor;
  /** Puts events into the account's inbound lane. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[]) => void;
  /** Resolves when the lane has passed on everything that it took before. */
  readonly laneIdle: (accountId: AccountId) => Promise<void>;
  /** Resolves when everything that the lane took before is in the database. */
  readonly committed: (accountId: AccountId) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Pauses before a chat that could not be read is tried again, in milliseconds. */
  readonly retriesMs?: readonly number[];
  /** The pause after `incomplete` runs in a row that could not read everything; milliseconds. */
  readonly pauseMs?: (incomplete: number) => number;
  readonly onStep?: OnMessageStep;
}

export interface CatchUp extends AsyncDisposable {
  /**
   * Catches up, and keeps the account caught up until the signal aborts. Call it at each connection; never rejects.
   * A run of the same account that is still under way is ended first.
   */
  run(session: ConnectedSession, options: { readonly signal: AbortSignal }): Promise<void>;
  /** The lane dropped events of the account: reads the page back again, if it is connected. Returns at once. */
  request(accountId: AccountId): void;
}

/** Opens the catching up. Disposing ends all runs and waits for them. */
export function openCatchUp(options: CatchUpOptions): CatchUp {
  const keepers = new Map<AccountId, Keeper>();
  return {
    async run(session, { signal }) {
      const before = keepers.get(session.accountId);
      const keeper = new Keeper(options, session, signal, before);
      keepers.set(session.accountId, keeper);
      await keeper.ended;
      if (keepers.get(session.accountId) === keeper) keepers.delete(session.accountId);
    },
    request(accountId) {
      keepers.get(accountId)?.request();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...keepers.values()].map((keeper) => keeper.stop()));
    },
  };
}

/** Keeps one account caught up during one connection. */
class Keeper {
  readonly #options: CatchUpOptions;
  readonly #session: ConnectedSession;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #wake = new Wake();
  /** True from a reported gap until a run that began later. The instant stays where it is meanwhile. */
  #gap = false;
  /** Runs in a row that could not read everything. */
  #incomplete = 0;
  readonly ended: Promise<void>;

  constructor(
    options: CatchUpOptions,
    session: ConnectedSession,
    signal: AbortSignal,
    before: Keeper | undefined,
  ) {
    this.#options = options;
    this.#session = session;
    this.#log = options.log.child({ accountId: session.accountId });
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
    this.ended = this.#keep(before);
  }

  request(): void {
    this.#gap = true;
    this.#wake.wake();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #keep(before: Keeper | undefined): Promise<void> {
    await before?.stop();
    let behind = true;
    while (!this.#signal.aborted) {
      try {
        if (behind) await this.#run();
        else await this.#advance(this.#options.clock.now());
        const pauseMs = (this.#options.pauseMs ?? pauseAfterRunMs)(this.#incomplete);
        await this.#wake.wait(this.#signal, pauseMs);
        behind = this.#gap || this.#incomplete > 0;
      } catch (thrown) {
        if (!this.#signal.aborted) throw thrown;
      }
    }
  }

  /** One run over the page. Rejects only with the signal's reason. */
  async #run(): Promise<void> {
    const { clock } = this.#options;
    const startedAt = clock.now();
    const monotonic = clock.monotonic();
    this.#gap = false;
    try {
      const view = await orAborted(this.#look(startedAt), this.#signal);
      const count = await runCatchUp(this.#session, view, this.#runDeps(startedAt), this.#signal);
      const ms = Math.round(clock.monotonic() - monotonic);
      this.#log.info('The account was caught up with its page', { ...count, ms });
      this.#incomplete = count.unread > 0 ? this.#incomplete + 1 : 0;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#incomplete += 1;
      this.#log.warn('The account could not be caught up; it is tried again', {
        error: toError(thrown).message,
      });
    }
    if (this.#incomplete === 0) await this.#advance(startedAt);
  }

  /** Moves the instant to `atMs` once what came before is committed. Rejects only with the signal's reason. */
  async #advance(atMs: number): Promise<void> {
    const { committed, db, onStep } = this.#options;
    try {
      await orAborted(committed(this.#session.accountId), this.#signal);
      if (this.#gap) return;
      await orAborted(saveCaughtUpTo(db, this.#session.accountId, atMs), this.#signal);
      onStep?.('watermark-saved');
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#log.warn('How far the account is caught up could not be stored', {
        error: toError(thrown).message,
      });
    }
  }

  async #look(startedAt: number): Promise<CatchUpView> {
    const { db } = this.#options;
    const { accountId } = this.#session;
    const start = await findCatchUpStart(db, accountId);
    const watermarks = await listChatWatermarks(db, accountId);
    return { start: start ?? { caughtUpTo: null, firstLinkedAt: null }, watermarks, startedAt };
  }

  #runDeps(startedAt: number): CatchUpRunDeps {
    const { db, emit, laneIdle, committed, clock, retriesMs, onStep } = this.#options;
    const { accountId } = this.#session;
    return {
      db,
      async emit(events) {
        emit(accountId, events);
        await laneIdle(accountId);
      },
      onRead: async (chats) => {
        await orAborted(committed(accountId), this.#signal);
        if (this.#gap) return;
        await orAborted(saveChatWatermarks(db, accountId, chats, startedAt), this.#signal);
      },
      log: this.#log,
      now: () => clock.now(),
      retriesMs: retriesMs ?? CHAT_RETRIES_MS,
      ...(onStep === undefined ? {} : { onStep }),
    };
  }
}
