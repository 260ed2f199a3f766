import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccountId, parseAccountId } from '../accounts/ids.ts';
import { AppError, errnoOf, toError } from '../lib/errors.ts';
import { makeFolders, syncFolder } from '../lib/folders.ts';
import { makeDamaged, type SnapshotName } from './snapshot.ts';
import type { VaultStep } from './vault-step.ts';

/** A part this old is nobody's work any more. */
const PART_IS_LEFT_AFTER_MS = 3_600_000;

/** `<generation>.vault`, without leading zeros; what is being written has a longer name. */
const SNAPSHOT_FILE = /^([1-9]\d{0,15})\.vault$/;
const PART_FILE = /^([1-9]\d{0,15})\.vault\.part-[0-9a-f-]+$/;
/** What was written down beside a generation. */
const NOTE_FILE = /^([1-9]\d{0,15})\.lease$/;
const ACCOUNT_FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the system says of a file that will not come back by waiting: it is gone, no file, or lies on bad sectors. */
const LOST_FILE_CODES: readonly unknown[] = ['ENOENT', 'EISDIR', 'EIO'];

/** Bytes that are read of a snapshot at once. */
const READ_BYTES = 1024 ** 2;

/**
 * The vaults on disk: a folder for each account, a file for each generation, and maybe a note beside it. It knows nothing of
 * what is in them.
 */
export class VaultFolder {
  readonly #path: string;
  readonly #onStep: (step: VaultStep) => void;
  /** Parts that are in use at this moment. */
  readonly #parts = new Set<string>();

  constructor(path: string, onStep: (step: VaultStep) => void) {
    this.#path = path;
    this.#onStep = onStep;
  }

