/** What is counted of the accounts of one instance when somebody asks for its figures. */
import { sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { parseSessionState, type SessionState } from '../accounts/state.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';

/** What the health of an account follows from, as far as its row tells. */
export interface HealthFacts {
  readonly accountId: AccountId;
  readonly state: SessionState;
  readonly sentToday: number;
  readonly dailyLimit: number;
}

export async function listHealthFacts(db: Executor, instanceId: InstanceId): Promise<readonly HealthFacts[]> {
  const rows = await db
    .selectFrom('accounts')
    .leftJoin('account_usage', (join) =>
      join
        .onRef('account_usage.account_id', '=', 'accounts.id')
        .on('local_date', '=', sql<string>`(now() at time zone accounts.timezone)::date`),
    )
    .select(['accounts.id', 'state', 'daily_limit', 'sent'])
    .where('instance_id', '=', instanceId)
    .where(isKept)
    .execute();
  return rows.map((row) => ({
    accountId: row.id as AccountId,
    state: parseSessionState(row.state),
    sentToday: row.sent ?? 0,
    dailyLimit: row.daily_limit,
  }));
}

/** What a message waits for: its turn, the server's ack, another day, to be found in its page; or its file. */
export const WAITING_KINDS = ['unsent', 'unacked', 'deferred', 'unknown', 'media'] as const;
export type WaitingKind = (typeof WAITING_KINDS)[number];

/** How many messages wait for what. Each is counted along an index that holds those alone. */
export async function countWaitingMessages(
  db: Executor,
  instanceId: InstanceId,
): Promise<ReadonlyMap<WaitingKind, number>> {
  const held = sql`account_id in (select id from accounts where instance_id = ${instanceId} and ${isKept})`;
  const own = sql`${held} and direction = 'outgoing'`;
  const { rows } = await sql<Record<WaitingKind, string>>`
    select
      (select count(*) from messages where ${own} and status = 'pending' and handed_at is null) as unsent,
      (select count(*) from messages where ${own} and status = 'pending' and handed_at is not null) as unacked,
      (select count(*) from messages where ${own} and status = 'deferred') as deferred,
      (select count(*) from messages where ${own} and status = 'unknown') as unknown,
      (select count(*) from messages where ${held} and media_status = 'pending') as media`.execute(db);
  const [row] = rows;
  return new Map(WAITING_KINDS.map((kind) => [kind, Number(row?.[kind] ?? 0)]));
}

/** When sealed sessions were sealed; undefined if there is none. */
export interface SealedSince {
  /** The newest generation of the account whose newest is the oldest: so far back a restore would go. */
  readonly newestOfWorst: Date | undefined;
  /** The oldest generation that is kept of any account. */
  readonly oldest: Date | undefined;
}

/** Of linked accounts, as the index knows it. */
export async function findSealedSince(db: Executor, instanceId: InstanceId): Promise<SealedSince> {
  const { rows } = await sql<{ worst: Date | null; oldest: Date | null }>`
    select min(newest) as worst, min(oldest) as oldest
    from (
      select max(sealed_at) as newest, min(sealed_at) as oldest
      from vault_snapshots join accounts on accounts.id = account_id
      where instance_id = ${instanceId} and ${isKept} and linked and generation > vault_wiped_through
      group by account_id
    ) as sealed`.execute(db);
  return { newestOfWorst: rows[0]?.worst ?? undefined, oldest: rows[0]?.oldest ?? undefined };
}
