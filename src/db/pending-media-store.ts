import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { type MessageKey, parseKeyString } from '../messages/whatsapp-key.ts';
import type { Executor } from './database.ts';

/** A message whose media has not been fetched yet, with what the message itself told of it. */
export interface PendingMedia {
  /** Order of acceptance, for reading on after it. */
  readonly seq: string;
  readonly chatId: string;
  /** Null if the stored key is none, which the page cannot be asked about. */
  readonly key: MessageKey | null;
  readonly mimeType: string | null;
  readonly fileName: string | null;
  /** Bytes. */
  readonly fileSize: number | null;
}

/** Messages of the account that wait for their media, oldest first, after the one with `afterSeq`. */
export async function listPendingMedia(
  db: Executor,
  accountId: AccountId,
  { afterSeq, limit }: { readonly afterSeq: string; readonly limit: number },
): Promise<readonly PendingMedia[]> {
  const rows = await db
    .selectFrom('messages')
    .select([
      sql<string>`seq`.as('seq'),
      'chat_id',
      'whatsapp_message_id',
      'mime_type',
      'file_name',
      'file_size',
    ])
    .where('account_id', '=', accountId)
    .where('media_status', '=', 'pending')
    .where(sql<boolean>`seq > ${afterSeq}::bigint`)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    chatId: row.chat_id,
    key: parseKeyString(row.whatsapp_message_id ?? '') ?? null,
    mimeType: row.mime_type,
    fileName: row.file_name,
    fileSize: row.file_size,
  }));
}
