import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #ms: number;
  /** By how much the wall clock was set. */
  #setBy = 0;

  constructor(startMs = Date.UTC(2026, 2, 1, 12)) {
    this.#ms = startMs;
  }

  now(): number {
    return this.#ms + this.#setBy;
  }

  monotonic(): number {
    return this.#ms;
  }

  advance(ms: number): void {
    this.#ms += ms;
  }

  /** Sets the wall clock, forward or back; the monotonic one runs on. */
  set(byMs: number): void {
    this.#setBy += byMs;
  }
}
