/** How long a life was connected on end: what it was without its line, or between two documents, is no time of it. */
export class Stability {
  #since: number | null = null;
  #longestMs: number | null = null;

  /** In milliseconds, of the stretches that have ended; null if there was none. */
  get longestMs(): number | null {
    return this.#longestMs;
  }

  /** It is connected from then on; instants are milliseconds of the monotonic clock. */
  begin(at: number): void {
    this.#since ??= at;
  }

  end(at: number): void {
    if (this.#since === null) return;
    this.#longestMs = Math.max(this.#longestMs ?? 0, at - this.#since);
    this.#since = null;
  }
}
