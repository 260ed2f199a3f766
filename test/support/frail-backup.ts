import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../src/lib/errors.ts';
import type { SnapshotBackup, SnapshotFile } from '../../src/vault/snapshot-backup.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** A real backup that can be put out of reach, as a whole or for removals alone, and that can be slow. */
export class FrailBackup implements SnapshotBackup {
  readonly name: SnapshotBackup['name'];
  reach: 'all' | 'no-removal' | 'none' = 'all';
  /** Copies that were saved. */
  saves = 0;
  /** Each copy waits for this before it is saved. */
  slowness: Promise<void> = Promise.resolve();
  /** Copies that were begun. */
  begun = 0;
  readonly #inner: SnapshotBackup;

  constructor(inner: SnapshotBackup) {
    this.name = inner.name;
    this.#inner = inner;
  }

  async save(snapshot: SnapshotFile): Promise<void> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await openTemporaryFolder());
    // As a stream that is under way has it, whatever becomes of the file.
    const path = join(folder.path, 'sent');
    await copyFile(snapshot.path, path);
    this.begun += 1;
    await this.slowness;
    if (this.reach === 'none') throw unreachable();
    await this.#inner.save({ ...snapshot, path });
    this.saves += 1;
  }

  async *read(...given: Parameters<SnapshotBackup['read']>): AsyncGenerator<Uint8Array> {
    if (this.reach === 'none') throw unreachable();
    yield* this.#inner.read(...given);
  }

  async remove(...given: Parameters<SnapshotBackup['remove']>): Promise<void> {
    if (this.reach !== 'all') throw unreachable();
    await this.#inner.remove(...given);
  }
}

function unreachable(): AppError {
  return new AppError('VAULT_STORAGE_FAILED', { message: 'The backup is out of reach.' });
}
