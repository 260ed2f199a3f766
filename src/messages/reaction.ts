import type { Account } from '../accounts/account.ts';
import type { Channel } from '../channels/channel.ts';
import type { Executor } from '../db/database.ts';
import { ingestEvents } from '../db/ingest-store.ts';
import type { StoredMessage } from '../db/message-store.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { parseKeyString, parseRecipient } from './whatsapp-key.ts';

export interface ReactionDeps {
  readonly db: Executor;
  readonly channel: Pick<Channel, 'react'>;
  readonly clock: Clock;
}

/**
 * Reacts to a message in the name of the account, or takes its reaction back (empty emoji), and stores that once the page
 * has given it to WhatsApp. Nothing is sent if the message bears the reaction already. A reaction is no message: it has no
 * status, and counts to none of the account's limits.
 * @throws AppError ACCOUNT_NOT_CONNECTED; MESSAGE_NOT_REACTABLE; UNAVAILABLE if the page did not do it, or did not say
 * so in time: it may be repeated
 */
export async function reactToMessage(
  deps: ReactionDeps,
  { account, message }: { readonly account: Account; readonly message: StoredMessage },
  emoji: string,
): Promise<void> {
  const { db, channel, clock } = deps;
  const senderId = ownId(account);
  if (account.state !== 'connected' || senderId === undefined) throw new AppError('ACCOUNT_NOT_CONNECTED');
  const key = parseKeyString(message.whatsappMessageId ?? '');
  if (key === undefined || !isOnWhatsApp(message)) throw new AppError('MESSAGE_NOT_REACTABLE');
  const before = message.reactions.find((reaction) => reaction.senderId === senderId)?.emoji ?? '';
  if (before === emoji) return;
  const { chatId } = message;
  try {
    await channel.react(account.id, { key, chatId }, emoji);
  } catch (thrown) {
    if (isAppError(thrown, 'MESSAGE_NOT_REACTABLE') || isAppError(thrown, 'ACCOUNT_NOT_CONNECTED'))
      throw thrown;
    throw new AppError('UNAVAILABLE', { cause: thrown });
  }
  // WhatsApp dates reactions by the second: a later one of the same second must not count as older.
  const at = Math.floor(clock.now() / 1000) * 1000;
  await ingestEvents(
    db,
    account.id,
    [{ kind: 'reaction', key, chatId, senderId, emoji, at }],
    new Date(clock.now()),
  );
}

/** Nobody can react to what has not left, was refused, or was deleted. */
function isOnWhatsApp({ status, revokedAt }: StoredMessage): boolean {
  return revokedAt === null && ['sent', 'delivered', 'read', 'played'].includes(status);
}

/** The account's own id, as reactions name it: by number where WhatsApp tells it. */
function ownId({ phoneNumber, wid }: Account): string | undefined {
  const byNumber = phoneNumber === null ? undefined : parseRecipient(phoneNumber);
  return byNumber ?? wid ?? undefined;
}
