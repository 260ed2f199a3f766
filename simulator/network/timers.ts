/** Timers that end with the world. */
export class Timers {
  readonly #pending = new Set<NodeJS.Timeout>();

  /** Runs the work after that time; the returned function calls it off. */
  after(ms: number, work: () => void): () => void {
    const timer = setTimeout(() => {
      this.#pending.delete(timer);
      work();
    }, ms);
    this.#pending.add(timer);
    return () => {
      clearTimeout(timer);
      this.#pending.delete(timer);
    };
  }

  clear(): void {
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
  }
}
