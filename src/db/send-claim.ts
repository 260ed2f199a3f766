/**
 * The moment before a message is handed to the page, at which both limits are held: claims of an account are one after
 * another, over all daemons, and each sees those before it.
 */
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { PacingConfig } from '../config/config.ts';
import type { Lane } from '../limits/lane.ts';
import { NO_PACING, paceDelayMs } from '../limits/pace.ts';
import { RATE_WINDOW_MS, rateDelayMs } from '../limits/rate.ts';
import { chatIdToPhoneNumber, keyToString } from '../messages/whatsapp-key.ts';
import type { Executor } from './database.ts';
import { isMessage } from './message-lookup.ts';
import { listHandedAt, type OutgoingMessage, type SendName } from './outbox-store.ts';
import { findLane, readPace } from './pace-store.ts';
import { dealSlots, lockLimits } from './slot-store.ts';
import { countUsage } from './usage-store.ts';

/** Whether a message may be handed over now. */
export type Claim =
  | { readonly kind: 'claimed' }
  /** The per-minute limit is used up for so long: no message of the account may leave before. */
  | { readonly kind: 'later'; readonly delayMs: number }
  /** The pace of its lane holds this message back for so long; others may leave. */
  | { readonly kind: 'paced'; readonly delayMs: number }
  /** It is no longer there to be sent: it was cancelled, or found no room in the daily limit. */
  | { readonly kind: 'gone' };

export interface ClaimTerms {
  readonly at: Date;
  /** Messages a minute; 0 means no limit. */
  readonly perMinute: number;
  /** Everything is switched off if it is not given. */
  readonly pacing?: PacingConfig;
}

/**
 * Writes down, in one transaction, that the message is about to be handed over and under which id, and counts it on
 * the account's local date, whose slot it has: both limits hold for every claim, however many daemons make them. The key
 * is stored under every name that the chat goes by, so that the page's echo finds this message whichever it uses.
 */
export async function claimForSending(
  db: Executor,
  message: OutgoingMessage,
  prepared: SendName,
  { at, perMinute, pacing = NO_PACING }: ClaimTerms,
): Promise<Claim> {
  const { accountId } = message;
  const { chatId } = prepared;
  return db.transaction().execute(async (trx): Promise<Claim> => {
    await lockLimits(trx, accountId);
    const delayMs = await findRateDelay(trx, accountId, { at, perMinute });
    if (delayMs > 0) return { kind: 'later', delayMs };
    const lane = await findLane(trx, accountId, chatId, at);
    const { pace } = await readPace(trx, accountId, { pacing, at });
    const paceMs = paceDelayMs({ id: message.id, lane }, pace);
    if (paceMs > 0) return { kind: 'paced', delayMs: paceMs };
    const handing = { prepared, lane, at };
    if (!(await markHanded(trx, message, handing))) {
      // Its slot may be of another date.
      await dealSlots(trx, accountId, at);
      if (!(await markHanded(trx, message, handing))) return { kind: 'gone' };
    }
    await insertKeys(trx, message, prepared);
    await countUsage(trx, accountId, 'sent', at);
    return { kind: 'claimed' };
  });
}

/** How long the per-minute limit delays the account's next message, in milliseconds; 0 if it may leave now. */
export async function findRateDelay(
  db: Executor,
  accountId: AccountId,
  { at, perMinute }: Pick<ClaimTerms, 'at' | 'perMinute'>,
): Promise<number> {
  if (perMinute === 0) return 0;
  const since = new Date(at.getTime() - RATE_WINDOW_MS);
  const handedAt = await listHandedAt(db, accountId, { since, limit: perMinute });
  return rateDelayMs(handedAt, at.getTime(), perMinute);
}

/** False if it does not wait with a slot of the account's local date. */
async function markHanded(
  trx: Executor,
  message: OutgoingMessage,
  { prepared, lane, at }: { readonly prepared: SendName; readonly lane: Lane; readonly at: Date },
): Promise<boolean> {
  const { key, chatId } = prepared;
  const phoneNumber = chatIdToPhoneNumber(chatId);
  const { numUpdatedRows } = await trx
    .updateTable('messages')
    .set({
      handed_at: at,
      lane,
      chat_id: chatId,
      bare_id: key.bareId,
      whatsapp_message_id: keyToString(key),
      ...(phoneNumber === null ? {} : { phone_number: phoneNumber }),
    })
    .where(isMessage(message.id))
    .where('status', '=', 'pending')
    .where('handed_at', 'is', null)
    .where(
      sql<boolean>`slot_date = (
        select (${at}::timestamptz at time zone timezone)::date from accounts
        where accounts.id = messages.account_id)`,
    )
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

async function insertKeys(trx: Executor, message: OutgoingMessage, { key, chatId }: SendName): Promise<void> {
  const chats = [...new Set([chatId, key.chatId, message.chatId])];
  await trx
    .insertInto('message_keys')
    .values(
      chats.map((chat) => ({
        account_id: message.accountId,
        chat_id: chat,
        bare_id: key.bareId,
        message_id: message.id,
      })),
    )
    .execute();
}
