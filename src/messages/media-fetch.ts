/**
 * Fetches the media of messages that came without it. The rows are the truth: what waits is read from the database,
 * oldest first, when an account connects and whenever it is told that rows were added. Each row is taken up once a
 * connection, unless what came of it may have been lost, one at a time, and its file passes through memory in pieces. What a
 * session's end interrupts stays pending and is taken up by the next one.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { ConnectedSession, MediaDownload } from '../channels/channel.ts';
import type { Executor } from '../db/database.ts';
import { listPendingMedia, type PendingMedia } from '../db/pending-media-store.ts';
import { orAborted, untilAborted, waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import type { InboundEvent, MediaEvent } from './inbound-event.ts';
import { MAX_MEDIA_BYTES } from './media-kind.ts';
import { type FetchOutcome, MEDIA_TRIES_MS, nextTry } from './media-retry.ts';
import type { MediaStore } from './media-store.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import type { MessageKey } from './whatsapp-key.ts';

/** Rows read at a time. */
const PAGE = 100;

export interface MediaFetchOptions {
  readonly db: Executor;
  readonly store: MediaStore;
  /** Puts events into the account's inbound lane, where they come after their message. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[]) => void;
  /** Resolves when everything that was emitted for the account is in the database, or known to be lost. */
  readonly committed: (accountId: AccountId) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Pauses before each try, in milliseconds. */
  readonly triesMs?: readonly number[];
  readonly onStep?: OnMessageStep;
  readonly meter?: MessageMeter;
}

export interface MediaFetch extends AsyncDisposable {
  /** Fetches what waits and what comes to wait, until the signal aborts. Call it at each connection; never rejects. */
  run(session: ConnectedSession, signal: AbortSignal): Promise<void>;
  /** Messages of the account were stored that may wait for media. Returns at once; ignored while not connected. */
  wake(accountId: AccountId): void;
  /**
   * What was emitted may be lost, or messages that were known may wait for media: all that waits is read anew. Returns at once;
   * ignored while not connected.
   */
  startOver(accountId: AccountId): void;
}

