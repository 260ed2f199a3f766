/**
 * From a page's callbacks to the queue: one lane an account, with group commit.
 *
 * A lane sends at once when it is idle; what comes while an add is in flight is packed into the next one. There is
 * never more than one add in flight for an account, and a failed one is repeated before anything else is sent: so
 * the order holds. Jobs are numbered within the account and the run, so that whoever stores them can tell that one is
 * missing or comes again. A lane gives the queue nothing more while too much of it waits there to be stored. One that is full
 * drops what comes; as soon as it has drained, the owner is told to read the page back.
 */
import { randomUUID } from 'node:crypto';
import type { AccountId } from '../accounts/ids.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Milestone } from '../lib/milestone.ts';
import { Wake } from '../lib/wake.ts';
import type { InboundJob } from '../queue/table.ts';
import { eventBytes } from './event-size.ts';
import type { InboundEvent } from './inbound-event.ts';
import { LaneDebt } from './lane-debt.ts';
import { LaneTimes } from './lane-times.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';

/** Events in one job, and in the transaction that stores it: with more there is hardly less work for each (`npm run bench pipeline`). */
const MAX_PACKED = 500;
/** About how many bytes those take at most, unless one alone is larger. */
const MAX_PACKED_BYTES = 1024 * 1024;
/** What one account may hold in memory while the queue is away or has enough of it: events, and about how many bytes they take. */
const MAX_BUFFERED = 10_000;
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** A lane that is fuller than this has no room: its page keeps what it would tell. What is on its way still fits. */
const ROOMY_SHARE = 0.5;
/**
 * If no job was stored for so long while some are owed, an empty one is sent after them: it shows whoever stores them that
 * the queue has lost the last ones. Longer than a late job is waited for. Milliseconds.
 */
const PROBE_AFTER_MS = 20_000;
/** How long a stop waits for the lanes to drain; milliseconds. */
const DRAIN_MS = 10_000;

