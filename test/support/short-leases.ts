import type { InstanceId } from '../../src/accounts/ids.ts';
import type { Executor } from '../../src/db/database.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import { type LeaseKeeper, type LeaseKeeperDeps, openLeaseKeeper } from '../../src/instances/lease-keeper.ts';
import { LEASE_TERMS, type LeaseTerms } from '../../src/instances/lease-terms.ts';
import { silentLog } from './silent-log.ts';

/** Long enough for a machine that is busy; the margins in proportion. */
export const SHORT_TERMS: LeaseTerms = {
  ...LEASE_TERMS,
  sharedTermMs: 4_000,
  aloneTermMs: 6_000,
  othersQuietMs: 500,
  renewEveryMs: 200,
  renewAgainMs: 50,
  stopMarginMs: 2_000,
  killMarginMs: 1_000,
  tickMs: 100,
  takenByAnyMs: 300,
  presenceGraceMs: 100,
  formerLookMs: 20,
};

/** The leases of an instance, which lapse as real ones do, only sooner. */
export function openShortLeases(
  where: { readonly db: Executor; readonly connection: PostgresConnection },
  instanceId: InstanceId,
  more: Partial<LeaseKeeperDeps> = {},
): Promise<LeaseKeeper> {
  return openLeaseKeeper({
    ...where,
    instanceId,
    capacity: 10,
    exclusive: false,
    guard: undefined,
    log: silentLog,
    signal: new AbortController().signal,
    terms: SHORT_TERMS,
    ...more,
  });
}