/** Opens the fetching of media. Disposing ends all runs and waits for them. */
export function openMediaFetch(options: MediaFetchOptions): MediaFetch {
  const runs = new Map<AccountId, FetchRun>();
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  return {
    async run(session, signal) {
      const run = new FetchRun(options, session, AbortSignal.any([signal, closing.signal]));
      runs.set(session.accountId, run);
      const ended = run.loop();
      running.add(ended);
      await ended;
      running.delete(ended);
      if (runs.get(session.accountId) === run) runs.delete(session.accountId);
    },
    wake(accountId) {
      runs.get(accountId)?.wake();
    },
    startOver(accountId) {
      runs.get(accountId)?.startOver();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

interface Wanted extends PendingMedia {
  readonly key: MessageKey;
}

/** A message whose media is due later: to be tried again, or to be given up. */
interface Postponed {
  readonly wanted: Wanted;
  readonly tries: number;
  readonly giveUp: boolean;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
}

/** The media of one account during one connection. */
class FetchRun {
  readonly #options: MediaFetchOptions;
  readonly #session: ConnectedSession;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #triesMs: readonly number[];
  readonly #wake = new Wake();
  #listed: Wanted[] = [];
  #postponed: Postponed[] = [];
  #lastSeq = '0';
  #isToStartOver = false;

  constructor(options: MediaFetchOptions, session: ConnectedSession, signal: AbortSignal) {
    this.#options = options;
    this.#session = session;
    this.#signal = signal;
    this.#log = options.log.child({ accountId: session.accountId });
    this.#triesMs = options.triesMs ?? MEDIA_TRIES_MS;
    this.#wake.wake();
  }

  wake(): void {
    this.#wake.wake();
  }

  startOver(): void {
    this.#isToStartOver = true;
    this.#wake.wake();
  }

  async loop(): Promise<void> {
    for (let failures = 0; !this.#signal.aborted; ) {
      try {
        await this.#takeNext();
        failures = 0;
      } catch (thrown) {
        if (this.#signal.aborted) return;
        failures += 1;
        this.#log.warn('Fetching media was interrupted; it goes on', { error: toError(thrown).message });
        await waitMs(backoffDelayMs(failures + 1), this.#signal).catch(() => undefined);
        this.#wake.wake();
      }
    }
  }

  /** What is due again comes first, then what was listed, then a look at the database, then a wait for either. */
  async #takeNext(): Promise<void> {
    const now = this.#options.clock.monotonic();
    const due = this.#postponed.find(({ dueAt }) => dueAt <= now);
    if (due !== undefined) {
      this.#postponed = this.#postponed.filter((other) => other !== due);
      if (due.giveUp) this.#tell(due.wanted, { status: 'failed' });
      else await this.#fetch(due.wanted, due.tries);
      return;
    }
    const next = this.#listed.shift();
    if (next !== undefined) return this.#fetch(next, 0);
    const dueAt = Math.min(...this.#postponed.map((postponed) => postponed.dueAt));
    await this.#wake.wait(this.#signal, Number.isFinite(dueAt) ? Math.max(1, dueAt - now) : undefined);
    await this.#list();
  }

  async #list(): Promise<void> {
    const { db, committed } = this.#options;
    const { accountId } = this.#session;
    if (this.#isToStartOver) {
      // What was fetched and is on its way would be fetched again.
      await orAborted(committed(accountId), this.#signal);
      this.#isToStartOver = false;
      this.#lastSeq = '0';
    }
    const range = { afterSeq: this.#lastSeq, limit: PAGE };
    const page = await orAborted(listPendingMedia(db, accountId, range), this.#signal);
    this.#lastSeq = page.at(-1)?.seq ?? this.#lastSeq;
    const postponed = new Set(this.#postponed.map(({ wanted }) => wanted.seq));
    const fresh = page.filter(({ seq }) => !postponed.has(seq));
    this.#listed = fresh.flatMap((row) => (row.key === null ? [] : [{ ...row, key: row.key }]));
    if (this.#listed.length < fresh.length) this.#log.warn('Media is wanted of messages without a key');
    if (page.length === PAGE) this.#wake.wake();
  }

  async #fetch(wanted: Wanted, tries: number): Promise<void> {
    if ((wanted.fileSize ?? 0) > MAX_MEDIA_BYTES) return this.#tell(wanted, { status: 'failed' });
    const ended = await this.#download(wanted);
    if (typeof ended !== 'string') return this.#tell(wanted, ended);
    this.#signal.throwIfAborted();
    const next = nextTry(ended, tries, this.#triesMs);
    this.#postponed.push({
      wanted,
      tries: next.kind === 'try' ? next.tries : tries,
      giveUp: next.kind === 'give-up',
      dueAt: this.#options.clock.monotonic() + next.afterMs,
    });
  }

  async #download(wanted: Wanted): Promise<FetchOutcome | MediaEvent['result']> {
    try {
      const askedAt = this.#options.clock.monotonic();
      const download = await orAborted(this.#session.downloadMedia(wanted.key), this.#signal);
      switch (download.status) {
        case 'bytes':
          return await this.#store(wanted, download, askedAt);
        case 'gone':
          return { status: 'gone' };
        case 'later':
          return 'later';
        default:
          return download satisfies never;
      }
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#log.debug('Media could not be fetched', {
        bareId: wanted.key.bareId,
        error: toError(thrown).message,
      });
      return isAppError(thrown, 'SESSION_DEADLINE') ? 'later' : 'fault';
    }
  }

  async #store(
    wanted: Wanted,
    download: Extract<MediaDownload, { status: 'bytes' }>,
    askedAt: number,
  ): Promise<'unstored' | MediaEvent['result']> {
    try {
      const stored = await this.#options.store.put(untilAborted(download.bytes, this.#signal), {
        maxBytes: MAX_MEDIA_BYTES,
        declaredMimeType: download.mimeType ?? wanted.mimeType,
      });
      this.#options.onStep?.('media-kept');
      this.#options.meter?.took('media_fetch', this.#options.clock.monotonic() - askedAt);
      return { status: 'stored', ...stored, fileName: download.fileName ?? wanted.fileName };
    } catch (thrown) {
      if (isAppError(thrown, 'TOO_LARGE')) return { status: 'failed' };
      if (this.#signal.aborted || isPagesFault(thrown)) throw thrown;
      this.#log.error('Media that was fetched cannot be stored', { error: toError(thrown).message });
      return 'unstored';
    }
  }

  #tell({ key, chatId }: Wanted, result: MediaEvent['result']): void {
    if (result.status === 'failed') this.#log.warn('Media was given up', { bareId: key.bareId });
    const event: MediaEvent = { kind: 'media', key, chatId, result, at: this.#options.clock.now() };
    this.#options.emit(this.#session.accountId, [event]);
  }
}

/** True if the bytes did not come, and not if they could not be stored. */
function isPagesFault(thrown: unknown): boolean {
  return isAppError(thrown, 'SESSION_FAULT') || isAppError(thrown, 'SESSION_DEADLINE');
}
