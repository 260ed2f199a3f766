/** Runs tasks of one key strictly one after another, in the order of their calls; keys do not wait for each other. */
export class KeyedSerial<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  /** Resolves or rejects as the task does. A task that fails does not hold up the next one. */
  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(task, task);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** True while a task of that key has not ended. */
  isBusy(key: K): boolean {
    return this.#tails.has(key);
  }

  /** Resolves when every task given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
