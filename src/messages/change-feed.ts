/**
 * Tells on what has happened to messages and accounts, once it is committed. Of the daemons that share a database one reads,
 * for all of them; it
 *
 *   idle       reads nothing, since nobody listens here, or this daemon starts or stops: what happens costs no more than being
 *              written down;
 *   following  leaves the reading to another daemon, and takes over when that one is gone;
 *   leading    reads, batch after batch. In one transaction what is owed to subscribers is written and the batch is marked
 *              as told; once that is committed the listeners hear of it;
 *   doubting   has led until now, and does not know what became of the last batch: before it leads again it looks.
 *
 * So subscribers are owed everything, at least once; listeners hear each thing at most once. What a daemon had committed and
 * not yet told when it was killed, or when PostgreSQL failed it, they do not hear at all, but from the next that reads they
 * hear that there was something. Hence nobody reads without listeners, who are those that tell all clients of all daemons.
 *
 * Who changes something wakes the feed of its own process; that of a process which does not lead passes it on.
 */
import { beginReading, type FeedBatch, takeBatch } from '../db/change-feed-store.ts';
import type { Executor } from '../db/database.ts';
import { FeedLine, type FeedLineOptions, notifyReader } from '../db/feed-line.ts';
import { findUntold, markTold } from '../db/feed-progress.ts';
import { onNews, transact } from '../db/transaction.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';

/** Tells all clients, those of other daemons too, what was told on. */
export interface FeedListener {
  /** Whether it has anybody to tell now. */
  isListening(): boolean;
  /** Takes what was committed; the next batch waits for it. What it rejects for is logged and lost to it. */
  tell(batch: FeedBatch): Promise<void>;
  /** Takes that something was marked as told which nobody may have heard of. It never rejects. */
  tellLoss(): Promise<void>;
}

/** Those who are owed everything that happens, whether they listen or not. */
export interface FeedSubscriptions {
  /** Whether there are any; asked before each reading. */
  exist(db: Executor): Promise<boolean>;
  /**
   * Writes down what each of them is owed, in the transaction that marks the batch as told. What happened before somebody
   * subscribed may be among it, if nobody has read since.
   */
  fanOut(trx: Executor, batch: FeedBatch): Promise<void>;
  /** Hears that the batch is committed, and what was written down for it. It returns at once and never throws. */
  committed(batch: FeedBatch): void;
}

export interface ChangeFeedDeps {
  readonly db: Executor;
  readonly connection: FeedLineOptions['connection'];
  readonly subscriptions?: FeedSubscriptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings?: FeedTimings;
}

/** In milliseconds. */
export interface FeedTimings {
  /** How long it goes on reading when nobody listens any more: so long a client that was cut off may take to come back. */
  readonly lingerMs: number;
  /** What nobody has read for longer than this is not told to those who come then; longer than the linger. */
  readonly gapMs: number;
  /** The least pause between two readings: whatever is committed meanwhile is read at once, and its writers keep the database. */
  readonly pauseMs: number;
  /** A reader that heard of nothing looks after so long: a chat may have been passed over whose news came at that moment. */
  readonly sweepMs: number;
  /** How often a follower looks whether the reader is gone. */
  readonly takeOverMs: number;
  /** The least pause between two calls for the reader of another process. */
  readonly notifyMs: number;
}

const TIMINGS: FeedTimings = {
  lingerMs: 120_000,
  gapMs: 150_000,
  pauseMs: 20,
  sweepMs: 5_000,
  takeOverMs: 1_000,
  notifyMs: 100,
};

export interface ChangeFeed extends AsyncDisposable {
  /**
   * The listener hears whatever is told from now on. The returned function ends that: it resolves once the listener has heard
   * the last that it hears. A feed without listeners leaves the reading to others, also what is owed to subscribers.
   */
  subscribe(listener: FeedListener): () => Promise<void>;
  /** Resolves once everything that is committed from now on will be read: here, or by another daemon. */
  attend(signal: AbortSignal): Promise<void>;
  /** Says that there is something to tell, or somebody to tell it to. Returns at once. */
  wake(): void;
}

/** Opens the feed. Disposing it ends the batch under way. */
export function openChangeFeed(deps: ChangeFeedDeps): ChangeFeed {
  return new Feed(deps);
}

class Feed implements ChangeFeed {
  readonly #deps: ChangeFeedDeps;
  readonly #timings: FeedTimings;
  readonly #listeners = new Set<FeedListener>();
  readonly #line: FeedLine;
  readonly #wake = new Wake();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #forgetNews: () => void;
  #mode: 'idle' | 'following' | 'leading' | 'doubting' = 'idle';
  /** What the listeners are being told; it never rejects. */
  #telling: Promise<unknown> = Promise.resolve();
  /** Who waits until somebody reads. */
  #attending: PromiseWithResolvers<void>[] = [];
  /** Until when somebody may come back (monotonic). */
  #wantedUntil = Number.NEGATIVE_INFINITY;
  /** Commits with news of this process, and how many of them the reader of another knows of. */
  #commits = 0;
  #notified = 0;

