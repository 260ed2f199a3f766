import { type FileHandle, open, rename } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { toError } from '../lib/errors.ts';

export interface RotatingFileSettings {
  readonly path: string;
  /** The file is set aside before it would grow beyond this many bytes. */
  readonly maxBytes: number;
  /** How many files there are at most: `x.log`, and `x.1.log` (the latest) to `x.<files - 1>.log`. */
  readonly maxFiles: number;
  /** Called once when lines begin to be lost, as on a full disk, until writing works again. Must not throw. */
  onFault(error: Error): void;
}

/**
 * A stream into a file that is rotated by size. It never fails and never holds lines back: what cannot be written
 * is dropped and told, so that a full disk stops neither the daemon nor the console's log. Lines are written in
 * order and none is split between two files. Ending it resolves when all of them are with the kernel.
 */
export class RotatingFile extends Writable {
  readonly #settings: RotatingFileSettings;
  #file: { readonly handle: FileHandle; size: number } | undefined;
  #faulty = false;

  constructor(settings: RotatingFileSettings) {
    super({ decodeStrings: true });
    this.#settings = settings;
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    void this.#writeAll(chunks.map(({ chunk }) => chunk)).then(done);
  }

  override _final(done: () => void): void {
    void this.#closeFile().then(done);
  }

  async #writeAll(lines: readonly Buffer[]): Promise<void> {
    try {
      for (const part of await this.#split(lines)) {
        if (part.startsNewFile) await this.#rotate();
        const file = await this.#openFile();
        file.size += part.bytes.length;
        await file.handle.appendFile(part.bytes);
      }
      this.#faulty = false;
    } catch (thrown) {
      await this.#closeFile();
      if (!this.#faulty) this.#settings.onFault(toError(thrown));
      this.#faulty = true;
    }
  }

  /** The lines joined to as few writes as the rotation allows. A line longer than a file has one to itself. */
  async #split(lines: readonly Buffer[]): Promise<readonly { startsNewFile: boolean; bytes: Buffer }[]> {
    let { size } = await this.#openFile();
    const parts: { startsNewFile: boolean; lines: Buffer[] }[] = [{ startsNewFile: false, lines: [] }];
    for (const line of lines) {
      if (size > 0 && size + line.length > this.#settings.maxBytes) {
        parts.push({ startsNewFile: true, lines: [] });
        size = 0;
      }
      parts.at(-1)?.lines.push(line);
      size += line.length;
    }
    return parts.map((part) => ({ startsNewFile: part.startsNewFile, bytes: Buffer.concat(part.lines) }));
  }

  async #openFile(): Promise<{ readonly handle: FileHandle; size: number }> {
    if (this.#file === undefined) {
      const handle = await open(this.#settings.path, 'a', 0o640);
      this.#file = { handle, size: 0 };
      this.#file.size = (await handle.stat()).size;
    }
    return this.#file;
  }

  async #rotate(): Promise<void> {
    await this.#closeFile();
    for (let age = this.#settings.maxFiles - 1; age >= 1; age -= 1) {
      await renameIfPresent(this.#pathOf(age - 1), this.#pathOf(age));
    }
  }

  #pathOf(age: number): string {
    return age === 0 ? this.#settings.path : this.#settings.path.replace(/\.log$/, `.${age}.log`);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.handle.close();
    } catch (thrown) {
      this.#settings.onFault(toError(thrown));
    }
  }
}

async function renameIfPresent(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code !== 'ENOENT') throw error;
  }
}