  /** Accounts that have a folder here. */
  async listAccounts(): Promise<readonly AccountId[]> {
    const entries = await readdir(this.#path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && ACCOUNT_FOLDER.test(entry.name))
      .map(({ name }) => parseAccountId(name));
  }

  /** Generations of an account, newest first. */
  async list(accountId: AccountId): Promise<readonly number[]> {
    const names = await this.#names(accountId);
    return names
      .flatMap((name) => SNAPSHOT_FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  }

  pathOf(accountId: AccountId, generation: number): string {
    return join(this.#folderOf(accountId), `${generation}.vault`);
  }

  /**
   * Writes a generation whole or not at all: aside, on the disk, then renamed. A generation that is there already is
   * replaced in the same way. What was written is put in place only once `approve` has resolved, if there is one. Returns
   * its size in bytes.
   * @throws AppError VAULT_STORAGE_FAILED; of whatever code from `bytes` and `approve`
   */
  async write(
    accountId: AccountId,
    generation: number,
    bytes: AsyncIterable<Uint8Array>,
    approve?: (written: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<number> {
    const folder = this.#folderOf(accountId);
    const path = this.pathOf(accountId, generation);
    using taken = this.#takePart(path);
    const { part } = taken;
    try {
      await makeFolders(folder, 0o700);
      const size = await this.#writePart(part, bytes);
      await approve?.(createReadStream(part, { highWaterMark: READ_BYTES }));
      await rename(part, path);
      this.#onStep('snapshot-renamed');
      await syncFolder(folder);
      // The account's own folder may be new.
      await syncFolder(this.#path);
      this.#onStep('snapshot-on-disk');
      return size;
    } catch (thrown) {
      await rm(part, { force: true }).catch(() => undefined);
      await rmdir(folder).catch(() => undefined);
      if (thrown instanceof AppError) throw thrown;
      const message = `The sealed session could not be written to ${path} (${toError(thrown).message}).`;
      throw new AppError('VAULT_STORAGE_FAILED', { message, cause: thrown });
    }
  }

  /**
   * Writes something down beside a generation that is about to be written, which the disk keeps no later than that one.
   * @throws AppError VAULT_STORAGE_FAILED
   */
  async writeNote(accountId: AccountId, generation: number, text: string): Promise<void> {
    const path = this.#noteOf(accountId, generation);
    try {
      await makeFolders(this.#folderOf(accountId), 0o700);
      await writeFile(path, text, { mode: 0o600, flush: true });
    } catch (thrown) {
      const message = `${path} could not be written (${toError(thrown).message}).`;
      throw new AppError('VAULT_STORAGE_FAILED', { message, cause: thrown });
    }
  }

  /** What was written down beside a generation; undefined if nothing was, or the disk has lost it. */
  async readNote(accountId: AccountId, generation: number): Promise<string | undefined> {
    const path = this.#noteOf(accountId, generation);
    try {
      return await readFile(path, 'utf8');
    } catch (thrown) {
      const { code, message } = toError(thrown) as NodeJS.ErrnoException;
      if (LOST_FILE_CODES.includes(code)) return undefined;
      const problem = `${path} cannot be read (${message}).`;
      throw new AppError('VAULT_STORAGE_FAILED', { message: problem, cause: thrown });
    }
  }

  /** A name for a part, which is in use until it is disposed. */
  #takePart(path: string): Disposable & { readonly part: string } {
    const part = `${path}.part-${crypto.randomUUID()}`;
    this.#parts.add(part);
    return { part, [Symbol.dispose]: () => void this.#parts.delete(part) };
  }

  async #writePart(part: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
    await using file = await open(part, 'wx', 0o600);
    this.#onStep('snapshot-begun');
    for await (const piece of bytes) await file.writeFile(piece);
    this.#onStep('snapshot-written');
    await file.sync();
    this.#onStep('snapshot-synced');
    return (await file.stat()).size;
  }

  /** Gives a file of these bytes to `use` and removes it afterwards. @throws AppError VAULT_STORAGE_FAILED; what `use` throws */
  async withTemporary<T>(
    { accountId, generation }: SnapshotName,
    bytes: AsyncIterable<Uint8Array>,
    use: (file: { readonly path: string; readonly bytes: number }) => Promise<T>,
  ): Promise<T> {
    const folder = this.#folderOf(accountId);
    using taken = this.#takePart(this.pathOf(accountId, generation));
    const { part } = taken;
    try {
      await makeFolders(folder, 0o700);
      return await use({ path: part, bytes: await this.#writePart(part, bytes) });
    } finally {
      await rm(part, { force: true });
      await rmdir(folder).catch(() => undefined);
    }
  }

  /**
   * The bytes of a generation. The stream fails with VAULT_DAMAGED if there is no file or the disk has lost it: another
   * copy, or an older generation, has to do; and with VAULT_STORAGE_FAILED if it only cannot be reached now.
   */
  async *read(accountId: AccountId, generation: number): AsyncGenerator<Uint8Array> {
    const path = this.pathOf(accountId, generation);
    try {
      yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>;
    } catch (thrown) {
      throw describeUnread(path, { accountId, generation }, thrown);
    }
  }

  /** So many bytes at the start of a generation, fewer if it has no more. @throws AppError as the stream of `read` does */
  async readStart({ accountId, generation }: SnapshotName, length: number): Promise<Uint8Array> {
    const path = this.pathOf(accountId, generation);
    try {
      await using file = await open(path, 'r');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } catch (thrown) {
      throw describeUnread(path, { accountId, generation }, thrown);
    }
  }

  /**
   * Removes generations, and the account's folder if nothing else is in it. Those that are gone are no error; what is
   * removed is gone from the disk when this resolves.
   */
  async remove(accountId: AccountId, generations: readonly number[]): Promise<void> {
    const folder = this.#folderOf(accountId);
    if (generations.length === 0) return;
    for (const generation of generations) {
      await rm(this.pathOf(accountId, generation), { force: true });
      await rm(this.#noteOf(accountId, generation), { force: true });
    }
    await syncFolder(folder).catch(acceptGone);
    await rmdir(folder).catch(() => undefined);
  }

  /**
   * Removes what writes that were cut off have left; returns how many. Those that are at work here are known, those of
   * another daemon are young.
   */
  async removeParts(now: number): Promise<number> {
    let removed = 0;
    for (const accountId of await this.listAccounts()) {
      for (const name of (await this.#names(accountId)).filter((each) => PART_FILE.test(each))) {
        const path = join(this.#folderOf(accountId), name);
        const writtenAt = await findWrittenAt(path);
        if (writtenAt === undefined || this.#parts.has(path)) continue;
        if (now - writtenAt < PART_IS_LEFT_AFTER_MS) continue;
        await rm(path, { force: true });
        removed += 1;
      }
    }
    return removed;
  }

  /** Removes what writes of generations up to this one have left, however young: nobody wants them completed. */
  async removePartsThrough(accountId: AccountId, generation: number): Promise<void> {
    const names = await this.#names(accountId);
    const generationOf = (name: string) => Number((PART_FILE.exec(name) ?? NOTE_FILE.exec(name))?.[1]);
    const parts = names.filter((name) => generationOf(name) <= generation);
    if (parts.length === 0) return;
    const folder = this.#folderOf(accountId);
    for (const name of parts) await rm(join(folder, name), { force: true });
    await syncFolder(folder).catch(acceptGone);
    await rmdir(folder).catch(() => undefined);
  }

  /** When a snapshot of the account was written last, milliseconds since the epoch; 0 if there is none. */
  async lastWrittenAt(accountId: AccountId): Promise<number> {
    const [newest] = await this.list(accountId);
    if (newest === undefined) return 0;
    return (await stat(this.pathOf(accountId, newest))).mtimeMs;
  }

  #noteOf(accountId: AccountId, generation: number): string {
    return join(this.#folderOf(accountId), `${generation}.lease`);
  }

  #folderOf(accountId: AccountId): string {
    return join(this.#path, accountId);
  }

  async #names(accountId: AccountId): Promise<readonly string[]> {
    try {
      return await readdir(this.#folderOf(accountId));
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return [];
      throw thrown;
    }
  }
}

function describeUnread(path: string, name: SnapshotName, thrown: unknown): AppError {
  const { code, message } = toError(thrown) as NodeJS.ErrnoException;
  const problem = `${path} cannot be read (${message})`;
  if (LOST_FILE_CODES.includes(code)) return makeDamaged(problem, name);
  return new AppError('VAULT_STORAGE_FAILED', { message: `${problem}.`, cause: thrown });
}

/** Milliseconds since the epoch; undefined if it has gone meanwhile. */
async function findWrittenAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(acceptGone))?.mtimeMs;
}

function acceptGone(thrown: unknown): undefined {
  if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  return undefined;
}
