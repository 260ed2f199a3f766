/**
 * Runs of instances, and the leases of accounts that they hold. An account is held exactly while `accounts.lease_run` is
 * not null: deleting the row of a run frees all of its accounts in the same transaction, so no time is ever compared to
 * find out who holds what. All times are PostgreSQL's.
 *
 * Whoever locks both locks the row of a run before those of accounts. What frees accounts notifies on LEASES_CHANNEL, as a
 * new run does, which may take some.
 */
import { type RawBuilder, sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { RESTS_UNTIL_BOOT } from '../accounts/reason.ts';
import type { Lease } from '../instances/lease.ts';
import type { FreeAccount } from '../instances/placement.ts';
import type { Executor } from './database.ts';
import { noteInboundQueue } from './inbound-queue-store.ts';
import { transact } from './transaction.ts';

/** What is notified on when accounts have become free, or may be dealt to another. */
export const LEASES_CHANNEL = 'leases';

/**
 * How long a run is valid from each renewal, in milliseconds: by whether other instances are there, or were so short a time ago
 * that they may only be restarting. `forever` is for a database that no other instance can reach.
 */
export type Term =
  | { readonly sharedTermMs: number; readonly aloneTermMs: number; readonly othersQuietMs: number }
  | 'forever';

export interface NewRun {
  readonly instanceId: InstanceId;
  /** Which process it is, as host-process.ts writes it. */
  readonly process: string;
  /** Sessions that it may hold. */
  readonly capacity: number;
  readonly isDraining: boolean;
  readonly term: Term;
  /** The former run of this instance, where the caller knows that it is over although it has not lapsed. */
  readonly over: number | undefined;
}

/** A run of the same instance that is not over, as far as the database can tell. */
export interface FormerRun {
  readonly run: number;
  readonly process: string;
}

export type Registration =
  | {
      readonly kind: 'registered';
      readonly run: number;
      /** The shorter term counts: see `Term`. */
      readonly hasOthers: boolean;
      /** What the former run held, under new epochs. */
      readonly leases: readonly Lease[];
    }
  | { readonly kind: 'former'; readonly former: FormerRun };

/**
 * Enters a run, and moves to it what the former run of the same instance holds, in one transaction: at no moment in
 * between is any of that free. If the former run may not be over, nothing is changed. A run `forever` ends all others.
 */
export async function registerRun(db: Executor, run: NewRun): Promise<Registration> {
  for (;;) {
    const registration = await transact(db, (trx) => tryToRegister(trx, run));
    if (registration !== undefined) return registration;
  }
}

/** Undefined if another run of the instance was entered at the same moment. */
async function tryToRegister(trx: Executor, run: NewRun): Promise<Registration | undefined> {
  const { rows } = await sql<{
    run: string;
    process: string;
    is_lapsed: boolean;
    others_seen_at: Date | null;
  }>`
    select run, process, lease_until <= clock_timestamp() as is_lapsed, others_seen_at
    from instances where instance_id = ${run.instanceId} for update`.execute(trx);
  const [row] = rows;
  if (row === undefined) return await insertRun(trx, run, { held: [], othersSeenAt: null });
  const former = { run: Number(row.run), process: row.process };
  if (!row.is_lapsed && former.run !== run.over && run.term !== 'forever') return { kind: 'former', former };
  const { rows: held } = await sql<LeaseRow>`
    select id, lease_epoch from accounts where lease_run = ${former.run} and deleted_at is null
    for update`.execute(trx);
  await sql`delete from instances where run = ${former.run}`.execute(trx);
  return await insertRun(trx, run, { held, othersSeenAt: row.others_seen_at });
}

/** What goes over from the former run of the instance. */
interface Heritage {
  readonly held: readonly LeaseRow[];
  readonly othersSeenAt: Date | null;
}

/** Undefined if there is a run of the instance by now. */
async function insertRun(
  trx: Executor,
  { instanceId, process, capacity, isDraining, term }: NewRun,
  { held, othersSeenAt }: Heritage,
): Promise<Registration | undefined> {
  if (term === 'forever') await sql`delete from instances`.execute(trx);
  const seenAt = sql<Date>`${othersSeenAt}::timestamptz`;
  const { rows } = await sql<{ run: string; has_others: boolean }>`
    with look as materialized (${lookForOthers(sql`select from instances`, seenAt, term)})
    insert into instances (instance_id, process, capacity, draining, others_seen_at, lease_until)
    select ${instanceId}::text, ${process}::text, ${capacity}::integer, ${isDraining}::boolean, seen_at, ${leaseUntil(term)}
    from look on conflict (instance_id) do nothing
    returning run, (select has_others from look) as has_others`.execute(trx);
  const [row] = rows;
  if (row === undefined) return undefined;
  const run = Number(row.run);
  await noteInboundQueue(trx, instanceId, run);
  const leases = await moveLeases(trx, run, held);
  await sql`select pg_notify(${LEASES_CHANNEL}, '')`.execute(trx);
  return { kind: 'registered', run, hasOthers: row.has_others, leases };
}

interface LeaseRow {
  readonly id: string;
  readonly lease_epoch: string;
}

async function moveLeases(
  trx: Executor,
  run: number,
  before: readonly LeaseRow[],
): Promise<readonly Lease[]> {
  const { rows } = await sql<LeaseRow>`
    update accounts set lease_run = ${run}::bigint, lease_epoch = nextval('lease_epochs')
    where id = any(${before.map(({ id }) => id)}::uuid[]) returning id, lease_epoch`.execute(trx);
  const previous = new Map(before.map(({ id, lease_epoch }) => [id, Number(lease_epoch)]));
  return rows.map(({ id, lease_epoch }) => ({
    accountId: id as AccountId,
    run,
    epoch: Number(lease_epoch),
    previousEpoch: previous.get(id) ?? null,
  }));
}

/** When others were seen last, and by that whether the shorter term counts. */
function lookForOthers(others: RawBuilder<unknown>, seenAt: RawBuilder<Date>, term: Term) {
  const quietMs = term === 'forever' ? 0 : term.othersQuietMs;
  return sql`
    select seen_at, coalesce(seen_at > clock_timestamp() - interval '1 millisecond' * ${quietMs}::integer, false)
      as has_others
    from (select case when exists (${others}) then clock_timestamp() else ${seenAt} end as seen_at) seen`;
}

/** Needs a column `has_others`. */
function leaseUntil(term: Term) {
  if (term === 'forever') return sql`'infinity'::timestamptz`;
  const { sharedTermMs, aloneTermMs } = term;
  return sql`clock_timestamp() + interval '1 millisecond'
    * case when has_others then ${sharedTermMs}::integer else ${aloneTermMs}::integer end`;
}

/**
 * Makes a run valid for another term. Undefined if it has lapsed, or was ended: it can never be renewed then. Where
 * somebody expires it at the same moment, one of the two does nothing. It stays valid for as long as it was, at least,
 * unless the caller counts by the shorter term already: one whose answer is lost must not take its run for valid longer than
 * it is.
 */
export async function renewRun(
  db: Executor,
  run: number,
  { term, mayShorten }: { readonly term: Term; readonly mayShorten: boolean },
): Promise<{ readonly hasOthers: boolean } | undefined> {
  const others = sql`select from instances where run <> ${run}`;
  const seenAt = sql<Date>`(select others_seen_at from instances where run = ${run})`;
  const { rows } = await sql<{ has_others: boolean }>`
    with look as materialized (${lookForOthers(others, seenAt, term)})
    update instances set renewed_at = clock_timestamp(), others_seen_at = seen_at,
      lease_until = greatest(${leaseUntil(term)}, case when ${mayShorten}::boolean then null else lease_until end)
    from look where run = ${run} and lease_until > clock_timestamp()
    returning has_others`.execute(db);
  const [row] = rows;
  return row && { hasOthers: row.has_others };
}

/** Ends those of the runs that have lapsed, which frees what they held; answers which those were. */
export async function expireRuns(db: Executor, runs: readonly number[]): Promise<readonly number[]> {
  const { rows } = await sql<{ run: string }>`
    with ended as (
      delete from instances where run = any(${runs}::bigint[]) and lease_until <= clock_timestamp() returning run
    )
    select run, pg_notify(${LEASES_CHANNEL}, '') from ended`.execute(db);
  return rows.map(({ run }) => Number(run));
}

/**
 * Ends a run, lapsed or not, which frees what it held: for the one who runs it and has stopped all of its sessions, and
 * for whoever knows that its process and its browsers are gone. True if there was one.
 */
export async function endRun(db: Executor, run: number): Promise<boolean> {
  const { rows } = await sql`
    with ended as (delete from instances where run = ${run} returning run)
    select pg_notify(${LEASES_CHANNEL}, '') from ended`.execute(db);
  return rows.length > 0;
}

/** No accounts are dealt to the run any more. */
export async function setDraining(db: Executor, run: number): Promise<void> {
  await sql`update instances set draining = true where run = ${run}`.execute(db);
}

export interface Run {
  readonly run: number;
  readonly instanceId: InstanceId;
  readonly process: string;
  readonly capacity: number;
  readonly isDraining: boolean;
  readonly startedAt: Date;
  readonly renewedAt: Date;
  /** Null where it never lapses. */
  readonly leaseUntil: Date | null;
  /** Others may end it. */
  readonly isLapsed: boolean;
  /** Accounts that it holds. */
  readonly held: number;
}

/** All runs, the oldest first. */
export async function listRuns(db: Executor): Promise<readonly Run[]> {
  const { rows } = await sql<Omit<Run, 'run'> & { readonly run: string }>`
    select run, instance_id as "instanceId", process, capacity, draining as "isDraining", started_at as "startedAt",
      renewed_at as "renewedAt", nullif(lease_until, 'infinity') as "leaseUntil",
      lease_until <= clock_timestamp() as "isLapsed",
      (select count(*)::integer from accounts where lease_run = instances.run) as held
    from instances order by instances.run`.execute(db);
  return rows.map((row) => ({ ...row, run: Number(row.run) }));
}

export type Taking =
  | { readonly kind: 'taken'; readonly lease: Lease }
  | { readonly kind: 'held'; readonly run: number; readonly instanceId: InstanceId }
  /** It has become free since; or the run has taken it by now. */
  | { readonly kind: 'free' }
  | { readonly kind: 'no_account' }
  /** The run is over. */
  | { readonly kind: 'no_run' };

/**
 * Takes the lease of an account for a run that is valid, under an epoch that is higher than every one before; of two that
 * take it one gets it. Taken again by the same run it gets a new epoch. Also one that was deleted, to destroy what is left of it.
 */
export async function takeLease(
  db: Executor,
  { accountId, run, instanceId }: { accountId: AccountId; run: number; instanceId: InstanceId },
): Promise<Taking> {
  const { rows } = await sql<{ epoch: string; previous: string | null }>`
    with mine as materialized (
      select run from instances where run = ${run} and lease_until > clock_timestamp() for key share
    ), before as materialized (
      select id, lease_epoch as previous, mine.run as taker from mine, accounts
      where id = ${accountId} and (lease_run is null or lease_run = mine.run)
      for update of accounts
    )
    update accounts set instance_id = ${instanceId}, lease_run = taker, lease_epoch = nextval('lease_epochs')
    from before where accounts.id = before.id
    returning accounts.lease_epoch as epoch, previous`.execute(db);
  const [row] = rows;
  if (row === undefined) return await findObstacle(db, accountId, run);
  const previousEpoch = row.previous === null ? null : Number(row.previous);
  return { kind: 'taken', lease: { accountId, run, epoch: Number(row.epoch), previousEpoch } };
}

/** Why a run could not take an account, a moment ago. */
async function findObstacle(db: Executor, accountId: AccountId, run: number): Promise<Taking> {
  const { rows } = await sql<{
    has_run: boolean;
    is_there: boolean;
    holder: string | null;
    name: InstanceId;
  }>`
    select exists (select from instances where run = ${run} and lease_until > clock_timestamp()) as has_run,
      account.id is not null as is_there, holder.run as holder, holder.instance_id as name
    from (select) nothing
    left join accounts account on account.id = ${accountId}
    left join instances holder on holder.run = account.lease_run`.execute(db);
  const [row] = rows;
  if (row === undefined || !row.has_run) return { kind: 'no_run' };
  if (!row.is_there) return { kind: 'no_account' };
  const { holder, name } = row;
  return holder === null || Number(holder) === run
    ? { kind: 'free' }
    : { kind: 'held', run: Number(holder), instanceId: name };
}

/** Which lease it is. */
export type LeaseMark = Pick<Lease, 'accountId' | 'run' | 'epoch'>;

/** Frees an account if it is held under this very lease. */
export async function releaseLease(db: Executor, { accountId, run, epoch }: LeaseMark): Promise<void> {
  await sql`
    with freed as (
      update accounts set lease_run = null
      where id = ${accountId} and lease_run = ${run} and lease_epoch = ${epoch} returning id
    )
    select pg_notify(${LEASES_CHANNEL}, '') from freed`.execute(db);
}

/** The leases of a run, as the database has them. */
export async function listLeases(db: Executor, run: number): Promise<readonly LeaseMark[]> {
  const { rows } = await sql<LeaseRow>`
    select id, lease_epoch from accounts where lease_run = ${run}`.execute(db);
  return rows.map(({ id, lease_epoch }) => ({ accountId: id as AccountId, run, epoch: Number(lease_epoch) }));
}

/** Accounts that are wanted and that nobody holds, in the order in which they are to be started: linked ones first, then by age. */
export async function listFreeAccounts(db: Executor): Promise<readonly FreeAccount[]> {
  const { rows } = await sql<FreeAccount>`
    select id as "accountId", instance_id as "lastHeldBy",
      coalesce(reason = any(${RESTS_UNTIL_BOOT}::text[]), false) as "restsThere"
    from accounts where wanted and deleted_at is null and lease_run is null
    order by linked desc, created_at, id`.execute(db);
  return rows;
}
