import type { AccountId } from '../accounts/ids.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { LeaseKeeper } from './lease-keeper.ts';

export interface TakingUpDeps {
  readonly leases: Pick<LeaseKeeper, 'onTick' | 'held' | 'claimable' | 'drain'>;
  /** Starts the sessions of those that have none, as far as it can. Never rejects. */
  readonly takeUp: (accountIds: readonly AccountId[]) => Promise<void>;
  readonly log: Logger;
}

/**
 * Takes up, at each tick, accounts that no instance holds, as they are dealt to this one, and those that it holds without a
 * session, as after a lapse; one round at a time. Disposing lets the round that is under way end, and has nothing dealt to this
 * instance any more.
 */
export function openTakingUp({ leases, takeUp, log }: TakingUpDeps): AsyncDisposable {
  let isOver = false;
  let round: Promise<void> | undefined;
  const take = async () => {
    try {
      const free = await leases.claimable();
      if (!isOver) await takeUp([...leases.held(), ...free]);
    } catch (thrown) {
      // The database is away: there is another tick.
      log.debug('Accounts that nobody holds could not be looked for', { error: toError(thrown).message });
    }
  };
  leases.onTick(() => {
    if (isOver) return;
    round ??= take().finally(() => {
      round = undefined;
    });
  });
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await round;
      await leases.drain().catch((thrown: unknown) => {
        log.debug('Other instances could not be told of the stop', { error: toError(thrown).message });
      });
    },
  };
}
