/** A count that only grows, and those who wait until it has reached theirs. */
export class Milestone {
  readonly #waiters: { readonly count: number; readonly promise: PromiseWithResolvers<void> }[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Moves the count forward, never back. */
  reach(count: number): void {
    if (count <= this.#count) return;
    this.#count = count;
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.count <= count) waiter.promise.resolve();
      else this.#waiters.push(waiter);
    }
  }

  /** Resolves once the count is reached; rejects as `giveUp` says. */
  async wait(count: number): Promise<void> {
    if (count <= this.#count) return;
    const promise = Promise.withResolvers<void>();
    this.#waiters.push({ count, promise });
    await promise.promise;
  }

  /** Rejects all who wait now. */
  giveUp(reason: Error): void {
    for (const { promise } of this.#waiters.splice(0)) promise.reject(reason);
  }
}
