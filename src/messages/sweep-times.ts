import { UNCONFIRMED_MS } from './send-outcome.ts';

/** How often the table is searched though nobody asked for it, if not told otherwise; milliseconds. */
export const SWEEP_INTERVAL_MS = 30_000;

/**
 * When one account's sender searches the table next: at its start and after a fault for everything that is open, then for
 * what the server has not confirmed within a minute, and now and then for what nobody told it of. Instants are monotonic
 * milliseconds.
 */
export class SweepTimes {
  readonly #intervalMs: number;
  #dueAt: number;
  #isWhole = true;
  /** When the page last took a message that its server had not confirmed at once. */
  #unconfirmedAt = Number.NEGATIVE_INFINITY;

  constructor(now: number, intervalMs = SWEEP_INTERVAL_MS) {
    this.#dueAt = now;
    this.#intervalMs = intervalMs;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  /** True if the next search is for all messages without an outcome, however young. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Searches for everything at once: what was going on is not known any more. */
  restart(now: number): void {
    this.#isWhole = true;
    this.#dueAt = now;
  }

  expectAck(now: number): void {
    this.#unconfirmedAt = now;
    this.#dueAt = Math.min(this.#dueAt, now + UNCONFIRMED_MS);
  }

  done(now: number): void {
    const confirmedBy = this.#unconfirmedAt + UNCONFIRMED_MS;
    const next = now + this.#intervalMs;
    this.#isWhole = false;
    this.#dueAt = confirmedBy > now ? Math.min(confirmedBy, next) : next;
  }
}
