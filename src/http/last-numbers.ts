/** The last number of each of many sources that count up; those that were heard of longest ago are forgotten. */
export class LastNumbers {
  readonly #most: number;
  readonly #last = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** True if the number is above the source's last one, which it is from then on; the first above zero is. */
  isNew(source: string, n: number): boolean {
    if (n <= (this.#last.get(source) ?? 0)) return false;
    this.#last.delete(source);
    this.#last.set(source, n);
    const [oldest] = this.#last.keys();
    if (this.#last.size > this.#most && oldest !== undefined) this.#last.delete(oldest);
    return true;
  }
}
