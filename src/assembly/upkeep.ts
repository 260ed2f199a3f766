import { removeOrphanProfiles } from '../channels/whatsapp-web/profile-clean-up.ts';
import { findKeptAccounts } from '../db/account-removal.ts';
import { makeDayTurn } from '../messages/day-turn.ts';
import { removeUnreferredMedia } from '../messages/media-clean-up.ts';
import { makeCronTable } from '../schedule/cron-table.ts';
import { openSchedule } from '../schedule/schedule.ts';
import { settleAfterLapse } from './sealing.ts';
import type { OpenSessions, SessionParts } from './sessions.ts';

export interface UpkeepParts extends SessionParts {
  readonly sessions: OpenSessions;
}

/**
 * What is done by the clock, and what is made up for when leases lapse and come again. It is opened once there are sessions: a
 * profile that one of them has is not taken for one at rest. Disposing ends what is done by the clock.
 */
export function openUpkeep(parts: UpkeepParts): AsyncDisposable {
  const { edge, log, foundation, stores, messaging, vault } = parts;
  const { clock } = edge;
  const { runtime, instanceId } = foundation;
  const { db } = stores;
  const { pipeline, announcer, media } = messaging;
  const catchUpVaults = makeVaultCatchUp(parts);
  hearLeases(parts, catchUpVaults);
  const cronTable = makeCronTable({
    db,
    clock,
    removeOrphanProfiles: () =>
      removeOrphanProfiles(runtime.path, { clock, log, isKept: (ids) => findKeptAccounts(db, ids) }),
    finishWipes: () => vault.finishWipes(),
    catchUpVaults,
    removeCutOffVaults: () => vault.tidy(),
    removeOrphanVaults: () => vault.removeOrphans((ids) => findKeptAccounts(db, ids)),
    removeUnreferredMedia: () =>
      removeUnreferredMedia({ db, remove: (hash, since) => media.removeUntouched(hash, since) }, clock.now()),
    reviewHealth: () => announcer.reviewUnhealthy(),
    turnDays: makeDayTurn({
      db,
      instanceId,
      clock,
      log,
      onTurned: (accountId) => {
        pipeline.outbox.wake(accountId);
        announcer.reviewHealth(accountId);
      },
    }),
  });
  return openSchedule(cronTable, log);
}

/** Enters and copies sealed sessions at rest where that could not be done; returns how many. */
function makeVaultCatchUp({ edge, stores, vault, sessions }: UpkeepParts): () => Promise<number> {
  return () =>
    vault.catchUp(async (ids) => {
      const kept = await findKeptAccounts(stores.db, ids);
      return new Set([...kept].filter((id) => sessions.pool.findStatus(id) === undefined));
    }, edge.signal);
}

/** Behind the sessions, which hear of a lapse first and stop. */
function hearLeases(
  { log, stores, leasing, messaging }: UpkeepParts,
  catchUpVaults: () => Promise<number>,
): void {
  const { leases } = leasing;
  leases.onTick(() => void messaging.pipeline.hearMoves());
  leases.onLapse(() => void stores.database.cutWaiting());
  leases.onRun(() => void settleAfterLapse(catchUpVaults, log));
}
