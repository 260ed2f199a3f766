import { orAborted } from './abort.ts';

/**
 * A latching wake-up: a `wake()` that comes while nobody waits is kept for the next `wait()`, so that none is
 * lost between a loop's look at the facts and its going to sleep.
 */
export class Wake {
  #latched = false;
  readonly #waiters = new Set<() => void>();

  /** Wakes all who wait; with nobody there, the next to come. */
  wake(): void {
    this.#latched = true;
    for (const resolve of this.#waiters) resolve();
  }

  /** Resolves at the next wake-up, at once if one is latched; after `timeoutMs` in any case, if given, with false. */
  async wait(signal: AbortSignal, timeoutMs?: number): Promise<boolean> {
    if (!this.#latched) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.add(resolve);
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
      try {
        await orAborted(promise, signal);
      } finally {
        clearTimeout(timer);
        this.#waiters.delete(resolve);
      }
    }
    signal.throwIfAborted();
    const isWoken = this.#latched;
    this.#latched = false;
    return isWoken;
  }
}