export interface InboundLanesOptions {
  /** Resolves when the queue has the job. It may be called again with the same job. */
  readonly add: (job: InboundJob, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  /** Events of this account were dropped, and its lane has drained since: read the page back. */
  readonly onGap: (accountId: AccountId) => void;
  readonly drainMs?: number;
  readonly onStep?: OnMessageStep;
  readonly meter?: MessageMeter;
}

export interface InboundLanes extends AsyncDisposable {
  /** Takes events in their order, found by a catch-up if one is named; returns at once and never throws. */
  accept(accountId: AccountId, events: readonly InboundEvent[], catchUpId?: string): void;
  /** Resolves when the lane of the account has room for more, or was closed; never rejects. */
  room(accountId: AccountId): Promise<void>;
  /**
   * Resolves when everything accepted so far for the account is in the queue.
   * @throws AppError UNAVAILABLE if the lanes were closed before
   */
  idle(accountId: AccountId): Promise<void>;
  /**
   * Resolves when everything accepted so far for the account is in the database, or known to be lost on the way (which
   * whoever stores tells). @throws AppError UNAVAILABLE if something was dropped and its gap is not told yet, and if the
   * lanes were closed before
   */
  committed(accountId: AccountId): Promise<void>;
  /** The job is stored, and all before it; of no consequence for jobs of another run. */
  passed(job: Pick<InboundJob, 'accountId' | 'run' | 'n'>): void;
}

/** Opens the lanes. Disposing waits for them to drain, at most `drainMs`, and accepts nothing more. */
export function openInboundLanes(options: InboundLanesOptions): InboundLanes {
  const lanes = new Map<AccountId, Lane>();
  const abort = new AbortController();
  const run = randomUUID();
  let open = true;

  const findOrMakeLane = (accountId: AccountId): Lane => {
    const known = lanes.get(accountId);
    if (known !== undefined) return known;
    const lane = new Lane({ accountId, run }, options, abort.signal);
    lanes.set(accountId, lane);
    return lane;
  };

  return {
    accept(accountId, events, catchUpId) {
      if (open && events.length > 0) findOrMakeLane(accountId).accept(events, catchUpId);
      else if (!open)
        options.log.warn('Inbound events came after the stop', { accountId, count: events.length });
    },
    async room(accountId) {
      await lanes.get(accountId)?.room();
    },
    async idle(accountId) {
      await lanes.get(accountId)?.idle();
    },
    async committed(accountId) {
      await lanes.get(accountId)?.committed();
    },
    passed(job) {
      if (job.run === run) lanes.get(job.accountId)?.passed(job.n);
    },
    async [Symbol.asyncDispose]() {
      open = false;
      const drained = Promise.all([...lanes.values()].map((lane) => lane.drained()));
      try {
        await withDeadline(drained, options.drainMs ?? DRAIN_MS, 'Draining the inbound lanes');
      } catch (thrown) {
        options.log.warn('Inbound events did not reach the queue before the stop', {
          error: toError(thrown).message,
          accounts: lanes.size,
        });
        abort.abort(stopping());
      }
      await drained;
      for (const lane of lanes.values()) lane.close();
    },
  };
}

function stopping(): AppError {
  return new AppError('UNAVAILABLE', { message: 'The daemon is stopping.' });
}

interface Waiting {
  readonly event: InboundEvent;
  readonly bytes: number;
  readonly catchUpId: string | undefined;
  /** Of the meter's clock. */
  readonly at: number;
}

function bytesOf(pack: readonly Waiting[]): number {
  return pack.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The events of one account. It runs from the first event until it is empty, then rests until the next. */
class Lane {
  readonly #name: { readonly accountId: AccountId; readonly run: string };
  readonly #options: InboundLanesOptions;
  readonly #signal: AbortSignal;
  readonly #waiting: Waiting[] = [];
  /** Events that the queue has, and jobs that were stored or are known to be lost. */
  readonly #added = new Milestone();
  readonly #passed = new Milestone();
  readonly #times: LaneTimes;
  readonly #debt = new LaneDebt();
  readonly #wake = new Wake();
  #draining = false;
  #running: Promise<void> | undefined;
  readonly #roomless: (() => void)[] = [];
  #accepted = 0;
  /** Bytes of what is accepted and not yet added. */
  #bytes = 0;
  /** Jobs made; the next one's number. */
  #made = 0;
  #dropped = 0;

  constructor(
    name: { readonly accountId: AccountId; readonly run: string },
    options: InboundLanesOptions,
    signal: AbortSignal,
  ) {
    this.#name = name;
    this.#options = options;
    this.#signal = signal;
    this.#times = new LaneTimes(options.meter);
  }

  accept(events: readonly InboundEvent[], catchUpId?: string): void {
    const taken = this.#takeFitting(events, catchUpId);
    if (taken > 0) this.#running ??= this.#run();
    if (taken === events.length) return;
    if (this.#dropped === 0) {
      this.#options.log.warn('An inbound lane is full; the page will be read back', {
        accountId: this.#name.accountId,
      });
    }
    this.#dropped += events.length - taken;
  }

  /** Takes events while they fit; returns how many. */
  #takeFitting(events: readonly InboundEvent[], catchUpId: string | undefined): number {
    const at = this.#times.now();
    for (const [taken, event] of events.entries()) {
      if (this.#isFuller(1)) return taken;
      const bytes = eventBytes(event);
      this.#waiting.push({ event, bytes, catchUpId, at });
      this.#accepted += 1;
      this.#bytes += bytes;
    }
    return events.length;
  }

