import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import type { Clock } from '../../lib/clock.ts';
import { KeyedSerial } from '../../lib/keyed-serial.ts';
import type { NewSnapshot } from '../../vault/snapshot-index.ts';
import type { Vault } from '../../vault/vault.ts';

type CopyTimings = Pick<SessionTimings, 'backupIntervalMs' | 'sharedBackupIntervalMs'>;

export interface SnapshotCopiesDeps {
  readonly vault: Pick<Vault, 'keep' | 'wipe'>;
  readonly timings: CopyTimings;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Whether other instances share the database, and go on with the sessions of this one if it is lost. */
  hasOthers(): boolean;
}

/** A snapshot that was sealed. */
export interface SealedSnapshot {
  readonly snapshot: NewSnapshot;
  /** When it was taken, in milliseconds of the monotonic clock. */
  readonly takenAt: number;
  /**
   * `first` of a link, which the browser may not have written down yet: a copy of it is made and does not count;
   * `running`: copied when that is due; `last` of a run: always copied.
   */
  readonly kind: 'first' | 'running' | 'last';
}

/** How old the last copy of a running session may become, in milliseconds. */
export function copyIntervalMs(hasOthers: boolean, timings: CopyTimings): number {
  return hasOthers ? timings.sharedBackupIntervalMs : timings.backupIntervalMs;
}

/**
 * Enters sealed snapshots into the index and copies them to the backups, those of one account one after another. It is
 * done beside everything else: a backup that is slow holds up neither other accounts nor the next start of this one.
 */
export class SnapshotCopies {
  readonly #deps: SnapshotCopiesDeps;
  readonly #turns = new KeyedSerial<AccountId>();
  /** When the snapshot was taken of which every backup has a copy, by running session. */
  readonly #copiedAt = new Map<AccountId, number>();
  /** How many snapshots were added that are not done with, by account. */
  readonly #underWay = new Map<AccountId, number>();

  constructor(deps: SnapshotCopiesDeps) {
    this.#deps = deps;
  }

  /** Whether the next snapshot of a running session is to be copied. */
  isDue(accountId: AccountId): boolean {
    const { clock, timings, hasOthers } = this.#deps;
    const age = clock.monotonic() - (this.#copiedAt.get(accountId) ?? -Infinity);
    return age >= copyIntervalMs(hasOthers(), timings);
  }

  /** Resolves when the snapshot is entered, and copied if that is due. Never rejects: the vault tells what failed. */
  add(sealed: SealedSnapshot): Promise<void> {
    const { accountId } = sealed.snapshot;
    this.#count(accountId, 1);
    return this.#turns.run(accountId, async () => {
      try {
        await this.#keep(sealed);
      } finally {
        this.#count(accountId, -1);
      }
    });
  }

  async #keep({ snapshot, takenAt, kind }: SealedSnapshot): Promise<void> {
    const { accountId } = snapshot;
    const backUp = kind === 'last' || this.isDue(accountId);
    // A copy that failed is made with the next snapshot.
    const isWhole = await this.#deps.vault.keep(snapshot, { backUp });
    if (kind === 'last') this.#copiedAt.delete(accountId);
    else if (isWhole && backUp && kind === 'running') this.#copiedAt.set(accountId, takenAt);
  }

  #count(accountId: AccountId, by: number): void {
    const count = (this.#underWay.get(accountId) ?? 0) + by;
    if (count === 0) this.#underWay.delete(accountId);
    else this.#underWay.set(accountId, count);
  }

  /** True while nothing that was added of the account is yet to be entered or copied. */
  isIdle(accountId: AccountId): boolean {
    return !this.#underWay.has(accountId);
  }

  /** Removes what was marked as destroyed, after the copies that are under way. @throws AppError VAULT_STORAGE_FAILED */
  async wipe(accountId: AccountId): Promise<void> {
    await this.#turns.run(accountId, async () => {
      this.#copiedAt.delete(accountId);
      await this.#deps.vault.wipe(accountId);
    });
  }

  /** Resolves when everything that was added so far, of the account or of all, is done. */
  idle(accountId?: AccountId): Promise<void> {
    return accountId === undefined ? this.#turns.idle() : this.#turns.run(accountId, async () => undefined);
  }
}
