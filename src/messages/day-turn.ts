import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { listAccountsToTurn, turnDay } from '../db/day-turn.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

export interface DayTurnDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each account whose day has begun; returns at once. */
  readonly onTurned: (accountId: AccountId) => void;
}

/**
 * Makes the function that begins the day of every account whose midnight has passed, whenever that was: deferred messages
 * get the slots of the new date. It returns how many accounts those were; one that fails leaves the others alone.
 */
export function makeDayTurn({ db, instanceId, clock, log, onTurned }: DayTurnDeps): () => Promise<number> {
  return async () => {
    const at = new Date(clock.now());
    const accounts = await listAccountsToTurn(db, instanceId, at);
    let turned = 0;
    for (const accountId of accounts) {
      try {
        const deal = await turnDay(db, accountId, at);
        if (deal === undefined) continue;
        turned += 1;
        onTurned(accountId);
        log.debug('The day of an account has begun', { accountId, ...deal });
      } catch (thrown) {
        const error = toError(thrown).message;
        log.warn('The day of an account could not be begun and is tried again', { accountId, error });
      }
    }
    return turned;
  };
}
