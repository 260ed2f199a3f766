/** What an account's pace is made of: the lanes of its chats, what became of its last messages, WhatsApp's capping. */
import { type RawBuilder, sql } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import type { PacingConfig } from '../config/config.ts';
import { latestCredibleMs } from '../lib/instant-age.ts';
import type { Breaker, BreakerCause, BreakerFacts } from '../limits/breaker.ts';
import { COOL_DOWN_MS } from '../limits/breaker.ts';
import { type Capping, cappingToRest, REACH_OUT_LOCKED } from '../limits/capping.ts';
import { LONGEST_PAUSE_MS } from '../limits/jitter.ts';
import { type Lane, REPLY_WINDOW_HOURS } from '../limits/lane.ts';
import { type Candidate, isPaced, type Pace, type PaceRecord, recordToPace } from '../limits/pace.ts';
import type { Executor } from './database.ts';
import { type LeaseFence, NO_FENCE, selectHeld } from './lease-fence.ts';
import { isSendable, isSince } from './sendable.ts';

/** What was handed over so long ago has no part in an account's pace; milliseconds. */
export const PACE_WINDOW_MS = 26 * 3_600_000;

/** The lane of a chat at the instant `at`, as SQL. `chatId` is the canonical id, or the column that holds it. */
export function laneOf(accountId: AccountId, chatId: RawBuilder<unknown>, at: Date): RawBuilder<Lane> {
  return sql<Lane>`(case when ${chatId} not like '%@c.us' and ${chatId} not like '%@lid' then 'known' else coalesce((
    select case
      when c.last_incoming_at > ${at}::timestamptz - make_interval(hours => ${REPLY_WINDOW_HOURS}) then 'reply'
      when c.last_incoming_at is not null then 'known'
    end
    from chats c where c.account_id = ${accountId}::uuid and c.chat_id = ${chatId}), 'stranger') end)`;
}

/** Until when the account may not write to people who never wrote to it, as the page told it; null if it may. As SQL. */
function cappedUntil(accountId: AccountId, at: Date): RawBuilder<Date | null> {
  return sql<Date | null>`(
    select capping_until from account_pace where account_id = ${accountId}::uuid and capping_until > ${at}::timestamptz)`;
}

/** That it may write to them at the instant `at`, as SQL. */
export function mayWriteToStrangers(accountId: AccountId, at: Date): RawBuilder<boolean> {
  return sql<boolean>`not exists (
    select from account_pace where account_id = ${accountId}::uuid and capping_until > ${at}::timestamptz)`;
}

/** WhatsApp's lock for new chats. */
const isLocked = sql<boolean>`failed_reason = ${REACH_OUT_LOCKED}`;

/** When something of an account's pace is written down, and under which lease. */
interface PaceWrite {
  readonly at: Date;
  readonly fence?: LeaseFence;
}

/**
 * Writes down what the page told of WhatsApp's capping at the instant `at`.
 * @throws LeaseLostError if the fence lets nothing pass: whoever has the account by now asks the page itself
 */
export async function saveCapping(
  db: Executor,
  accountId: AccountId,
  capping: Capping,
  { at, fence = NO_FENCE }: PaceWrite,
): Promise<void> {
  const until = cappingToRest(capping, at.getTime());
  const told = JSON.stringify({ ...capping, readAt: at });
  const { numAffectedRows } = await sql`
    insert into account_pace (account_id, capping, capping_until, updated_at)
    select held.id, ${told}::jsonb, ${until === null ? null : new Date(until)}::timestamptz, ${at}::timestamptz
    from ${selectHeld(accountId, fence)} held
    on conflict (account_id) do update set
      capping = excluded.capping, capping_until = excluded.capping_until, updated_at = excluded.updated_at`.execute(
    db,
  );
  if (numAffectedRows === 0n) await fence.requireGone(db, accountId);
}

/** Writes down how the breaker is from the instant `at` on. @throws LeaseLostError as `saveCapping` does */
export async function saveBreaker(
  db: Executor,
  accountId: AccountId,
  { state, openedAt, openedBy }: Breaker,
  { at, fence = NO_FENCE }: PaceWrite,
): Promise<void> {
  const since = openedAt === null ? null : new Date(openedAt);
  const { numAffectedRows } = await sql`
    insert into account_pace (account_id, breaker, opened_at, opened_by, updated_at)
    select held.id, ${state}::text, ${since}::timestamptz, ${openedBy}::text, ${at}::timestamptz
    from ${selectHeld(accountId, fence)} held
    on conflict (account_id) do update set
      breaker = excluded.breaker, opened_at = excluded.opened_at, opened_by = excluded.opened_by,
      updated_at = excluded.updated_at`.execute(db);
  if (numAffectedRows === 0n) await fence.requireGone(db, accountId);
}

