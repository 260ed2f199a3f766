import type { AccountId } from '../accounts/ids.ts';
import { withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { LEASE_TERMS, type LeaseTerms } from './lease-terms.ts';

/** A stop waits this long, in milliseconds, for each of the two things that the database is needed for. */
const STOP_STEP_MS = 1_000;

export interface TakingUpDeps {
  readonly leases: Pick<LeaseKeeper, 'onTick' | 'held' | 'freeAndListDue' | 'drain'>;
  /** Starts the sessions of those that have none, as far as it can. Never rejects. */
  readonly takeUp: (accountIds: readonly AccountId[]) => Promise<void>;
  readonly log: Logger;
  readonly terms?: Pick<LeaseTerms, 'roundDeadlineMs'>;
}

/**
 * Takes up, at each tick, accounts that no instance holds, as they are dealt to this one, and those that it holds without a
 * session, as after a lapse; one round at a time, unless one does not end. Disposing lets the round that is under way end, and
 * has nothing dealt to this instance any more, as far as the database answers: the stop of the sessions does not wait for it.
 */
export function openTakingUp({ leases, takeUp, log, terms = LEASE_TERMS }: TakingUpDeps): AsyncDisposable {
  const { roundDeadlineMs } = terms;
  let isOver = false;
  let round: Promise<void> | undefined;
  const take = async () => {
    try {
      const free = await leases.freeAndListDue();
      if (!isOver) await takeUp([...leases.held(), ...free]);
    } catch (thrown) {
      // The database is away: there is another tick.
      log.debug('Accounts that nobody holds could not be looked for', { error: toError(thrown).message });
    }
  };
  const inTime = (work: Promise<void> | undefined, what: string) =>
    withDeadline(Promise.resolve(work), STOP_STEP_MS, what).catch((thrown: unknown) => {
      log.debug('A stop does not wait for the database', { what, error: toError(thrown).message });
    });
  leases.onTick(() => {
    if (isOver) return;
    // One that is late goes on; it is not waited for.
    round ??= withDeadline(take(), roundDeadlineMs, 'A round over what is free')
      .catch((thrown: unknown) => {
        log.warn('Accounts that nobody holds are looked for again, since a look does not end', {
          error: toError(thrown).message,
        });
      })
      .finally(() => {
        round = undefined;
      });
  });
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await Promise.all([
        inTime(round, 'The round that was under way'),
        inTime(leases.drain(), 'Telling other instances of the stop'),
      ]);
    },
  };
}
