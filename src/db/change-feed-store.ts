/**
 * What has happened and was not told on yet: changes of messages, by a cursor for each chat, and entries of the accounts'
 * history. Ids of the log do not follow the order of commits, so that a cursor over all of it could pass over rows; the
 * numbers within a chat have no gaps, and a chat's row is locked until those who count in it have committed.
 *
 * Chats that somebody is counting in are left for the next time, so that a reader waits for nobody and nobody waits for more
 * than the moment in which it moves cursors.
 */
import { sql } from 'kysely';
import type { AccountId, MessageId, TenantId } from '../accounts/ids.ts';
import type { ChangeKind } from './change-log.ts';
import type { Executor } from './database.ts';
import { recordset } from './recordset.ts';
import { transact } from './transaction.ts';

/** Chats that are taken at a time, and changes of each. */
const CHATS = 100;
const CHANGES = 50;
/** Entries of the accounts' history that are taken at a time. */
const NEWS = 200;
/** Chats that are passed over at a time. */
const PASSED = 1_000;

/** A change of a message, to be told on. */
export interface FeedChange {
  /** Its number in the log: the same whenever it is told. */
  readonly id: string;
  readonly tenantId: TenantId;
  readonly accountId: AccountId;
  readonly chatId: string;
  /** 1, 2, 3 … within the chat, without gaps, until the chat is merged with another. */
  readonly chatSeq: string;
  readonly messageId: MessageId;
  readonly kind: ChangeKind;
  /** When its transaction began. */
  readonly at: Date;
  /** Which transaction that was; null where it was not kept. */
  readonly xid: string | null;
}

/** An entry of an account's history, to be told on. */
export interface AccountNews {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly accountId: AccountId;
  readonly kind: 'state' | 'alert' | 'health' | 'limit';
  readonly state: string | null;
  readonly reason: string | null;
  readonly attempt: number | null;
  readonly text: string | null;
  /** Of `health` and `limit`: see account-news-store.ts. */
  readonly data: object | null;
  readonly at: Date;
  /** The transaction that wrote it; null where it was not kept. */
  readonly xid: string | null;
}

/** What one transaction tells on. */
export interface FeedBatch {
  /** It is counted as it is taken; where it is empty this is the number of the one before. */
  readonly number: string;
  /** Those of a chat in their order. */
  readonly changes: readonly FeedChange[];
  /** Those of an account in their order. */
  readonly news: readonly AccountNews[];
  /** Whether there may be more. */
  readonly hasMore: boolean;
}

/**
 * Takes what is to be told on and marks it as told, in the caller's transaction: it is told to whoever commits. Of two who
 * take at the same moment each gets what the other does not.
 */
export async function takeBatch(trx: Executor): Promise<FeedBatch> {
  const [changes, isFull] = await takeChanges(trx);
  const news = await takeNews(trx);
  const number = await countBatch(trx, changes.length + news.length === 0);
  return { number, changes, news, hasMore: isFull || news.length === NEWS };
}

/** Says that somebody has read, and what: feed-progress.ts compares it with what was told. The number of the batch. */
async function countBatch(trx: Executor, isEmpty: boolean): Promise<string> {
  const { rows } = await sql<{ taken: string }>`
    update change_feed set read_at = now(), taken = taken + ${isEmpty ? 0 : 1} returning taken::text`.execute(
    trx,
  );
  return rows[0]?.taken ?? '0';
}

interface BehindRow {
  readonly account_id: string;
  readonly chat_id: string;
  readonly told_seq: string;
  readonly last_seq: string;
}

