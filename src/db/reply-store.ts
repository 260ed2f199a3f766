import { sql } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import { type MessageKey, parseKeyString } from '../messages/whatsapp-key.ts';
import { canonicalChatOf } from './address-store.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';

/** What a message to be answered is called: one of ours by its id, or one by its id within WhatsApp. */
export type MessageReference =
  | { readonly by: 'id'; readonly id: MessageId }
  | {
      readonly by: 'bareId';
      readonly bareId: string;
      /** Where to look first; the rest of the account comes after. */
      readonly chatIds: readonly string[];
    };

/** The message that a reference means, of this account. */
export async function findReferredMessage(
  db: Executor,
  accountId: AccountId,
  reference: MessageReference,
): Promise<MessageId | undefined> {
  if (reference.by === 'id') {
    const row = await db
      .selectFrom('messages')
      .select('id')
      .where(isMessage(reference.id))
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    return row?.id as MessageId | undefined;
  }
  const keys = db
    .selectFrom('message_keys')
    .select('message_id')
    .where('account_id', '=', accountId)
    .where('bare_id', '=', reference.bareId)
    .limit(1);
  const near = await keys.where(sql<boolean>`chat_id = any(${reference.chatIds}::text[])`).executeTakeFirst();
  const row = near ?? (await keys.executeTakeFirst());
  return row?.message_id as MessageId | undefined;
}

/**
 * True if a message cannot be quoted in a chat: it has no key within WhatsApp, and does not wait in that chat, where it would
 * get one before an answer leaves.
 */
export async function isUnquotable(
  db: Executor,
  accountId: AccountId,
  { id, inChat }: { readonly id: MessageId; readonly inChat: string },
): Promise<boolean> {
  const row = await db
    .selectFrom('messages')
    .select(['chat_id', 'status'])
    .where(isMessage(id))
    .where('account_id', '=', accountId)
    .where('whatsapp_message_id', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return false;
  const waits = row.status === 'pending' || row.status === 'deferred';
  return !waits || row.chat_id !== (await canonicalChatOf(db, accountId, inChat));
}

/** WhatsApp's key of a message, to quote it by; undefined if it never got one. */
export async function findMessageKey(
  db: Executor,
  accountId: AccountId,
  id: MessageId,
): Promise<MessageKey | undefined> {
  const row = await db
    .selectFrom('messages')
    .select('whatsapp_message_id')
    .where(isMessage(id))
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return parseKeyString(row?.whatsapp_message_id ?? '');
}
