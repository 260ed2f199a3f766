/**
 * The slots of the daily limit: each outgoing message has one of a date (`messages.slot_date`) from its acceptance on, or
 * it is deferred. `account_usage.taken` is the number of messages that have one of that date, and `allowed` the limit
 * that they are held against. A message that was handed over keeps its slot of that date for good, unless it never left.
 *
 * Where messages wait, slots go by the order of acceptance (`seq`): while a message is deferred its day is full, so none
 * that is accepted later gets ahead of it. What gives room (a new date, a higher limit, a slot that comes back) deals
 * the slots out anew in the same transaction.
 *
 * Whoever moves more than one slot, or locks rows of messages that wait, holds the account's lock first (`lockLimits`), then
 * the rows of the waiting messages or of the day. Taking a slot for a new message is one statement, which needs
 * no lock but that of the day's row.
 *
 * What becomes of other messages on the way is added to `changes`, for the log, which is written at the end of the
 * transaction.
 */
import { sql } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import { type FullDay, roomOf } from '../limits/daily-limit.ts';
import { type ChangedRow, type MessageChange, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';
import { countUsage } from './usage-store.ts';

/** What a message that asks for a slot is told. `date` is the account's local date, as YYYY-MM-DD. */
export type Slot =
  | { readonly kind: 'taken'; readonly date: string }
  | ({ readonly kind: 'full'; readonly date: string } & FullDay);

/** What dealing the slots of a date out came to. */
export interface Deal {
  readonly date: string;
  /** Whether no slot is left. */
  readonly isFull: boolean;
  /** Messages that were deferred and may leave now. */
  readonly released: number;
  /** Messages that were to leave and are deferred now. */
  readonly deferred: number;
}

/** One at a time an account, over all daemons, until the transaction ends. */
export async function lockLimits(trx: Executor, accountId: AccountId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`limits:${accountId}`}, 0))`.execute(trx);
}

/**
 * Takes a slot of the account's local date at the instant `at`, for a message that is written in the same transaction.
 * However many ask at the same time, no more get one than the limit allows. The first to touch a date opens it: those
 * that wait get their slots before.
 * @throws AppError ACCOUNT_NOT_FOUND if the account was purged
 */
export async function takeSlot(
  trx: Executor,
  accountId: AccountId,
  at: Date,
  changes: MessageChange[],
): Promise<Slot> {
  const slot = await takeSlotOfOpenDay(trx, accountId, at);
  if (slot !== undefined) return slot;
  await lockLimits(trx, accountId);
  await dealSlots(trx, accountId, at, changes);
  const retried = await takeSlotOfOpenDay(trx, accountId, at);
  if (retried === undefined) throw new AppError('ACCOUNT_NOT_FOUND');
  return retried;
}

/** The same for a message that waits if the day is full, and is counted as deferred then. */
export async function takeSlotOrDefer(
  trx: Executor,
  accountId: AccountId,
  at: Date,
  changes: MessageChange[],
): Promise<Slot> {
  // Held until the message is written: else room that comes up in between would pass it by.
  await lockLimits(trx, accountId);
  const slot = await takeSlot(trx, accountId, at, changes);
  if (slot.kind === 'full') await countUsage(trx, accountId, 'deferred', at);
  return slot;
}

/** The account's date at the instant `at` if it is full, without taking anything: a moment later it may be otherwise. */
export async function findFullDay(
  db: Executor,
  accountId: AccountId,
  at: Date,
): Promise<FullDay | undefined> {
  const { rows } = await sql<DayRow>`
    select t.date::text, t.next_at, u.allowed, u.taken >= u.allowed as "isFull"
    from ${today(accountId, at)} t
    join account_usage u on u.account_id = t.account_id and u.local_date = t.date`.execute(db);
  const [row] = rows;
  if (row?.isFull !== true || row.allowed === null) return undefined;
  return { dailyLimit: row.allowed, nextAt: row.next_at };
}

/** A date of an account, as the statements of slots answer it. */
export interface DayRow {
  readonly date: string;
  readonly next_at: Date;
  readonly allowed: number | null;
  readonly isFull: boolean | null;
}

/** The account's local date at an instant, and the first instant of the next. A midnight that a zone skips is its next. */
export function today(accountId: AccountId, at: Date) {
  return sql`(
    select id as account_id, date, (date + 1)::timestamp at time zone timezone as next_at
    from (
      select id, timezone, (${at}::timestamptz at time zone timezone)::date as date
      from accounts where id = ${accountId}::uuid
    ) a
  )`;
}

/** Undefined if the date's slots were not dealt out yet; then nothing was locked. */
async function takeSlotOfOpenDay(trx: Executor, accountId: AccountId, at: Date): Promise<Slot | undefined> {
  const { rows } = await sql<Omit<DayRow, 'isFull'> & { readonly isTaken: boolean }>`
    with today as ${today(accountId, at)}, took as (
      update account_usage u set taken = u.taken + 1 from today t
      where u.account_id = t.account_id and u.local_date = t.date and u.taken < u.allowed
      returning u.local_date
    )
    select t.date::text, t.next_at, u.allowed, exists (select from took) as "isTaken"
    from today t
    left join account_usage u on u.account_id = t.account_id and u.local_date = t.date`.execute(trx);
  const [row] = rows;
  if (row === undefined || row.allowed === null) return undefined;
  const { date } = row;
  return row.isTaken
    ? { kind: 'taken', date }
    : { kind: 'full', date, dailyLimit: row.allowed, nextAt: row.next_at };
}

/**
 * Deals the slots of the account's local date at the instant `at` out to the messages that wait, in the order in which
 * they were accepted; who gets none is deferred. Call it with the lock held. Repeating it changes nothing. Undefined if
 * the account was purged.
 */
export async function dealSlots(
  trx: Executor,
  accountId: AccountId,
  at: Date,
  changes: MessageChange[],
): Promise<Deal | undefined> {
  const { rows } = await sql<{ date: string; taken: number; allowed: number }>`
    insert into account_usage as old (account_id, local_date, allowed)
    select id, (${at}::timestamptz at time zone timezone)::date, daily_limit
    from accounts where id = ${accountId}::uuid
    on conflict (account_id, local_date) do update set allowed = excluded.allowed
    returning local_date::text as date, taken, allowed`.execute(trx);
  const [day] = rows;
  if (day === undefined) return undefined;
  const { date, allowed } = day;
  const outdated = await recallOutdated(trx, accountId, date);
  const surplus = await recallSurplus(trx, accountId, { date, count: day.taken - allowed });
  const kept = day.taken - surplus.length;
  const released = await releaseDeferred(trx, accountId, { date, count: roomOf({ allowed, taken: kept }) });
  const recalled = [...outdated, ...surplus];
  const deferred = listMissing(recalled, released);
  const freed = listMissing(released, recalled);
  const taken = kept + released.length;
  changes.push(...listStatusChanges([...deferred, ...freed]));
  if (surplus.length + released.length + deferred.length > 0) {
    await trx
      .updateTable('account_usage')
      .set({ taken, deferred: sql<number>`deferred + ${deferred.length}::integer` })
      .where('account_id', '=', accountId)
      .where('local_date', '=', date)
      .execute();
  }
  return { date, isFull: taken >= allowed, released: freed.length, deferred: deferred.length };
}

/** A message that lost its slot or got one. */
interface DealtRow extends ChangedRow {
  readonly seq: string;
}

/** Which of `these` are not among `those`. */
function listMissing(these: readonly DealtRow[], those: readonly DealtRow[]): readonly DealtRow[] {
  const known = new Set(those.map(({ id }) => id));
  return these.filter(({ id }) => !known.has(id));
}

/** In the order in which the messages were accepted. */
function listStatusChanges(rows: readonly DealtRow[]): readonly MessageChange[] {
  return rows
    .toSorted((a, b) => Number(BigInt(a.seq) - BigInt(b.seq)))
    .map((row) => rowToChange(row, 'status'));
}

/**
 * Gives the slot of a message back that never left, so that the next in line may have it; with the lock held.
 * `handed`: it was counted as sent, and was not.
 */
export async function giveBackSlot(
  trx: Executor,
  accountId: AccountId,
  slot: { readonly date: string | null; readonly handed: boolean },
  at: Date,
  changes: MessageChange[],
): Promise<void> {
  if (slot.date === null) return;
  await sql`
    update account_usage set taken = taken - 1, sent = sent - ${slot.handed ? 1 : 0}::integer
    where account_id = ${accountId}::uuid and local_date = ${slot.date}::date`.execute(trx);
  await dealSlots(trx, accountId, at, changes);
}

/**
 * Moves the slot of a message that was handed over, is known not to have left, and is handed over once more, to the
 * account's local date at the instant `at`, where it counts as sent from now on; with the lock held. If that date is full the message that was accepted last of
 * those that wait yields. False if none does: the message cannot leave on that date.
 */
export async function renewSlot(
  trx: Executor,
  { id, accountId }: { readonly id: MessageId; readonly accountId: AccountId },
  at: Date,
  changes: MessageChange[],
): Promise<boolean> {
  // Its row before that of the day: whoever stores acks locks them in this order.
  const message = await trx
    .selectFrom('messages')
    .select('slot_date')
    .where(isMessage(id))
    .forUpdate()
    .executeTakeFirst();
  const deal = await dealSlots(trx, accountId, at, changes);
  if (message === undefined || deal === undefined) return false;
  const { date, isFull } = deal;
  if (message.slot_date === date) return true;
  const yielding = isFull ? await recallSurplus(trx, accountId, { date, count: 1 }) : [];
  const yielded = yielding.length;
  changes.push(...listStatusChanges(yielding));
  if (isFull && yielded === 0) return false;
  await trx.updateTable('messages').set({ slot_date: date }).where(isMessage(id)).execute();
  await sql`
    update account_usage set
      taken = taken + case when local_date = ${date}::date then ${1 - yielded}::integer else -1 end,
      sent = greatest(0, sent + case when local_date = ${date}::date then 1 else -1 end),
      deferred = deferred + case when local_date = ${date}::date then ${yielded}::integer else 0 end
    where account_id = ${accountId}::uuid
      and local_date in (${date}::date, ${message.slot_date}::date)`.execute(trx);
  return true;
}

/** Messages that wait with a slot of another date, or none, lose it. Returns them. */
async function recallOutdated(
  trx: Executor,
  accountId: AccountId,
  date: string,
): Promise<readonly DealtRow[]> {
  const { rows } = await sql<DealtRow>`
    with outdated as (
      select id, "timestamp", slot_date from messages
      where account_id = ${accountId}::uuid and ${isWaiting} and slot_date is distinct from ${date}::date
      for update
    ), recalled as (
      update messages m set status = 'deferred', slot_date = null from outdated o
      where m.id = o.id and m."timestamp" = o."timestamp"
      returning m.id, m.seq, m.chat_id, m.phone_number, o.slot_date
    ), by_date as (
      select slot_date, count(*)::integer as slots from recalled where slot_date is not null group by slot_date
    ), given_back as (
      update account_usage u set taken = u.taken - b.slots from by_date b
      where u.account_id = ${accountId}::uuid and u.local_date = b.slot_date
    )
    select id, seq, chat_id, phone_number from recalled`.execute(trx);
  return rows;
}

/** After the limit was lowered, those that were accepted last lose their slots. Returns them. */
async function recallSurplus(
  trx: Executor,
  accountId: AccountId,
  { date, count }: { readonly date: string; readonly count: number },
): Promise<readonly DealtRow[]> {
  if (count <= 0) return [];
  const { rows } = await sql<DealtRow>`
    with surplus as (
      select id, "timestamp" from messages
      where account_id = ${accountId}::uuid and ${isWaiting} and slot_date = ${date}::date
      order by seq desc limit ${count} for update
    )
    update messages m set status = 'deferred', slot_date = null from surplus s
    where m.id = s.id and m."timestamp" = s."timestamp"
    returning m.id, m.seq, m.chat_id, m.phone_number`.execute(trx);
  return rows;
}

/** The first deferred messages get slots. Returns them. */
async function releaseDeferred(
  trx: Executor,
  accountId: AccountId,
  { date, count }: { readonly date: string; readonly count: number },
): Promise<readonly DealtRow[]> {
  if (count <= 0) return [];
  const { rows } = await sql<DealtRow>`
    with first as (
      select id, "timestamp" from messages
      where account_id = ${accountId}::uuid and direction = 'outgoing' and status = 'deferred'
      order by seq limit ${count} for update
    )
    update messages m set status = 'pending', slot_date = ${date}::date from first f
    where m.id = f.id and m."timestamp" = f."timestamp"
    returning m.id, m.seq, m.chat_id, m.phone_number`.execute(trx);
  return rows;
}

/** A message that was accepted and neither handed over nor deferred. */
const isWaiting = sql<boolean>`(direction = 'outgoing' and status = 'pending' and handed_at is null
  and bare_id is null)`;
