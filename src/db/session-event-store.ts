import { sql } from 'kysely';
import type { SessionAlert } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { ReasonCode } from '../accounts/reason.ts';
import type { SessionState } from '../accounts/state.ts';
import type { Executor } from './database.ts';
import { toStorable } from './storable-text.ts';
import { noteNews } from './transaction.ts';

/** How long the history of a session is kept. */
const KEPT = '90 days';

/** A state that an account has entered, as its history keeps it. */
export interface StateEntry {
  readonly accountId: AccountId;
  readonly instanceId: InstanceId | null;
  readonly state: SessionState;
  readonly reason: ReasonCode | null;
  readonly attempt?: number | undefined;
  readonly error?: string | undefined;
}

/**
 * Appends a state to the history, to be told on, unless it is the last one there: a repeated write enters nothing twice.
 * True if it was entered.
 */
export async function appendState(trx: Executor, entry: StateEntry): Promise<boolean> {
  const last = await trx
    .selectFrom('session_events')
    .select(['state', 'reason', 'attempt'])
    .where('account_id', '=', entry.accountId)
    .where('kind', '=', 'state')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  const attempt = entry.attempt ?? null;
  if (last?.state === entry.state && last.reason === entry.reason && last.attempt === attempt) return false;
  noteNews(trx);
  await trx
    .insertInto('session_events')
    .values({
      account_id: entry.accountId,
      kind: 'state',
      state: entry.state,
      reason: entry.reason,
      attempt,
      text: toStorable(entry.error ?? null),
      instance_id: entry.instanceId,
    })
    .execute();
  return true;
}

/**
 * The same for many accounts at once, which enter one state for the same reason. Returns for how many it was entered.
 */
export async function appendStates(
  trx: Executor,
  accountIds: readonly AccountId[],
  { instanceId, state, reason }: Pick<StateEntry, 'instanceId' | 'state' | 'reason'>,
): Promise<number> {
  const { rows } = await sql`
    insert into session_events (account_id, kind, state, reason, instance_id)
    select account.id, 'state', ${state}::text, ${reason}::text, ${instanceId}::text
    from unnest(${accountIds}::uuid[]) as account (id)
    left join lateral (
      select e.state, e.reason, e.attempt from session_events e
      where e.account_id = account.id and e.kind = 'state' order by e.id desc limit 1) last on true
    where (last.state, last.reason, last.attempt) is distinct from (${state}::text, ${reason}::text, null::integer)
    returning id`.execute(trx);
  if (rows.length > 0) noteNews(trx);
  return rows.length;
}

/** Appends an alert to the history, to be told on. */
export async function appendAlert(trx: Executor, accountId: AccountId, alert: SessionAlert): Promise<void> {
  noteNews(trx);
  await trx
    .insertInto('session_events')
    .values({
      account_id: accountId,
      kind: 'alert',
      state: null,
      reason: alert.reason,
      attempt: null,
      text: toStorable(`${alert.kind}: ${alert.text}`),
      instance_id: sql<string | null>`(select instance_id from accounts where id = ${accountId})`,
    })
    .execute();
}

/** The attempt to reconnect that an account has entered last; null if its last state is no such attempt. */
export async function findAttempt(db: Executor, accountId: AccountId): Promise<number | null> {
  const last = await db
    .selectFrom('session_events')
    .select('attempt')
    .where('account_id', '=', accountId)
    .where('kind', '=', 'state')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last?.attempt ?? null;
}

/** Deletes history that nobody will ask for any more. Returns how many rows that was. */
export async function deleteOldSessionEvents(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('session_events')
    .where('at', '<', sql<Date>`now() - ${KEPT}::interval`)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
