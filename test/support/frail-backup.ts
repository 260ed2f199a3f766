import { AppError } from '../../src/lib/errors.ts';
import type { SnapshotBackup } from '../../src/vault/snapshot-backup.ts';

/** A real backup that can be put out of reach, as a whole or for removals alone. */
export class FrailBackup implements SnapshotBackup {
  readonly name: SnapshotBackup['name'];
  reach: 'all' | 'no-removal' | 'none' = 'all';
  /** Copies that were saved. */
  saves = 0;
  readonly #inner: SnapshotBackup;

  constructor(inner: SnapshotBackup) {
    this.name = inner.name;
    this.#inner = inner;
  }

  async save(...given: Parameters<SnapshotBackup['save']>): Promise<void> {
    if (this.reach === 'none') throw unreachable();
    await this.#inner.save(...given);
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
