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

const COLUMNS = {
  message_id: 'uuid',
  chat_id: 'text',
  phone_number: 'text',
  kind: 'text',
  message_at: 'timestamptz',
  is_incoming: 'boolean',
  place: 'integer',
} as const;

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
  const placed = changes.map((change, place) => ({ ...change, place }));
  await sql`
    with told as (select r.* from ${recordset(placed, COLUMNS)}),
    counted as (
      insert into chats as old (account_id, chat_id, phone_number, last_message_at, last_incoming_at, last_seq)
      select ${accountId}::uuid, chat_id, max(phone_number), max(message_at),
        max(message_at) filter (where is_incoming), count(*)
      from told group by chat_id order by chat_id
      on conflict (account_id, chat_id) do update set
        last_message_at = greatest(old.last_message_at, excluded.last_message_at),
        last_incoming_at = greatest(old.last_incoming_at, excluded.last_incoming_at),
        last_seq = old.last_seq + excluded.last_seq,
        updated_at = now()
      returning chat_id, last_seq
    )
    insert into message_changes (account_id, chat_id, chat_seq, message_id, kind)
    select ${accountId}::uuid, t.chat_id,
      c.last_seq - count(*) over (partition by t.chat_id)
        + row_number() over (partition by t.chat_id order by t.place),
      t.message_id, t.kind
    from told t join counted c on c.chat_id = t.chat_id
    order by t.place`.execute(trx);
}
