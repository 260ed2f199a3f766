/** A number takes ten bytes at most. */
const MOST_UNIT = 128 ** 9;

/** Reads what LevelDB writes, in its order. Throws a RangeError beyond the end. */
export class LevelDbReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Seven bits a byte, the lowest first; the last one lacks the high bit. Exact up to 2^53. */
  readNumber(): number {
    for (let value = 0, unit = 1; unit <= MOST_UNIT; unit *= 128) {
      const byte = this.#bytes.readUInt8(this.#at);
      this.#at += 1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new RangeError('A number does not end.');
  }

  /** That many bytes. */
  readBytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('The bytes were cut off.');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
