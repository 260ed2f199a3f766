/** The longest that a timer can wait, some 25 days; milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** Timers that end with the world. */
export class Timers {
  readonly #pending = new Set<NodeJS.Timeout>();

  /** Runs the work after that time, or after the longest that is possible; the returned function calls it off. */
  after(ms: number, work: () => void): () => void {
    const timer = setTimeout(
      () => {
        this.#pending.delete(timer);
        work();
      },
      Math.min(ms, LONGEST_MS),
    );
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
