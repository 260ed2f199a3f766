/**
 * From a page's callbacks to the queue: one lane an account, with group commit.
 *
 * A lane sends at once when it is idle; what comes while an add is in flight is packed into the next one. There is
 * never more than one add in flight for an account, and a failed one is repeated before anything else is sent: so
 * the order holds. A lane that is full drops what comes; as soon as it has drained, the owner is told to read the
 * page back.
 */
import type { AccountId } from '../accounts/ids.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { InboundJob } from '../queue/table.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { OnMessageStep } from './message-step.ts';

/** Events in one job: beyond it the gain is small, and a job should stay readable in the board. */
const MAX_PACKED = 100;
/** Events that one account may hold in memory while the queue is away. */
const MAX_BUFFERED = 10_000;
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
}

export interface InboundLanes extends AsyncDisposable {
  /** Takes events in their order; returns at once and never throws. */
  accept(accountId: AccountId, events: readonly InboundEvent[]): void;
  /**
   * Resolves when everything accepted so far for the account is in the queue.
   * @throws AppError UNAVAILABLE if the lanes were closed before
   */
  idle(accountId: AccountId): Promise<void>;
}

/** Opens the lanes. Disposing waits for them to drain, at most `drainMs`, and accepts nothing more. */
export function openInboundLanes(options: InboundLanesOptions): InboundLanes {
  const lanes = new Map<AccountId, Lane>();
  const abort = new AbortController();
  let open = true;

  const findOrMakeLane = (accountId: AccountId): Lane => {
    const known = lanes.get(accountId);
    if (known !== undefined) return known;
    const lane = new Lane(accountId, options, abort.signal);
    lanes.set(accountId, lane);
    return lane;
  };

  return {
    accept(accountId, events) {
      if (open && events.length > 0) findOrMakeLane(accountId).accept(events);
      else if (!open)
        options.log.warn('Inbound events came after the stop', { accountId, count: events.length });
    },
    async idle(accountId) {
      await lanes.get(accountId)?.idle();
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
        abort.abort(new AppError('UNAVAILABLE', { message: 'The daemon is stopping.' }));
      }
      await drained;
    },
  };
}

/** The events of one account. It runs from the first event until it is empty, then rests until the next. */
class Lane {
  readonly #accountId: AccountId;
  readonly #options: InboundLanesOptions;
  readonly #signal: AbortSignal;
  readonly #waiting: InboundEvent[] = [];
  readonly #idlers: { readonly count: number; readonly promise: PromiseWithResolvers<void> }[] = [];
  #running: Promise<void> | undefined;
  #accepted = 0;
  #added = 0;
  #dropped = 0;

  constructor(accountId: AccountId, options: InboundLanesOptions, signal: AbortSignal) {
    this.#accountId = accountId;
    this.#options = options;
    this.#signal = signal;
  }

  accept(events: readonly InboundEvent[]): void {
    const room = MAX_BUFFERED - (this.#accepted - this.#added);
    const taken = events.slice(0, Math.max(0, room));
    for (const event of taken) this.#waiting.push(event);
    this.#accepted += taken.length;
    if (taken.length > 0) this.#running ??= this.#run();
    if (taken.length === events.length) return;
    if (this.#dropped === 0) {
      this.#options.log.warn('An inbound lane is full; the page will be read back', {
        accountId: this.#accountId,
      });
    }
    this.#dropped += events.length - taken.length;
  }

  async idle(): Promise<void> {
    if (this.#added === this.#accepted) return;
    const promise = Promise.withResolvers<void>();
    this.#idlers.push({ count: this.#accepted, promise });
    await promise.promise;
  }

  /** Resolves when the lane is empty or was given up; never rejects. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const events = this.#waiting.splice(0, MAX_PACKED);
        await this.#add({ accountId: this.#accountId, events });
        this.#added += events.length;
        this.#releaseIdlers();
      }
    } catch (thrown) {
      for (const { promise } of this.#idlers.splice(0)) promise.reject(toError(thrown));
      return;
    }
    // Nothing is awaited from here on: an event that comes now starts the lane anew.
    this.#running = undefined;
    if (this.#dropped > 0) this.#tellGap();
  }

  /** Repeats an add until the queue has it; rejects only with the signal's reason. */
  async #add(job: InboundJob): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#options.add(job, this.#signal);
        this.#options.onStep?.('lane-added');
        return;
      } catch (thrown) {
        this.#signal.throwIfAborted();
        this.#options.log.warn('The queue does not take inbound events; trying again', {
          accountId: this.#accountId,
          attempt,
          error: toError(thrown).message,
        });
      }
      await waitMs(backoffDelayMs(attempt), this.#signal);
    }
  }

  #releaseIdlers(): void {
    while (this.#idlers[0] !== undefined && this.#idlers[0].count <= this.#added) {
      this.#idlers.shift()?.promise.resolve();
    }
  }

  #tellGap(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    try {
      this.#options.onGap(this.#accountId);
    } catch (thrown) {
      this.#options.log.error('A gap of inbound events could not be handed on', {
        accountId: this.#accountId,
        dropped,
        error: toError(thrown).message,
      });
    }
  }
}
