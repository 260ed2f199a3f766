/**
 * What is done where no copy of a generation is within reach of this instance: it lies on the disk of whoever sealed it, if
 * anywhere.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Generation } from './generations.ts';
import type { SnapshotName } from './snapshot.ts';

/**
 * An instance has this long, in milliseconds, to copy what it has sealed: it tries that every few seconds while it lives, and
 * at its start, so that one which was just stopped or cut off may be back in time. An account of one that is lost for good
 * is served again well within a minute of its loss all the same.
 */
export const ABSENT_WAIT_MS = 12_000;

/** A generation is waited for: no failure of anything here, and over soon. */
export class AwaitedGenerationError extends AppError {
  constructor(generation: number) {
    super('VAULT_STORAGE_FAILED', {
      message: `Generation ${generation} has no copy yet: the instance that sealed it is given some seconds to make one.`,
    });
  }
}

/**
 * `wait`: it may come within reach. `left_behind`: an older one has to do although it may exist elsewhere; `lost`: it was
 * sealed here and is gone.
 */
export type AbsentStep = 'wait' | 'left_behind' | 'lost';

/**
 * Decides it; without a copy of an account that another instance holds, there is nothing that may be opened here. Whether the
 * one that sealed it has a run says nothing: it may come back, or never get to it.
 */
export function decideAbsent({
  isHeldHere,
  sealer,
  waitedMs,
}: {
  readonly isHeldHere: boolean;
  readonly sealer: NonNullable<Generation['entry']>['sealer'];
  /** Since it was first missed here. */
  readonly waitedMs: number;
}): AbsentStep {
  if (!isHeldHere) return 'wait';
  if (sealer === 'here') return 'lost';
  if (waitedMs < ABSENT_WAIT_MS) return 'wait';
  return sealer === 'elsewhere' ? 'left_behind' : 'lost';
}

/** What is missed, and under which lease: who had the account in between may have made up for it. */
export interface Missing extends SnapshotName {
  /** Null where there are no leases. */
  readonly leaseEpoch: number | null;
}

/** Since when generations have been missed, one for each account. */
export class AbsentWaits {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #missed = new Map<AccountId, Omit<Missing, 'accountId'> & { readonly since: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** How long it has been missed under this lease; from now on, if it was not before. */
  waitedMs({ accountId, generation, leaseEpoch }: Missing): number {
    const now = this.#clock.monotonic();
    const before = this.#missed.get(accountId);
    if (before?.generation === generation && before.leaseEpoch === leaseEpoch) return now - before.since;
    this.#missed.set(accountId, { generation, leaseEpoch, since: now });
    return 0;
  }

  /** Nothing of the account is missed any more. */
  forget(accountId: AccountId): void {
    this.#missed.delete(accountId);
  }
}