/** The first message of each lane that may be sent, outside the chats that are blocked. */
export async function listFirstOfLanes(
  db: Executor,
  accountId: AccountId,
  {
    blockedChats,
    at,
    since,
  }: { readonly blockedChats: readonly string[]; readonly at: Date; readonly since?: Date | undefined },
): Promise<readonly (Candidate & { readonly id: MessageId })[]> {
  const { rows } = await sql<Candidate & { readonly id: MessageId }>`
    with heads as materialized (
      select distinct on (chat_id) id, seq, chat_id from messages
      where ${isSendable(accountId, blockedChats, since)}
      order by chat_id, seq
    )
    select distinct on (lane) id, lane
    from (select id, seq, ${laneOf(accountId, sql`heads.chat_id`, at)} as lane from heads) laned
    order by lane, seq`.execute(db);
  return rows;
}

/** What an account's pace is read for. `since`: see `findOpenSince`. */
export interface PaceTerms {
  readonly pacing: PacingConfig;
  readonly at: Date;
  readonly since?: Date | undefined;
}

/** The account's pace at the instant `at`, and its breaker as it is stored and as it is from now on. */
export async function readPace(db: Executor, accountId: AccountId, terms: PaceTerms): Promise<PaceNow> {
  const { rows } = await sql<{ until: Date | null }>`
    select ${cappedUntil(accountId, terms.at)} as until`.execute(db);
  return findPace(db, accountId, rows[0]?.until ?? null, terms);
}

/** The same, and the lane of a chat: all that a claim goes by, in one statement where nothing else is switched on. */
export async function readLaneAndPace(
  db: Executor,
  accountId: AccountId,
  chatId: string,
  terms: PaceTerms,
): Promise<Pick<PaceNow, 'pace'> & { readonly lane: Lane }> {
  const { rows } = await sql<{ lane: Lane; until: Date | null }>`
    select ${laneOf(accountId, sql`${chatId}::text`, terms.at)} as lane,
      ${cappedUntil(accountId, terms.at)} as until`.execute(db);
  const { pace } = await findPace(db, accountId, rows[0]?.until ?? null, terms);
  return { pace, lane: rows[0]?.lane ?? 'stranger' };
}

interface PaceNow {
  readonly pace: Pace;
  readonly breaker?: { readonly before: Breaker; readonly after: Breaker };
}

async function findPace(
  db: Executor,
  accountId: AccountId,
  cappedAt: Date | null,
  { pacing, at, since }: PaceTerms,
): Promise<PaceNow> {
  const now = at.getTime();
  const capped = cappedAt?.getTime() ?? null;
  const record = isPaced(pacing) ? await findPaceRecord(db, accountId, { at, since }) : undefined;
  if (record === undefined) {
    return { pace: { now, strangersRestUntil: capped, warmUp: null, lastHandedAt: null } };
  }
  const { pace, breaker } = recordToPace(record, pacing, { cappedUntil: capped, now });
  return { pace, breaker: { before: record.breaker, after: breaker } };
}

/** Undefined if the account was purged. Its number may have been linked earlier by another account of the tenant. */
async function findPaceRecord(
  db: Executor,
  accountId: AccountId,
  { at, since }: { readonly at: Date; readonly since: Date | undefined },
): Promise<PaceRecord | undefined> {
  const { rows } = await sql<PaceRow>`
    with account as (
      select id, least(first_linked_at, (
          select min(o.first_linked_at) from accounts o
          where o.phone_number = a.phone_number and o.tenant_id = a.tenant_id)) as first_linked_at,
        date, (date + 1)::timestamp at time zone timezone as next_day_at,
        coalesce(breaker, 'closed') as breaker, opened_at, opened_by
      from (
        select *, (${at}::timestamptz at time zone timezone)::date as date
        from accounts where id = ${accountId}::uuid
      ) a
      left join account_pace p on p.account_id = a.id
    )
    select account.*, handed.*
    from account, lateral (${handedFacts(at, since)}) handed`.execute(db);
  const [row] = rows;
  return row && rowToPace(row);
}

