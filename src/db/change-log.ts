import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { recordset } from './recordset.ts';
import { noteNews } from './transaction.ts';

/**
 * What happened to a message: it became known, got another status, was edited, was revoked, its media was stored or given up;
 * somebody reacted to it, voted in it, or took that back.
 */
export type ChangeKind = 'message' | 'status' | 'edit' | 'revoke' | 'media' | 'reaction' | 'vote';

/** Something that happened to a message of a chat. */
export interface MessageChange {
  readonly message_id: string;
  readonly chat_id: string;
  /** E.164; null for groups and where it is not known. */
  readonly phone_number: string | null;
  readonly kind: ChangeKind;
  /** When a message was said in the chat by it, received or handed over; else null. */
  readonly message_at: Date | null;
  readonly is_incoming: boolean;
}

/** What of a message's row is told on. */
export interface ChangedRow {
  readonly id: string;
  readonly chat_id: string;
  readonly phone_number: string | null;
}

/** That an outgoing message became known, or is on another step of its way. Its chat is as it was: nothing was said by it. */
export function rowToChange(
  { id, chat_id, phone_number }: ChangedRow,
  kind: 'message' | 'status',
): MessageChange {
  return { message_id: id, chat_id, phone_number, kind, message_at: null, is_incoming: false };
}

/** What changes come to for their chat. */
interface ChatNews {
  readonly chat_id: string;
  phone_number: string | null;
  last_message_at: Date | null;
  last_incoming_at: Date | null;
  changes: number;
}

const NEWS_COLUMNS = {
  chat_id: 'text',
  phone_number: 'text',
  last_message_at: 'timestamptz',
  last_incoming_at: 'timestamptz',
  changes: 'bigint',
} as const satisfies Record<keyof ChatNews, string>;

/** `later`: how many changes of the same chat come after it. */
const LOG_COLUMNS = { message_id: 'uuid', chat_id: 'text', kind: 'text', later: 'bigint', place: 'integer' };

/**
 * Writes changes into the log, in their order, and keeps the chats' latest times: once, as the last that a transaction
 * does which changes messages. It locks the chats in the order of their ids; whoever did so twice, or locked rows of
 * messages or days afterwards, could wait for somebody who waits for it. Numbers within a chat have no gaps, and whoever has read up to one misses none
 * before it: the chat's row is locked until the transaction ends.
 */
export async function appendChanges(
  trx: Executor,
  accountId: AccountId,
  changes: readonly MessageChange[],
): Promise<void> {
  if (changes.length === 0) return;
  noteNews(trx);
  const { news, log } = changesToNews(changes);
  await sql`
    with counted as (
      insert into chats as old (account_id, chat_id, phone_number, last_message_at, last_incoming_at, last_seq)
      select ${accountId}::uuid, r.chat_id, r.phone_number, r.last_message_at, r.last_incoming_at, r.changes
      from ${recordset(news, NEWS_COLUMNS)}
      order by r.chat_id
      on conflict (account_id, chat_id) do update set
        last_message_at = greatest(old.last_message_at, excluded.last_message_at),
        last_incoming_at = greatest(old.last_incoming_at, excluded.last_incoming_at),
        last_seq = old.last_seq + excluded.last_seq,
        updated_at = now()
      returning chat_id, last_seq
    )
    insert into message_changes (account_id, chat_id, chat_seq, message_id, kind)
    select ${accountId}::uuid, r.chat_id, counted.last_seq - r.later, r.message_id, r.kind
    from ${recordset(log, LOG_COLUMNS)} join counted on counted.chat_id = r.chat_id
    order by r.place`.execute(trx);
}

/** Counted here: PostgreSQL would sort them by chat to number them. */
function changesToNews(changes: readonly MessageChange[]) {
  const news = new Map<string, ChatNews>();
  const log: { message_id: string; chat_id: string; kind: ChangeKind; later: number; place: number }[] = [];
  for (const [place, change] of [...changes.entries()].reverse()) {
    const { message_id, chat_id, kind } = change;
    const of = news.get(chat_id) ?? noNews(change);
    news.set(chat_id, of);
    log.push({ message_id, chat_id, kind, later: of.changes, place });
    of.changes += 1;
    of.phone_number ??= change.phone_number;
    of.last_message_at = latest(of.last_message_at, change.message_at);
    if (change.is_incoming) of.last_incoming_at = latest(of.last_incoming_at, change.message_at);
  }
  return { news: [...news.values()], log };
}

function noNews({ chat_id }: MessageChange): ChatNews {
  return { chat_id, phone_number: null, last_message_at: null, last_incoming_at: null, changes: 0 };
}

function latest(known: Date | null, at: Date | null): Date | null {
  return known !== null && (at === null || known > at) ? known : at;
}
