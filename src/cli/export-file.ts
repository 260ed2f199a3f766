import { createReadStream } from 'node:fs';
import { access, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseAccountId } from '../accounts/ids.ts';
import { AppError, toError } from '../lib/errors.ts';
import { syncFolder } from '../lib/folders.ts';
import { makePassphraseLock } from '../vault/passphrase.ts';
import { openStream, peekHeader } from '../vault/sealed-stream.ts';
import type { VaultHeader } from '../vault/vault-header.ts';

/** What an exported file is to hold. */
export interface ExpectedExport {
  readonly accountId: string;
  readonly generation: number;
  readonly passphrase: string;
}

/**
 * A file that an export is written to: `<path>.part` until it is whole. Disposing removes what is not whole.
 */
export class ExportFile implements AsyncDisposable {
  readonly #path: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  #bytes = 0;
  #isDone = false;

  constructor(path: string, part: string, handle: FileHandle) {
    this.#path = path;
    this.#part = part;
    this.#handle = handle;
  }

  async write(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of bytes) {
      await this.#handle.writeFile(piece);
      this.#bytes += piece.length;
    }
  }

  /**
   * Makes the file last under its own name, once it was read back and opened to its end. Returns its size in bytes.
   * @throws AppError VAULT_DAMAGED if it is not what it is to be
   */
  async finish(expected: ExpectedExport): Promise<number> {
    await this.#handle.sync();
    const { size } = await this.#handle.stat();
    if (size !== this.#bytes) {
      throw new AppError('VAULT_DAMAGED', {
        message: `${this.#part} has ${size} bytes; ${this.#bytes} were written to it. Check the disk.`,
      });
    }
    const { generation, passphrase } = expected;
    const accountId = parseAccountId(expected.accountId);
    const keyRing = makePassphraseLock(passphrase);
    for await (const _plain of openStream(createReadStream(this.#part), { accountId, generation, keyRing }));
    await checkIsFree(this.#path);
    await rename(this.#part, this.#path);
    this.#isDone = true;
    await syncFolder(dirname(this.#path));
    return size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (!this.#isDone) await rm(this.#part, { force: true });
  }
}

/**
 * Begins an export, before the daemon is asked for anything.
 * @throws AppError VALIDATION_FAILED if there is such a file, or none can be written
 */
export async function openExportFile(path: string): Promise<ExportFile> {
  await checkIsFree(path);
  const part = `${path}.part`;
  try {
    return new ExportFile(path, part, await open(part, 'wx', 0o600));
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    throw refuse(
      error.code === 'EEXIST'
        ? `${part} is there already: another export writes to it, or one was killed. Remove it, or choose another file.`
        : `${part} cannot be written: ${error.message}. Choose another file.`,
    );
  }
}

/**
 * The head of an exported file.
 * @throws AppError VALIDATION_FAILED if the file cannot be read, is none, or needs no passphrase
 */
export async function readExportHead(path: string): Promise<VaultHeader> {
  let header: VaultHeader;
  try {
    await using file = await peekHeader(createReadStream(path));
    ({ header } = file);
  } catch (thrown) {
    throw refuse(`${path} is no export that can be read: ${toError(thrown).message}`);
  }
  if (header.method.kind === 'passphrase') return header;
  throw refuse(
    `${path} is a sealed session of a daemon's own, not an export: its encryption key opens it. Make an export with: npm run cli -- vault export`,
  );
}

async function checkIsFree(path: string): Promise<void> {
  try {
    await access(path);
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT') return;
    throw refuse(`${path} cannot be written: ${error.message}. Choose another file.`);
  }
  throw refuse(`${path} is there already, and is not overwritten. Choose another file.`);
}

function refuse(message: string): AppError {
  return new AppError('VALIDATION_FAILED', { message });
}
