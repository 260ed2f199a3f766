import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { toCanonicalPeople } from '../messages/address.ts';
import type { MessageEvent, ReadMessage } from '../messages/inbound-event.ts';
import type { Direction, MessageStatus } from '../messages/message.ts';
import { findPhones } from './address-store.ts';
import type { Executor } from './database.ts';
import { type LeaseFence, NO_FENCE, selectHeld } from './lease-fence.ts';
import { isOneOfMessages } from './message-lookup.ts';
import { toStorable } from './storable-text.ts';

/** From when an account's page has to be read back. Times are milliseconds since the epoch. */
export interface CatchUpStart {
  /** Everything before is known to be taken over; null if nothing ever was. */
  readonly caughtUpTo: number | null;
  readonly firstLinkedAt: number | null;
}

/** What the database holds of a message, as far as the page may know better. */
export interface KnownMessage {
  readonly bareId: string;
  /** Null for a message that was purged: its key stays so that it is not taken over again. */
  readonly row: {
    readonly direction: Direction;
    readonly status: MessageStatus;
    readonly editedAt: number | null;
    readonly revokedAt: number | null;
    /** The latest reaction of each sender; an empty emoji took the one before back. */
    readonly reactions: readonly KnownReaction[];
    /** When each voter last voted; milliseconds since the epoch. */
    readonly votes: ReadonlyMap<string, number>;
  } | null;
}

export interface KnownReaction {
  readonly senderId: string;
  readonly emoji: string;
  readonly at: number;
  /** For how long it has been here; milliseconds. */
  readonly heldMs: number;
}

/** How far a chat is caught up. */
export interface ChatWatermark {
  readonly at: number;
  /** What the page said of its newest message then; see `ChatGlimpse`. */
  readonly mark: string;
}

/** Undefined if there is no such account. */
export async function findCatchUpStart(
  db: Executor,
  accountId: AccountId,
): Promise<CatchUpStart | undefined> {
  const row = await db
    .selectFrom('accounts')
    .select(['caught_up_to', 'first_linked_at'])
    .where('id', '=', accountId)
    .executeTakeFirst();
  return (
    row && {
      caughtUpTo: row.caught_up_to?.getTime() ?? null,
      firstLinkedAt: row.first_linked_at?.getTime() ?? null,
    }
  );
}

/** How far something is caught up, and the time now, by which a stored instant is judged. */
export interface CaughtUp {
  readonly atMs: number;
  readonly nowMs: number;
  /** Whoever has the account by now may have linked it anew: what was read of an earlier page says nothing of that one. */
  readonly fence?: LeaseFence;
}

/**
 * Moves the instant up to which the account is caught up forward; back only if it lies ahead of now: the clock was set back.
 * @throws LeaseLostError if the fence lets nothing pass
 */
export async function saveCaughtUpTo(
  db: Executor,
  accountId: AccountId,
  { fence = NO_FENCE, ...upTo }: CaughtUp,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('accounts')
    .set({ caught_up_to: laterOf(sql.ref('caught_up_to'), upTo) })
    .where('id', '=', accountId)
    .where(fence.condition(accountId))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) await fence.requireGone(db, accountId);
}

function laterOf(stored: RawBuilder<unknown>, { atMs, nowMs }: CaughtUp): RawBuilder<Date> {
  const at = sql`${new Date(atMs)}::timestamptz`;
  return sql<Date>`case when ${stored} > ${new Date(nowMs)}::timestamptz then ${at} else greatest(${stored}, ${at}) end`;
}

/** The watermarks of all chats of an account, by chat. */
export async function listChatWatermarks(
  db: Executor,
  accountId: AccountId,
): Promise<ReadonlyMap<string, ChatWatermark>> {
  const rows = await db
    .selectFrom('chat_watermarks')
    .select(['chat_id', 'at', 'mark'])
    .where('account_id', '=', accountId)
    .execute();
  return new Map(rows.map(({ chat_id, at, mark }) => [chat_id, { at: at.getTime(), mark }]));
}

/** Moves the watermarks of these chats, as `saveCaughtUpTo` moves the account's instant, and throws as it does. */
export async function saveChatWatermarks(
  db: Executor,
  accountId: AccountId,
  chats: readonly { readonly chatId: string; readonly mark: string }[],
  { fence = NO_FENCE, ...upTo }: CaughtUp,
): Promise<void> {
  if (chats.length === 0) return;
  const marks = toStorable(Object.fromEntries(chats.map(({ chatId, mark }) => [chatId, mark])));
  const { numAffectedRows } = await sql`
    with held as materialized ${selectHeld(accountId, fence)}
    insert into chat_watermarks as old (account_id, chat_id, at, mark)
    select held.id, key, ${new Date(upTo.atMs)}::timestamptz, value
    from held, json_each_text(${JSON.stringify(marks)}::json) order by key
    on conflict (account_id, chat_id) do update
    set at = ${laterOf(sql.ref('old.at'), upTo)}, mark = excluded.mark`.execute(db);
  if (numAffectedRows === 0n) await fence.requireGone(db, accountId);
}

