import { orAborted } from './abort.ts';

/**
 * A latching wake-up: a `wake()` that comes while nobody waits is kept for the next `wait()`, so that none is
 * lost between a loop's look at the facts and its going to sleep.
 */
export class Wake {
  #latched = false;
  #waiter: PromiseWithResolvers<void> | undefined;

  wake(): void {
    this.#latched = true;
    this.#waiter?.resolve();
  }

  /** Resolves at the next wake-up, at once if one is latched; after `timeoutMs` in any case, if given. */
  async wait(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (!this.#latched) {
      this.#waiter ??= Promise.withResolvers();
      const waiter = this.#waiter;
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => waiter.resolve(), timeoutMs);
      try {
        await orAborted(waiter.promise, signal);
      } finally {
        clearTimeout(timer);
        this.#waiter = undefined;
      }
    }
    signal.throwIfAborted();
    this.#latched = false;
  }
}
