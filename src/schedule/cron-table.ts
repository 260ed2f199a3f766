import { foldMessageCounts } from '../db/account-count.ts';
import { markAbandonedAccountsDeleted } from '../db/account-removal.ts';
import { deleteOldCatchUps } from '../db/catch-up-ledger.ts';
import { deleteOldChanges } from '../db/change-log-expiry.ts';
import type { Executor } from '../db/database.ts';
import { deleteOldIdempotencyKeys } from '../db/idempotency-store.ts';
import { deleteOldInboundPositions } from '../db/inbound-position.ts';
import { clearExpiredLinkCodes } from '../db/link-code-expiry.ts';
import { dropEmptyPartitions, ensurePartitions, MONTHS_AHEAD } from '../db/partitions.ts';
import { deleteOldRejectedEvents } from '../db/rejected-event-expiry.ts';
import { deleteExpiredMessages, findLongestRetention } from '../db/retention.ts';
import { deleteOldSessionEvents } from '../db/session-event-store.ts';
import { deleteOldWaitingChanges } from '../db/waiting-change-expiry.ts';
import { deleteOldDeliveries } from '../db/webhook-delivery-store.ts';
import type { Clock } from '../lib/clock.ts';

/** Work that is done by the clock. It may run on several daemons at once, so repeating it must change nothing. */
export interface CronJob {
  readonly name: string;
  /** Minute, hour, day of the month, month, day of the week; UTC. */
  readonly cron: string;
  /** True if it is also to be done as soon as the schedule opens. */
  readonly isDueAtStart?: boolean;
  /** Returns how many rows (or whatever it deals with) it changed. */
  run(): Promise<number>;
}

export interface CronDeps {
  readonly db: Executor;
  readonly clock: Clock;
  /** Removes profiles whose account is gone; returns how many. */
  readonly removeOrphanProfiles: () => Promise<number>;
  /** Completes the destruction of sealed sessions whose copies could not be reached; returns how many. */
  readonly finishWipes: () => Promise<number>;
  /** Enters and copies sealed sessions at rest where that could not be done; returns how many. */
  readonly catchUpVaults: () => Promise<number>;
  /** Removes files of sealed sessions that were cut off while they were written; returns how many. */
  readonly removeCutOffVaults: () => Promise<number>;
  /** Removes sealed sessions whose account is long gone; returns how many. */
  readonly removeOrphanVaults: () => Promise<number>;
  /** Removes files of media that nothing refers to any more; returns how many. */
  readonly removeUnreferredMedia: () => Promise<number>;
  /** Looks at the health of accounts again that a new day may have healed; returns how many it looks at. */
  readonly reviewHealth: () => number;
  /** Begins the day of every account whose midnight has passed; returns how many those are. */
  readonly turnDays: () => Promise<number>;
}

/** Everything that is done by the clock. */
export function makeCronTable(deps: CronDeps): readonly CronJob[] {
  const { db, clock, removeOrphanProfiles, catchUpVaults, removeCutOffVaults, removeOrphanVaults } = deps;
  const { finishWipes, removeUnreferredMedia, reviewHealth, turnDays } = deps;
  return [
    { name: 'delete-old-idempotency-keys', cron: '7 * * * *', run: () => deleteOldIdempotencyKeys(db) },
    { name: 'clear-expired-link-codes', cron: '* * * * *', run: () => clearExpiredLinkCodes(db) },
    {
      name: 'create-message-partitions',
      cron: '11 2 * * *',
      run: () => ensurePartitions(db, new Date(clock.now()), MONTHS_AHEAD),
    },
    {
      name: 'delete-expired-messages',
      cron: '*/10 * * * *',
      run: () => deleteExpiredMessages(db, new Date(clock.now())),
    },
    {
      name: 'drop-empty-partitions',
      cron: '13 4 * * *',
      run: () => dropPartitionsPastRetention(db, new Date(clock.now())),
    },
    { name: 'delete-old-changes', cron: '43 * * * *', run: () => deleteOldChanges(db) },
    {
      name: 'delete-old-webhook-deliveries',
      cron: '19 * * * *',
      run: () => deleteOldDeliveries(db, new Date(clock.now())),
    },
    { name: 'remove-unreferred-media', cron: '29 4 * * *', run: removeUnreferredMedia },
    { name: 'fold-message-counts', cron: '* * * * *', run: () => foldMessageCounts(db) },
    { name: 'delete-old-waiting-changes', cron: '23 3 * * *', run: () => deleteOldWaitingChanges(db) },
    { name: 'delete-old-rejected-events', cron: '39 3 * * *', run: () => deleteOldRejectedEvents(db) },
    { name: 'delete-old-inbound-positions', cron: '31 3 * * *', run: () => deleteOldInboundPositions(db) },
    { name: 'delete-old-catch-ups', cron: '33 3 * * *', run: () => deleteOldCatchUps(db) },
    { name: 'delete-old-session-events', cron: '37 3 * * *', run: () => deleteOldSessionEvents(db) },
    { name: 'delete-abandoned-accounts', cron: '17 * * * *', run: () => markAbandonedAccountsDeleted(db) },
    { name: 'remove-orphan-profiles', cron: '27 * * * *', run: removeOrphanProfiles },
    { name: 'finish-wipes', cron: '*/5 * * * *', run: finishWipes },
    { name: 'catch-up-vaults', cron: '41 * * * *', isDueAtStart: true, run: catchUpVaults },
    { name: 'remove-cut-off-vaults', cron: '57 * * * *', run: removeCutOffVaults },
    { name: 'remove-orphan-vaults', cron: '47 3 * * *', run: removeOrphanVaults },
    { name: 'turn-days', cron: '* * * * *', isDueAtStart: true, run: turnDays },
    // Days begin on the quarter of an hour wherever there is a time zone.
    { name: 'review-health', cron: '1-59/15 * * * *', run: async () => reviewHealth() },
  ];
}

const DAY_MS = 86_400_000;

/** While some tenant keeps its messages for ever, so are the partitions kept. */
async function dropPartitionsPastRetention(db: Executor, now: Date): Promise<number> {
  const days = await findLongestRetention(db);
  return days === null ? 0 : dropEmptyPartitions(db, new Date(now.getTime() - days * DAY_MS), now);
}