interface PaceRow extends Omit<BreakerFacts, 'trial'> {
  readonly first_linked_at: Date | null;
  readonly next_day_at: Date;
  readonly breaker: Breaker['state'];
  readonly opened_at: Date | null;
  readonly opened_by: BreakerCause | null;
  readonly cold_today: number;
  readonly last_reply: Date | null;
  readonly last_known: Date | null;
  readonly last_stranger: Date | null;
  readonly trial_refused: number;
  readonly trial_taken: number;
  readonly trial_all: number;
}

/** Counts what was handed over within the last day or on the local date, whichever is longer: 26 hours at most. */
function handedFacts(at: Date, since: Date | undefined): RawBuilder<unknown> {
  const now = sql`${at}::timestamptz`;
  const isStranger = sql`lane = 'stranger'`;
  // Later ones were handed over before the clock was set back.
  const latest = new Date(latestCredibleMs(at.getTime(), LONGEST_PAUSE_MS));
  const isCredible = sql`handed_at <= ${latest}::timestamptz`;
  // An opening that is later was written before the clock was set back, too.
  const isAfterOpening = sql`(opened_at is null or handed_at > opened_at or opened_at > ${latest}::timestamptz)`;
  // What the page itself refused has no slot any more, and tells nothing of WhatsApp.
  const mayHaveLeft = sql`slot_date is not null`;
  const isRefused = sql`status = 'failed' and failed_code = 'SEND_REFUSED' and ${mayHaveLeft}`;
  const isTaken = sql`sent_at is not null`;
  const isRecent = sql`handed_at > ${now} - interval '1 hour' and ${isCredible}`;
  const isRipe = sql`handed_at between ${now} - interval '24 hours' and ${now} - interval '1 hour'`;
  const isTrial = sql`${isStranger} and ${mayHaveLeft} and handed_at >= opened_at + ${`${COOL_DOWN_MS} milliseconds`}::interval
    and ${isCredible}`;
  const count = (...conditions: RawBuilder<unknown>[]) =>
    sql`(count(*) filter (where ${sql.join(conditions, sql` and `)}))::integer`;
  return sql`
    select
      ${count(sql`slot_date = account.date`, sql`lane <> 'reply'`)} as cold_today,
      max(handed_at) filter (where lane = 'reply' and ${isCredible}) as last_reply,
      max(handed_at) filter (where lane = 'known' and ${isCredible}) as last_known,
      max(handed_at) filter (where ${isStranger} and ${isCredible}) as last_stranger,
      ${count(isStranger, isAfterOpening, isRecent, isRefused)} as refused,
      ${count(isStranger, isAfterOpening, isRecent, isRefused, isLocked)} as locked,
      ${count(sql`lane <> 'reply'`, isAfterOpening, isRipe, isTaken)} as taken,
      ${count(sql`lane <> 'reply'`, isAfterOpening, isRipe, isTaken, sql`delivered_at is not null`)} as delivered,
      ${count(isTrial)} as trial_all,
      ${count(isTrial, isRefused)} as trial_refused,
      ${count(isTrial, isTaken)} as trial_taken
    from messages
    where account_id = account.id and direction = 'outgoing' and handed_at > ${now} - ${`${PACE_WINDOW_MS} milliseconds`}::interval
      and ${isSince(since)}`;
}

function rowToPace(row: PaceRow): PaceRecord {
  const { refused, locked, taken, delivered } = row;
  return {
    firstLinkedAt: row.first_linked_at?.getTime() ?? null,
    nextDayAt: row.next_day_at.getTime(),
    breaker: {
      state: row.breaker,
      openedAt: row.opened_at?.getTime() ?? null,
      openedBy: row.opened_by,
    },
    breakerFacts: { refused, locked, taken, delivered, trial: rowToTrial(row) },
    coldToday: row.cold_today,
    lastHandedAt: {
      reply: row.last_reply?.getTime() ?? null,
      known: row.last_known?.getTime() ?? null,
      stranger: row.last_stranger?.getTime() ?? null,
    },
  };
}

function rowToTrial(row: PaceRow): BreakerFacts['trial'] {
  if (row.trial_taken > 0) return 'taken';
  if (row.trial_refused > 0) return 'refused';
  return row.trial_all > 0 ? 'waits' : 'none';
}