  constructor(deps: ChangeFeedDeps) {
    this.#deps = deps;
    this.#timings = deps.timings ?? TIMINGS;
    const { db, connection, log } = deps;
    this.#line = new FeedLine({ connection, log, onNews: () => this.wake() });
    this.#forgetNews = onNews(db, () => {
      this.#commits += 1;
      this.wake();
    });
    this.#running = this.#run(this.#closing.signal);
  }

  subscribe(listener: FeedListener): () => Promise<void> {
    this.#listeners.add(listener);
    this.wake();
    return async () => {
      this.#listeners.delete(listener);
      this.wake();
      await this.#telling;
    };
  }

  async attend(signal: AbortSignal): Promise<void> {
    if (this.#mode !== 'idle') {
      this.#wantedUntil = this.#deps.clock.monotonic() + this.#timings.lingerMs;
      return;
    }
    const read = Promise.withResolvers<void>();
    this.#attending.push(read);
    this.wake();
    await orAborted(read.promise, AbortSignal.any([signal, this.#closing.signal]));
  }

  wake(): void {
    this.#wake.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forgetNews();
    this.#closing.abort(new Error('The change feed is closed.'));
    await this.#running;
    await this.#line[Symbol.asyncDispose]();
  }

  /** Never rejects; ends with the signal. */
  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const restMs = await this.#step(signal);
        failures = 0;
        await this.#wake.wait(signal, restMs);
      } catch (thrown) {
        if (signal.aborted) return;
        if (this.#mode === 'leading') this.#mode = 'doubting';
        failures += 1;
        if (failures === 1)
          this.#deps.log.warn('Changes cannot be told on now and are told later', {
            error: toError(thrown).message,
          });
        await waitMs(backoffDelayMs(failures + 1), signal).catch(() => undefined);
      }
    }
  }

  /** Does what there is to do; returns after how long to look again, if nothing wakes it. */
  async #step(signal: AbortSignal): Promise<number | undefined> {
    const { pauseMs, sweepMs, takeOverMs } = this.#timings;
    if (!(await this.#isWanted())) {
      this.#mode = 'idle';
      await this.#line.leave();
      await this.#passOn(signal);
      return undefined;
    }
    if (!(await this.#line.lead())) {
      this.#enter('following');
      await this.#passOn(signal);
      return takeOverMs;
    }
    await this.#beginLeading();
    await this.#readAll(signal);
    // Where the last listener left meanwhile, the next step passes on what was not read.
    if (this.#listeners.size > 0) this.#notified = this.#commits;
    await waitMs(pauseMs, signal);
    return sweepMs;
  }

  async #isWanted(): Promise<boolean> {
    const { clock } = this.#deps;
    if (this.#listeners.size === 0) return false;
    const isHeard = this.#attending.length > 0 || [...this.#listeners].some((each) => each.isListening());
    if (isHeard) this.#wantedUntil = clock.monotonic() + this.#timings.lingerMs;
    return clock.monotonic() < this.#wantedUntil || (await this.#areAnySubscribed());
  }

  async #areAnySubscribed(db: Executor = this.#deps.db): Promise<boolean> {
    return (await this.#deps.subscriptions?.exist(db)) === true;
  }

  #enter(mode: 'following' | 'leading'): void {
    this.#mode = mode;
    for (const { resolve } of this.#attending.splice(0)) resolve();
  }

  async #beginLeading(): Promise<void> {
    if (this.#mode === 'leading') return;
    // Whoever has led until now passes nothing over: those who listen were there all the time. And whoever is subscribed is
    // owed what happened while no daemon ran, too.
    if (this.#mode !== 'doubting')
      await beginReading(this.#deps.db, this.#timings.gapMs, (trx) => this.#areAnySubscribed(trx));
    // The last one may have left meanwhile, and woken this.
    if (this.#listeners.size === 0) return;
    await this.#during(this.#tellLoss([...this.#listeners]));
    this.#enter('leading');
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && this.#listeners.size > 0 && !signal.aborted; )
      hasMore = await this.#during(this.#readOne([...this.#listeners]));
  }

  /** Whoever leaves waits for it. */
  #during<T>(telling: Promise<T>): Promise<T> {
    this.#telling = telling.catch(() => undefined);
    return telling;
  }

  /** True if there may be more. */
  async #readOne(listeners: readonly FeedListener[]): Promise<boolean> {
    const { db, subscriptions, log } = this.#deps;
    const batch = await transact(db, async (trx) => {
      const taken = await takeBatch(trx);
      if (!isEmpty(taken)) await subscriptions?.fanOut(trx, taken);
      return taken;
    });
    if (isEmpty(batch)) return batch.hasMore;
    subscriptions?.committed(batch);
    for (const listener of listeners) {
      await listener
        .tell(batch)
        .catch((thrown) =>
          log.error('What has happened could not be told', { error: toError(thrown).message }),
        );
    }
    await markTold(db, batch.number);
    return batch.hasMore;
  }

  /** Says that there was something, where the one that read before took a batch and did not live to tell it. */
  async #tellLoss(listeners: readonly FeedListener[]): Promise<void> {
    const { db } = this.#deps;
    const lost = await findUntold(db);
    if (lost === undefined) return;
    for (const listener of listeners) await listener.tellLoss();
    await markTold(db, lost);
  }

  /** Wakes the reader of another process for what was committed here, seldom enough to cost nothing. */
  async #passOn(signal: AbortSignal): Promise<void> {
    if (this.#notified === this.#commits) return;
    const commits = this.#commits;
    await notifyReader(this.#deps.db);
    this.#notified = commits;
    await waitMs(this.#timings.notifyMs, signal);
  }
}

function isEmpty({ changes, news }: FeedBatch): boolean {
  return changes.length + news.length === 0;
}