async function takeChanges(trx: Executor): Promise<[readonly FeedChange[], boolean]> {
  const { rows: chats } = await sql<BehindRow>`
    select account_id, chat_id, told_seq::text, last_seq::text from chats where is_behind
    limit ${CHATS} for update skip locked`.execute(trx);
  if (chats.length === 0) return [[], false];
  // A statement of its own, which sees all that was counted before the locks were had.
  const columns = { account_id: 'uuid', chat_id: 'text', told_seq: 'bigint', last_seq: 'bigint' };
  const { rows } = await sql<FeedChange>`
    select m.id::text, a.tenant_id as "tenantId", m.account_id as "accountId", m.chat_id as "chatId",
      m.chat_seq::text as "chatSeq", m.message_id as "messageId", m.kind, m.created_at as at, m.xid::text
    from ${recordset(chats, columns)}
    join accounts a on a.id = r.account_id
    cross join lateral (
      select * from message_changes where account_id = r.account_id and chat_id = r.chat_id
        and chat_seq > r.told_seq and chat_seq <= r.last_seq
      order by chat_seq limit ${CHANGES}
    ) m
    order by m.account_id, m.chat_id, m.chat_seq`.execute(trx);
  const isFull = await moveCursors(trx, chats, rows);
  return [rows, isFull || chats.length === CHATS];
}

/** True if some chat has more than was read of it. */
async function moveCursors(
  trx: Executor,
  chats: readonly BehindRow[],
  changes: readonly FeedChange[],
): Promise<boolean> {
  const read = new Map<string, { count: number; last: string }>();
  for (const { accountId, chatId, chatSeq } of changes) {
    const name = `${accountId} ${chatId}`;
    read.set(name, { count: (read.get(name)?.count ?? 0) + 1, last: chatSeq });
  }
  const moves = chats.map(({ account_id, chat_id, last_seq }) => {
    const of = read.get(`${account_id} ${chat_id}`);
    // What was too old to be kept, or of an account that was purged, leaves numbers without rows.
    return { account_id, chat_id, to_seq: of?.count === CHANGES ? of.last : last_seq, last_seq };
  });
  const columns = { account_id: 'uuid', chat_id: 'text', to_seq: 'bigint' };
  await sql`
    update chats set told_seq = r.to_seq from ${recordset(moves, columns)}
    where chats.account_id = r.account_id and chats.chat_id = r.chat_id`.execute(trx);
  return moves.some(({ to_seq, last_seq }) => to_seq !== last_seq);
}

/** Entries of one account are committed one after another, since each changes or locks its row or is its only one. */
async function takeNews(trx: Executor): Promise<readonly AccountNews[]> {
  const { rows } = await sql<AccountNews>`
    with taken as (
      select id from session_events where not told order by id limit ${NEWS} for update skip locked
    ), told as (
      update session_events e set told = true from taken where e.id = taken.id returning e.*
    )
    select told.id::text, tenant_id as "tenantId", account_id as "accountId", kind, told.state, told.reason,
      attempt, text, data, at, xid::text
    from told join accounts on accounts.id = told.account_id
    order by told.id`.execute(trx);
  return rows;
}

/**
 * Says that somebody reads now. If nobody has for longer than `gapMs` milliseconds, what has happened until now is passed over
 * without being read: nobody was there for it. It ends as soon as somebody is owed something, who had the lock in between.
 */
export async function beginReading(
  db: Executor,
  gapMs: number,
  isOwed: (trx: Executor) => Promise<boolean>,
): Promise<void> {
  for (let isOver = false; !isOver; ) {
    isOver = await transact(db, async (trx) => {
      if (!(await lockUnread(trx, gapMs)) || (await isOwed(trx))) return true;
      await sql`update session_events set told = true where not told`.execute(trx);
      const { numAffectedRows } = await sql`
        with behind as (
          select account_id, chat_id from chats where is_behind limit ${PASSED} for update skip locked
        )
        update chats set told_seq = last_seq from behind
        where chats.account_id = behind.account_id and chats.chat_id = behind.chat_id`.execute(trx);
      if (Number(numAffectedRows ?? 0) === PASSED) return false;
      await sql`update change_feed set read_at = now()`.execute(trx);
      return true;
    });
  }
}

/** Keeps others from passing anything over until the transaction ends; true if nobody has read for so long. */
async function lockUnread(trx: Executor, gapMs: number): Promise<boolean> {
  const { rows } = await sql<{ is_stale: boolean }>`
    select read_at is null or read_at < now() - ${gapMs}::float8 * interval '1 millisecond' as is_stale
    from change_feed for update`.execute(trx);
  return rows[0]?.is_stale === true;
}

/** The same for who subscribes: what happens from then on is not passed over. */
export async function lockFeed(trx: Executor): Promise<void> {
  await lockUnread(trx, 0);
}
