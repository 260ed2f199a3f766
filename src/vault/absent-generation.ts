/**
 * What is done where no copy of a generation is within reach of this instance: it lies on the disk of whoever sealed it, if
 * anywhere.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { Clock } from '../lib/clock.ts';
import type { Generation } from './generations.ts';
import type { SnapshotName } from './snapshot.ts';

/**
 * An instance that lives has this long, in milliseconds, to copy what it has sealed, which takes it a second once it is asked
 * for nothing else; a session that is tried again and again in the meantime is not yet in trouble.
 */
export const ABSENT_WAIT_MS = 15_000;

/**
 * `wait`: it may come within reach. `left_behind`: an older one has to do although it may exist elsewhere; `lost`: it was
 * sealed here and is gone.
 */
export type AbsentStep = 'wait' | 'left_behind' | 'lost';

/** Decides it; without a copy of an account that another instance holds, there is nothing that may be opened here. */
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
  return sealer === 'alive' && waitedMs < ABSENT_WAIT_MS ? 'wait' : 'left_behind';
}

/** Since when generations have been missed, one for each account. */
export class AbsentWaits {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #missed = new Map<AccountId, { readonly generation: number; readonly since: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** How long it has been missed; from now on, if it was not before. */
  waitedMs({ accountId, generation }: SnapshotName): number {
    const now = this.#clock.monotonic();
    const before = this.#missed.get(accountId);
    if (before?.generation === generation) return now - before.since;
    this.#missed.set(accountId, { generation, since: now });
    return 0;
  }

  /** Nothing of the account is missed any more. */
  forget(accountId: AccountId): void {
    this.#missed.delete(accountId);
  }
}
