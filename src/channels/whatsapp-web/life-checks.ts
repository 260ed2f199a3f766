import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LifeView } from './session-watch.ts';
import type { WhatsAppClient } from './whatsapp-client.ts';

export interface CheckDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings: SessionTimings;
  /** There is a snapshot of the profile to fall back on. */
  isSealed(): boolean;
  /** Seals a snapshot of the profile; never rejects. */
  snapshot(): Promise<void>;
  /** The same if a copy of the profile is due elsewhere, which it makes; true if it was. Never rejects. */
  copyWhenDue(): Promise<boolean>;
}

/** The life that is looked after. */
export interface WatchedLife {
  readonly client: Pick<WhatsAppClient, 'measureMemory'>;
  view(): LifeView;
  see(change: Partial<LifeView>): void;
  /** When it was first connected, of the clock that never jumps; null before. */
  connectedAt(): number | null;
  /** Has the loop look again. */
  wake(): void;
  /** An end that takes its turn after what was told before it. */
  tellEnd(reason: ReasonCode, error: Error): void;
}

/**
 * What is asked and done beside a life's loop, which waits for none of it: each sets what the watchdog goes by to null
 * while it is under way, and to its own instant afterwards.
 */
export class LifeChecks {
  readonly #deps: CheckDeps;
  readonly #life: WatchedLife;

  constructor(deps: CheckDeps, life: WatchedLife) {
    this.#deps = deps;
    this.#life = life;
  }

  /** Asks the page something beside the loop; one that does not answer in time has ended. */
  ask(answer: Promise<void>): void {
    this.#life.see({ askedAt: null });
    void answer
      .catch((thrown) => this.#life.tellEnd('page_unresponsive', toError(thrown)))
      .finally(() => {
        this.#life.see({ askedAt: this.#deps.clock.monotonic() });
        this.#life.wake();
      });
  }

  /** Reads the browser's memory beside the loop. */
  measure(): void {
    this.#life.see({ measuredAt: null });
    const { clock, log } = this.#deps;
    void this.#life.client
      .measureMemory()
      .then((memoryBytes) => this.#weigh(memoryBytes))
      .catch((thrown) => {
        log.warn('The memory of a session could not be read', { error: toError(thrown).message });
      })
      .finally(() => {
        this.#life.see({ measuredAt: clock.monotonic() });
        this.#life.wake();
      });
  }

  #weigh(memoryBytes: number): void {
    const { clock, log, timings } = this.#deps;
    const hasSettled = clock.monotonic() >= (this.#life.connectedAt() ?? Infinity) + timings.memorySettleMs;
    if (this.#life.view().settledBytes === null && hasSettled) {
      this.#life.see({ settledBytes: memoryBytes });
      if (memoryBytes >= timings.memorySoftBytes) {
        const softBytes = timings.memorySoftBytes;
        log.warn('A session needs more memory than it should, without having grown', {
          memoryBytes,
          softBytes,
        });
      }
    }
    this.#life.see({ memoryBytes });
  }

  /** Seals a snapshot beside the loop. */
  snapshot(): void {
    const { isSealed, snapshot, clock, timings } = this.#deps;
    const early = isSealed() ? 0 : timings.snapshotIntervalMs - timings.snapshotAgainMs;
    this.#life.see({ sealedAt: null });
    void snapshot().finally(() => {
      this.#life.see({ sealedAt: clock.monotonic() - early });
      this.#life.wake();
    });
  }

  /** Copies the profile elsewhere, if that is due, beside the loop. */
  copy(): void {
    const { copyWhenDue, clock } = this.#deps;
    this.#life.see({ copyAskedAt: null });
    void copyWhenDue().then((isSealed) => {
      const now = clock.monotonic();
      this.#life.see({ copyAskedAt: now, ...(isSealed ? { sealedAt: now } : {}) });
      this.#life.wake();
    });
  }
}
