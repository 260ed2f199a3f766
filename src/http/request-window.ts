import type { Clock } from '../lib/clock.ts';

/** How many callers are remembered at most; the one that came first is forgotten. */
const MAX_CALLERS = 10_000;

interface Window {
  readonly endsAt: number;
  count: number;
}

/** Counts calls by caller in windows of fixed length, in memory. */
export class RequestWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  /** `limit` calls a window are allowed; 0 means any number. */
  constructor(options: { readonly limit: number; readonly windowMs: number; readonly clock: Clock }) {
    this.#limit = options.limit;
    this.#windowMs = options.windowMs;
    this.#clock = options.clock;
  }

  /** Counts a call. Returns 0 if it is allowed, else the milliseconds until the next window. */
  count(caller: string): number {
    if (this.#limit === 0) return 0;
    const now = this.#clock.monotonic();
    let window = this.#windows.get(caller);
    if (window === undefined || window.endsAt <= now) {
      window = { endsAt: now + this.#windowMs, count: 0 };
      // Deleted first, so that the map's order is that of the windows.
      this.#windows.delete(caller);
      this.#windows.set(caller, window);
      this.#forget(now);
    }
    window.count += 1;
    return window.count <= this.#limit ? 0 : window.endsAt - now;
  }

  #forget(now: number): void {
    for (const [caller, { endsAt }] of this.#windows) {
      if (endsAt > now && this.#windows.size <= MAX_CALLERS) return;
      this.#windows.delete(caller);
    }
  }
}
