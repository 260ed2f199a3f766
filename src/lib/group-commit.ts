interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Collects items while a flush is under way and gives them to the next one together: at rest each goes at once, and at load
 * many share the cost of one.
 */
export class GroupCommit<Item> {
  readonly #flush: (items: readonly Item[]) => Promise<unknown>;
  readonly #max: number;
  readonly #waiting: Waiting<Item>[] = [];
  #running = false;

  /** `max` items at most are flushed together. */
  constructor(flush: (items: readonly Item[]) => Promise<unknown>, { max }: { readonly max: number }) {
    this.#flush = flush;
    this.#max = max;
  }

  /** Settles as the flush does that takes the item. */
  add(item: Item): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ item, resolve, reject });
    if (!this.#running) void this.#run();
    return promise;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#max);
      try {
        await this.#flush(group.map(({ item }) => item));
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        for (const { reject } of group) reject(thrown);
      }
    }
    this.#running = false;
  }
}
