/**
 * Reads a stream of bytes in whatever sizes are asked for, not in those that come. Holds one piece of the source at a
 * time. Disposing lets go of the source, also in the middle.
 */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();
  #isEnded = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Copies the next bytes into `target` and returns how many there were: fewer than fit only at the end. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && !(await this.isAtEnd())) {
      const part = this.#piece.subarray(0, target.length - filled);
      target.set(part, filled);
      this.#piece = this.#piece.subarray(part.length);
      filled += part.length;
    }
    return filled;
  }

  /** True if no byte is left; waits for the next one to know. */
  async isAtEnd(): Promise<boolean> {
    while (this.#piece.length === 0 && !this.#isEnded) {
      const next = await this.#source.next();
      if (next.done === true) this.#isEnded = true;
      else this.#piece = next.value;
    }
    return this.#piece.length === 0;
  }

  /** All bytes that are left, in the sizes that come. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (!(await this.isAtEnd())) {
      const piece = this.#piece;
      this.#piece = new Uint8Array();
      yield piece;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#piece = new Uint8Array();
    await this.#source.return?.();
  }
}
