import type { PreparedSend } from '../channels/channel.ts';
import { canonicalChatOf } from '../db/address-store.ts';
import type { Executor } from '../db/database.ts';
import { ingestAddresses } from '../db/ingest-store.ts';
import type { LeaseFence } from '../db/lease-fence.ts';
import type { OutgoingMessage } from '../db/outbox-store.ts';
import { toAddressPair } from './address.ts';

/**
 * The send in the chat by which its conversation is filed, which is what its turn and its claim go by. What the page tells
 * is learnt first: the LID behind the number that it was asked for, or the number behind a LID (fact A16).
 * @throws LeaseLostError if there is something to be learnt and the fence lets nothing pass
 */
export async function learnRecipient(
  db: Executor,
  { accountId, chatId: wanted }: Pick<OutgoingMessage, 'accountId' | 'chatId'>,
  prepared: PreparedSend,
  at: Date,
  fence?: LeaseFence,
): Promise<PreparedSend> {
  const { key, chatId } = prepared;
  const pair =
    toAddressPair(key.chatId, chatId) ?? toAddressPair(key.chatId, wanted) ?? toAddressPair(wanted, chatId);
  if (pair !== undefined) await ingestAddresses(db, accountId, [pair], at, { fence });
  return { ...prepared, chatId: pair?.phone ?? (await canonicalChatOf(db, accountId, chatId)) };
}