  #isFuller(share: number): boolean {
    const buffered = this.#accepted - this.#added.count;
    return buffered >= share * MAX_BUFFERED || this.#bytes >= share * MAX_BUFFERED_BYTES;
  }

  async room(): Promise<void> {
    if (!this.#isFuller(ROOMY_SHARE) || this.#signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#roomless.push(resolve);
    await promise;
  }

  async idle(): Promise<void> {
    await this.#added.wait(this.#accepted);
  }

  async committed(): Promise<void> {
    await this.idle();
    const owed = this.#made;
    const passed = this.#passed.wait(owed);
    passed.catch(() => undefined);
    while (this.#passed.count < owed) {
      const before = this.#passed.count;
      const pause = new AbortController();
      const signal = AbortSignal.any([this.#signal, pause.signal]);
      await Promise.race([passed, waitMs(PROBE_AFTER_MS, signal)]).finally(() => pause.abort());
      if (this.#passed.count === before && this.#running === undefined) this.#probe();
    }
    // Once the lane has drained whoever keeps the account caught up hears of the gap; until then this says it.
    if (this.#dropped > 0)
      throw new AppError('UNAVAILABLE', { message: 'The lane has dropped events; the page is read again.' });
  }

  passed(n: number): void {
    this.#times.passed(n);
    this.#passed.reach(n + 1);
    this.#debt.settle(n);
    this.#wake.wake();
  }

  /** Gives the queue all that is left, which keeps it better. Resolves when the lane is empty or was given up; never rejects. */
  async drained(): Promise<void> {
    this.#draining = true;
    this.#wake.wake();
    await this.#running;
  }

  close(): void {
    this.#added.giveUp(stopping());
    this.#passed.giveUp(stopping());
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        if (this.#debt.isFull) await this.#awaitStored();
        const pack = this.#takePack();
        await this.#add(pack);
        this.#added.reach(this.#added.count + pack.length);
        this.#bytes -= bytesOf(pack);
        if (!this.#isFuller(ROOMY_SHARE)) this.#tellRoom();
      }
    } catch (thrown) {
      this.#added.giveUp(toError(thrown));
      this.#tellRoom();
      return;
    }
    // Nothing is awaited from here on: an event that comes now starts the lane anew.
    this.#running = undefined;
    if (this.#dropped > 0) this.#tellGap();
  }

  /** Resolves when the queue has less of the lane, by what is stored or by what turns out to be lost. */
  async #awaitStored(): Promise<void> {
    while (this.#debt.isFull && !this.#draining) {
      const isWoken = await this.#wake.wait(this.#signal, PROBE_AFTER_MS);
      if (!isWoken) await this.#add([]);
    }
  }

  #probe(): void {
    this.#running = this.#add([]).then(
      () => this.#run(),
      () => undefined,
    );
  }

  /** What goes into one job: a catch-up's finds are kept apart from what was told live, since they are counted. */
  #takePack(): Waiting[] {
    const catchUpId = this.#waiting[0]?.catchUpId;
    let packedBytes = 0;
    const end = this.#waiting.findIndex(({ bytes, ...each }, i) => {
      packedBytes += bytes;
      const isOver = i === MAX_PACKED || (packedBytes > MAX_PACKED_BYTES && i > 0);
      return isOver || each.catchUpId !== catchUpId;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** Repeats the add of one job until the queue has it; rejects only with the signal's reason. */
  async #add(pack: readonly Waiting[]): Promise<void> {
    const catchUpId = pack[0]?.catchUpId;
    const events = pack.map(({ event }) => event);
    const job = { ...this.#name, n: this.#made, events, ...(catchUpId === undefined ? {} : { catchUpId }) };
    this.#made += 1;
    this.#debt.owe(job.n, pack.length, bytesOf(pack));
    const heardAt = catchUpId === undefined ? pack[0]?.at : undefined;
    if (heardAt !== undefined) this.#times.made(job.n, heardAt);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#options.add(job, this.#signal);
        this.#options.onStep?.('lane-added');
        if (heardAt !== undefined) this.#times.added(heardAt);
        return;
      } catch (thrown) {
        this.#signal.throwIfAborted();
        this.#options.log.warn('The queue does not take inbound events; trying again', {
          accountId: this.#name.accountId,
          attempt,
          error: toError(thrown).message,
        });
      }
      await waitMs(backoffDelayMs(attempt), this.#signal);
    }
  }

  #tellRoom(): void {
    for (const resolve of this.#roomless.splice(0)) resolve();
  }

  #tellGap(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    try {
      this.#options.onGap(this.#name.accountId);
    } catch (thrown) {
      this.#options.log.error('A gap of inbound events could not be handed on', {
        accountId: this.#name.accountId,
        dropped,
        error: toError(thrown).message,
      });
    }
  }
}
