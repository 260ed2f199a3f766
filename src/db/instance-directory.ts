/** The instances as operators see them: each by its run (see lease-store.ts). */
import { sql } from 'kysely';
import type { InstanceId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { endRun } from './lease-store.ts';

export interface Instance {
  readonly instanceId: InstanceId;
  readonly startedAt: Date;
  readonly renewedAt: Date;
  /** Null where it never lapses. */
  readonly leaseUntil: Date | null;
  /** Sessions that it may hold. */
  readonly capacity: number;
  /** Accounts that it holds. */
  readonly held: number;
  readonly isDraining: boolean;
}

/** All that have a run, which lapsed ones have until another ends it; those first that were started first. */
export async function listInstances(db: Executor, { limit, after }: PageRequest): Promise<Page<Instance>> {
  const rows = await db
    .selectFrom('instances')
    .select(['run', 'instance_id', 'started_at', 'renewed_at', 'capacity', 'draining'])
    .select([
      instantText('started_at').as('position_at'),
      sql<Date | null>`nullif(lease_until, 'infinity')`.as('lease_until'),
      sql<number>`(select count(*)::integer from accounts where lease_run = instances.run)`.as('held'),
    ])
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(started_at, run) > (${after?.at}::timestamptz, ${after?.tie}::bigint)`),
    )
    .orderBy('started_at')
    .orderBy('run')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: (row) => ({
      instanceId: row.instance_id as InstanceId,
      startedAt: row.started_at,
      renewedAt: row.renewed_at,
      leaseUntil: row.lease_until,
      capacity: row.capacity,
      held: row.held,
      isDraining: row.draining,
    }),
    position: (row) => ({ at: row.position_at, tie: row.run }),
  });
}

/** What became of an instance that was to be forgotten. */
export type Forgetting =
  | { readonly kind: 'unknown' }
  /** Nothing was done: it has renewed its lease so many milliseconds ago. */
  | { readonly kind: 'renewed'; readonly agoMs: number }
  | { readonly kind: 'forgotten'; readonly held: number };

/**
 * Ends the run of an instance, lapsed or not, which frees what it held; not that of one that has renewed it within
 * `quietMs`. In a transaction: one that renews at the same moment waits for it, and then finds no run.
 */
export async function forgetInstance(
  trx: Executor,
  instanceId: string,
  quietMs: number,
): Promise<Forgetting> {
  const { rows } = await sql<{ run: string; ago_ms: number; held: number }>`
    select run, (extract(epoch from clock_timestamp() - renewed_at) * 1000)::double precision as ago_ms,
      (select count(*)::integer from accounts where lease_run = instances.run) as held
    from instances where instance_id = ${instanceId} for update`.execute(trx);
  const [row] = rows;
  if (row === undefined) return { kind: 'unknown' };
  if (row.ago_ms < quietMs) return { kind: 'renewed', agoMs: row.ago_ms };
  await endRun(trx, Number(row.run));
  return { kind: 'forgotten', held: row.held };
}

/** How many have a run. */
export async function countInstances(db: Executor): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from instances`.execute(db);
  return rows[0]?.count ?? 0;
}
