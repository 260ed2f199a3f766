import { type Cipheriv, createCipheriv, createHash } from 'node:crypto';

/** Random bytes are made in stores of this size. */
const STORE_BYTES = 64 * 1024;

const WORDS = 600;
const TEXT_BYTES = 128 * 1024;

/** Bytes that look random, or like records, and are the same again for the same seed. */
export class SeededBytes {
  readonly #stream: Cipheriv;
  readonly #zeros = Buffer.alloc(STORE_BYTES);
  #store = Buffer.alloc(0);
  readonly #text: Buffer;

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest();
    this.#stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    this.#text = this.#makeText();
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + (this.#take(4).readUInt32LE() % (high - low + 1));
  }

  /**
   * Records, of which `noise` (0 to 1) is what nothing can make shorter, such as keys, hashes and what was compressed
   * before; the rest is pieces of a text of some hundred words.
   */
  records(bytes: number, noise: number): Buffer {
    const records = Buffer.alloc(bytes);
    for (let filled = 0; filled < bytes; ) {
      const length = this.between(8, 56);
      const isNoise = this.between(0, 999) < noise * 1000;
      const from = isNoise ? 0 : this.between(0, this.#text.length - length);
      const piece = isNoise ? this.#take(length) : this.#text.subarray(from, from + length);
      filled += piece.copy(records, filled);
    }
    return records;
  }

  #makeText(): Buffer {
    const word = () => this.#take(this.between(2, 6)).toString('hex');
    const words = Array.from({ length: WORDS }, word);
    let text = '';
    while (text.length < TEXT_BYTES) text += `"${words[this.between(0, WORDS - 1)]}":`;
    return Buffer.from(text, 'latin1');
  }

  /** Good until the next call. */
  #take(bytes: number): Buffer {
    if (this.#store.length < bytes) this.#store = this.#stream.update(this.#zeros);
    const taken = this.#store.subarray(0, bytes);
    this.#store = this.#store.subarray(bytes);
    return taken;
  }
}
