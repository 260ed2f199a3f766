/**
 * What instances ask of each other, as rows: of the run that is to do it, until that one has answered. Both the question and
 * the answer are notified in the statement that writes them. A run that ends takes its calls along.
 */
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { CallOutcome, SessionCall } from '../instances/session-call.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { toStorable } from './storable-text.ts';

/** Hears `asked:<run>` and `answered:<id of the call>`. */
export const SESSION_CALLS_CHANNEL = 'switchboard_session_calls';

const FOREIGN_KEY_VIOLATION = '23503';
/** A caller that lives has removed its call so long after its deadline. */
const LEFT_AFTER = '1 minute';

/** A call that its run has taken on. */
export interface ClaimedCall {
  readonly id: string;
  readonly accountId: AccountId;
  readonly call: SessionCall;
  readonly withinMs: number;
}

export interface NewCall {
  readonly run: number;
  readonly accountId: AccountId;
  readonly call: SessionCall;
  /** From now on, after which it is not begun any more. */
  readonly withinMs: number;
}

/** What is in the column `call`. */
interface StoredCall {
  readonly call: SessionCall;
  readonly withinMs: number;
}

/** Asks, and wakes the run; its id, or undefined if there is no such run any more. */
export async function insertCall(
  db: Executor,
  { run, accountId, call, withinMs }: NewCall,
): Promise<string | undefined> {
  const stored: StoredCall = toStorable({ call, withinMs });
  try {
    const { rows } = await sql<{ id: string }>`
      with asked as (
        insert into session_calls (run, account_id, call)
        select run, ${accountId}::uuid, ${JSON.stringify(stored)}::jsonb from instances where run = ${run}
        returning id
      )
      select id::text, pg_notify(${SESSION_CALLS_CHANNEL}, ${`asked:${run}`}) from asked`.execute(db);
    return rows[0]?.id;
  } catch (thrown) {
    // It has ended between the look and the row.
    if (findSqlState(thrown) === FOREIGN_KEY_VIOLATION) return undefined;
    throw thrown;
  }
}

/**
 * Takes on all calls of the run that nobody has begun and whose time is not over, each of them once, in the order in which
 * they were asked. What callers have left behind is removed.
 */
export async function claimCalls(db: Executor, run: number): Promise<readonly ClaimedCall[]> {
  const begun: CallOutcome = { kind: 'begun' };
  const endsAt = sql`asked_at + (call->>'withinMs')::integer * interval '1 millisecond'`;
  const { rows } = await sql<{ id: string; account_id: string; call: StoredCall }>`
    with left_behind as (
      delete from session_calls where run = ${run} and ${endsAt} < clock_timestamp() - ${LEFT_AFTER}::interval
    ), claimed as (
      update session_calls set outcome = ${JSON.stringify(begun)}::jsonb
      where run = ${run} and outcome is null and ${endsAt} > clock_timestamp()
      returning id, account_id, call
    )
    select id::text, account_id, call from claimed order by claimed.id`.execute(db);
  return rows.map(({ id, account_id, call }) => ({ id, accountId: account_id as AccountId, ...call }));
}

/** Answers a call that was begun, and wakes its caller. Nothing happens if that one waits no longer. */
export async function saveOutcome(db: Executor, id: string, outcome: CallOutcome): Promise<void> {
  await sql`
    with answered as (
      update session_calls set outcome = ${JSON.stringify(toStorable(outcome))}::jsonb where id = ${id}::bigint
      returning id
    )
    select pg_notify(${SESSION_CALLS_CHANNEL}, 'answered:' || id) from answered`.execute(db);
}

/** How a call stands: null if nobody has begun it; undefined if it is gone, with the run that was asked. */
export async function findOutcome(db: Executor, id: string): Promise<CallOutcome | null | undefined> {
  const row = await db.selectFrom('session_calls').select('outcome').where('id', '=', id).executeTakeFirst();
  return row && (row.outcome as CallOutcome | null);
}

/** Takes a call back; one that was not begun never is. */
export async function deleteCall(db: Executor, id: string): Promise<void> {
  await db.deleteFrom('session_calls').where('id', '=', id).execute();
}
