import type { AccountId } from '../accounts/ids.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

export interface MovedAccountsDeps {
  /** Accounts that are looked for. */
  readonly list: () => readonly AccountId[];
  /** The run of this instance, while it has one. */
  readonly findRun: () => number | undefined;
  readonly isHeldHere: (accountId: AccountId) => boolean;
  /** Those of the accounts that another run holds than this one. */
  readonly findHeldElsewhere: (
    accountIds: readonly AccountId[],
    run: number | undefined,
  ) => Promise<readonly AccountId[]>;
  /** Told of each account that another instance holds. */
  readonly onMoved: (accountId: AccountId) => void;
  readonly log: Logger;
}

/**
 * A look at which accounts other instances hold by now, one at a time: who asks during one shares it. An answer may be long on
 * its way, and what it says be over: nothing is told of an account that is held here by then, nor anything once this instance
 * has another run, whose accounts the answer takes for another's. The look never rejects.
 */
export function makeMovedAccounts(deps: MovedAccountsDeps): () => Promise<void> {
  let looking: Promise<void> | undefined;
  return () => {
    looking ??= look(deps).finally(() => {
      looking = undefined;
    });
    return looking;
  };
}

async function look({
  list,
  findRun,
  isHeldHere,
  findHeldElsewhere,
  onMoved,
  log,
}: MovedAccountsDeps): Promise<void> {
  const accountIds = list();
  if (accountIds.length === 0) return;
  const run = findRun();
  try {
    const moved = await findHeldElsewhere(accountIds, run);
    if (findRun() !== run) return;
    for (const accountId of moved) if (!isHeldHere(accountId)) onMoved(accountId);
  } catch (thrown) {
    log.debug('Who has the accounts of which something is held back is not known', {
      error: toError(thrown).message,
    });
  }
}
