import { sql } from 'kysely';
import type { AccountId, MessageId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import type { MessageStatus } from '../messages/message.ts';
import type { StoredContent } from '../messages/stored-content.ts';
import { chatIdToPhoneNumber } from '../messages/whatsapp-key.ts';
import type { Executor } from './database.ts';
import type { AcceptedStatus } from './idempotency-store.ts';
import { recordset } from './recordset.ts';

/** A message that has just been accepted. */
export interface NewOutgoing extends StoredContent {
  readonly id: MessageId;
  readonly accountId: AccountId;
  readonly chatId: string;
  /** The message that this one answers, of the same account. */
  readonly replyTo: MessageId | null;
  /** Set if it is known already that it cannot be sent. */
  readonly failure: { readonly code: string; readonly reason: string } | null;
  /** Whether it may leave or waits for room in the daily limit; pending if not given. */
  readonly status?: AcceptedStatus;
  /** The date whose slot it has; one that is to leave without a slot gets one first. */
  readonly slotDate?: string | null;
  readonly onLimit?: 'reject' | 'defer';
  readonly at: Date;
}

const NEW_COLUMNS = {
  id: 'uuid',
  account_id: 'uuid',
  chat_id: 'text',
  phone_number: 'text',
  direction: 'text',
  type: 'text',
  text: 'text',
  caption: 'text',
  payload: 'jsonb',
  reply_to: 'text',
  media_status: 'text',
  media_sha256: 'text',
  mime_type: 'text',
  file_name: 'text',
  file_size: 'integer',
  status: 'text',
  failed_code: 'text',
  failed_reason: 'text',
  timestamp: 'timestamptz',
  slot_date: 'date',
  on_limit: 'text',
} as const;

/**
 * Writes accepted messages of one account in their order: pending, deferred, or failed if that is what they are.
 * @throws AppError ACCOUNT_NOT_FOUND if it was deleted, maybe while they waited for their slots
 */
export async function insertOutgoings(db: Executor, messages: readonly NewOutgoing[]): Promise<void> {
  if (messages.length === 0) return;
  const rows = messages.map((message, place) => ({ ...newToRow(message), place }));
  const columns = sql.join(Object.keys(NEW_COLUMNS).map((name) => sql.ref(name)));
  const { numAffectedRows } = await sql`
    insert into messages (${columns})
    select ${columns} from ${recordset(rows, { ...NEW_COLUMNS, place: 'integer' })}
    where exists (select from accounts where id = ${messages[0]?.accountId}::uuid and deleted_at is null)
    order by place`.execute(db);
  if (numAffectedRows === 0n) throw new AppError('ACCOUNT_NOT_FOUND');
}

function newToRow(message: NewOutgoing): Record<keyof typeof NEW_COLUMNS, unknown> {
  const status: MessageStatus = message.failure === null ? (message.status ?? 'pending') : 'failed';
  return {
    id: message.id,
    account_id: message.accountId,
    chat_id: message.chatId,
    phone_number: chatIdToPhoneNumber(message.chatId),
    direction: 'outgoing',
    type: message.type,
    text: message.text,
    caption: message.caption,
    payload: message.payload,
    reply_to: message.replyTo,
    media_status: message.media === null ? null : 'stored',
    media_sha256: message.media?.sha256 ?? null,
    mime_type: message.media?.mimeType ?? null,
    file_name: message.media?.fileName ?? null,
    file_size: message.media?.fileSize ?? null,
    status,
    failed_code: message.failure?.code ?? null,
    failed_reason: message.failure?.reason ?? null,
    timestamp: message.at,
    slot_date: message.slotDate ?? null,
    on_limit: message.onLimit ?? null,
  };
}