/**
 * Which of a chat's messages are known. A message counts as known under its canonical chat and under
 * the chat of its key, since the page may have learnt the phone number behind a LID only after it was stored; and under the number that is known
 * here, which the page may have forgotten.
 */
export async function listKnownMessages(
  db: Executor,
  accountId: AccountId,
  events: readonly Pick<MessageEvent, 'chatId' | 'key'>[],
): Promise<readonly KnownMessage[]> {
  if (events.length === 0) return [];
  const named = events.flatMap(({ chatId, key }) => [chatId, key.chatId]);
  const phones = await findPhones(db, accountId, named);
  const chatIds = toStorable([...new Set([...named, ...phones.values()])]);
  const bareIds = toStorable(events.map(({ key }) => key.bareId));
  const keys = await db
    .selectFrom('message_keys')
    .select(['bare_id', 'message_id'])
    .where('account_id', '=', accountId)
    .where('chat_id', 'in', chatIds)
    .where('bare_id', 'in', bareIds)
    .execute();
  const rows = await findStates(
    db,
    keys.map(({ message_id }) => message_id),
  );
  return keys.map(({ bare_id, message_id }) => ({ bareId: bare_id, row: rows.get(message_id) ?? null }));
}

/** In a query of its own: the ids of the keys say in which partitions the rows lie. */
async function findStates(
  db: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, NonNullable<KnownMessage['row']>>> {
  if (ids.length === 0) return new Map();
  const reactions = await findReactions(db, ids);
  const votes = await findVotes(db, ids);
  const rows = await db
    .selectFrom('messages')
    .select(['id', 'direction', 'status', 'edited_at', 'revoked_at'])
    .where(isOneOfMessages(ids))
    .execute();
  return new Map(
    rows.map(({ id, direction, status, edited_at, revoked_at }) => [
      id,
      {
        direction: direction as Direction,
        status: status as MessageStatus,
        editedAt: edited_at?.getTime() ?? null,
        revokedAt: revoked_at?.getTime() ?? null,
        reactions: reactions.get(id) ?? [],
        votes: votes.get(id) ?? new Map(),
      },
    ]),
  );
}

async function findReactions(
  db: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, KnownReaction[]>> {
  const rows = await db
    .selectFrom('message_reactions as r')
    .leftJoin('addresses as a', (join) =>
      join.onRef('a.account_id', '=', 'r.account_id').onRef('a.lid', '=', 'r.sender_id'),
    )
    .select(['r.message_id', 'r.emoji', 'r.reacted_at'])
    .select(sql<string>`coalesce(a.phone, r.sender_id)`.as('sender_id'))
    .select(
      sql<number>`(extract(epoch from clock_timestamp() - r.stored_at) * 1000)::double precision`.as(
        'held_ms',
      ),
    )
    .where('r.message_id', 'in', ids)
    .orderBy('r.reacted_at')
    .execute();
  // Of one person under two addresses the latest counts.
  const found = new Map<string, Map<string, KnownReaction>>();
  for (const { message_id, sender_id, emoji, reacted_at, held_ms: heldMs } of rows) {
    const known = found.get(message_id) ?? new Map<string, KnownReaction>();
    known.set(sender_id, { senderId: sender_id, emoji, at: reacted_at.getTime(), heldMs });
    found.set(message_id, known);
  }
  return new Map([...found].map(([id, known]) => [id, [...known.values()]]));
}

/** When each voter last voted, by voter. */
async function findVotes(
  db: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
  const rows = await db
    .selectFrom('poll_votes')
    .select(['message_id', 'voter_id', 'voted_at'])
    .where('message_id', 'in', ids)
    .execute();
  const found = new Map<string, Map<string, number>>();
  for (const { message_id, voter_id, voted_at } of rows) {
    const known = found.get(message_id) ?? new Map<string, number>();
    found.set(message_id, known.set(voter_id, voted_at.getTime()));
  }
  return found;
}

/** The messages with those who reacted and voted under the names by which they are filed. */
export async function toFiledPeople<Place extends Pick<ReadMessage, 'reactions' | 'votes'>>(
  db: Executor,
  accountId: AccountId,
  places: readonly Place[],
): Promise<readonly Place[]> {
  const people = places.flatMap(({ reactions = [], votes = [] }) => [
    ...reactions.map(({ senderId }) => senderId),
    ...votes.map(({ voterId }) => voterId),
  ]);
  const phones = await findPhones(db, accountId, people);
  return phones.size === 0 ? places : places.map((place) => toCanonicalPeople(place, phones));
}
