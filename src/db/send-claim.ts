/**
 * The moment before a message is handed to the page, at which both limits are held: claims of an account are one after
 * another, over all daemons, and each sees those before it.
 */
import { type RawBuilder, sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { PacingConfig } from '../config/config.ts';
import { latestCredibleMs } from '../lib/instant-age.ts';
import type { Lane } from '../limits/lane.ts';
import { NO_PACING, paceDelayMs } from '../limits/pace.ts';
import { RATE_WINDOW_MS, rateDelayMs } from '../limits/rate.ts';
import { OPEN_STATUSES } from '../messages/status-ladder.ts';
import { chatIdToPhoneNumber, keyToString, type MessageKey } from '../messages/whatsapp-key.ts';
import { lockCanonicalChat } from './address-store.ts';
import { appendChanges, type ChangedRow, type MessageChange, rowToChange } from './change-log.ts';
import type { Executor } from './database.ts';
import { isHeld } from './lease-fence.ts';
import { isMessage } from './message-lookup.ts';
import { type HandedMessage, listHandedAt, type OutgoingMessage, type SendName } from './outbox-store.ts';
import { readLaneAndPace } from './pace-store.ts';
import { findMessageKey } from './reply-store.ts';
import { isFirstOfChat } from './sendable.ts';
import { dealSlots, lockLimits, renewSlot } from './slot-store.ts';
import { transact } from './transaction.ts';

/** Whether a message may be handed over now. */
export type Claim =
  /** `quoted`: the message that this one answers; absent if it answers none, or one that never got a key. */
  | { readonly kind: 'claimed'; readonly quoted?: MessageKey }
  /** The per-minute limit is used up for so long: no message of the account may leave before. */
  | { readonly kind: 'later'; readonly delayMs: number }
  /** The pace of its lane holds this message back for so long; others may leave. */
  | { readonly kind: 'paced'; readonly delayMs: number }
  /**
   * It is not the next one to be sent here: it was cancelled, found no room in the daily limit, its chat turned out to be one
   * in which an earlier message waits, or another instance holds the account by now.
   */
  | { readonly kind: 'gone' };

/** Whether a message may be handed over once more now. `gone`: its fate is known by now, or it is not to be repeated. */
export type Reclaim =
  | Exclude<Claim, { kind: 'paced' }>
  /** All that the date may carry has left. */
  | { readonly kind: 'full' };

export interface ClaimTerms {
  readonly at: Date;
  /** Messages a minute; 0 means no limit. */
  readonly perMinute: number;
  /** Everything is switched off if it is not given. */
  readonly pacing?: PacingConfig;
  /** From when on messages are looked at (see `findOpenSince`); all are if it is not given. */
  readonly since?: Date | undefined;
}

/** Who hands a message over, when, and on what terms. */
export interface SendClaim extends ClaimTerms {
  readonly instanceId: InstanceId;
  /** The run of a sender, one a connection: see `nextClaimEpoch`. */
  readonly epoch: number;
  /** True of the account's row while this instance holds its lease (see lease-fence.ts); every row passes if it is not given. */
  readonly under?: RawBuilder<boolean>;
}

/** A number for the run of a sender: higher than that of every run that began before, on whatever instance. */
export async function nextClaimEpoch(db: Executor): Promise<number> {
  const { rows } = await sql<{ epoch: string }>`select nextval('claim_epochs') as epoch`.execute(db);
  return Number(rows[0]?.epoch);
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
  claim: SendClaim,
): Promise<Claim> {
  const { at, perMinute, pacing = NO_PACING, since } = claim;
  const { accountId } = message;
  return transact(db, async (trx): Promise<Claim> => {
    const chatId = await lockCanonicalChat(trx, accountId, prepared.chatId);
    const named = { ...prepared, chatId };
    await lockLimits(trx, accountId);
    const delayMs = await findRateDelay(trx, accountId, { at, perMinute, since });
    if (delayMs > 0) return { kind: 'later', delayMs };
    const { lane, pace } = await readLaneAndPace(trx, accountId, chatId, { pacing, at, since });
    const paceMs = paceDelayMs({ id: message.id, lane }, pace);
    if (paceMs > 0) return { kind: 'paced', delayMs: paceMs };
    const handing = { prepared: named, lane, claim };
    const changes: MessageChange[] = [];
    let handed = await markHanded(trx, message, handing);
    if (handed === undefined) {
      // Its slot may be of another date.
      await dealSlots(trx, accountId, at, changes);
      handed = await markHanded(trx, message, handing);
    }
    if (handed !== undefined) {
      // From here on it is the latest message of its chat.
      changes.push({ ...rowToChange(handed, 'status'), message_at: at });
    }
    await appendChanges(trx, accountId, changes);
    return handed === undefined ? { kind: 'gone' } : { kind: 'claimed', ...(await findQuoted(trx, message)) };
  });
}

/**
 * Writes down that a message is about to be handed over once more, under the id that it has; it counts on the date of its
 * last hand-over, and has its slot there. The per-minute limit holds for it too.
 */
export async function claimAgain(db: Executor, message: HandedMessage, claim: SendClaim): Promise<Reclaim> {
  const { id, accountId } = message;
  return transact(db, async (trx): Promise<Reclaim> => {
    await lockLimits(trx, accountId);
    const delayMs = await findRateDelay(trx, accountId, claim);
    if (delayMs > 0) return { kind: 'later', delayMs };
    const { under = sql<boolean>`true` } = claim;
    const repeatable = await trx
      .selectFrom('messages')
      .select('id')
      .where(isMessage(id))
      .where(isHeld(accountId, under))
      .where('handed_at', 'is not', null)
      .where('status', 'in', OPEN_STATUSES)
      .where('failed_code', 'is', null)
      .forUpdate()
      .executeTakeFirst();
    if (repeatable === undefined) return { kind: 'gone' };
    const changes: MessageChange[] = [];
    const renewed = await renewSlot(trx, message, claim.at, changes);
    if (renewed) await trx.updateTable('messages').set(claimToColumns(claim)).where(isMessage(id)).execute();
    await appendChanges(trx, accountId, changes);
    return renewed ? { kind: 'claimed', ...(await findQuoted(trx, message)) } : { kind: 'full' };
  });
}

/** Read with the claim, so that nothing has to be read between it and the page. */
async function findQuoted(
  trx: Executor,
  { accountId, replyTo }: OutgoingMessage,
): Promise<{ readonly quoted?: MessageKey }> {
  const quoted = replyTo === null ? undefined : await findMessageKey(trx, accountId, replyTo);
  return quoted === undefined ? {} : { quoted };
}

/**
 * How long the per-minute limit delays the account's next message, in milliseconds, if `more` others are about to go; 0 if
 * it may leave now.
 */
export async function findRateDelay(
  db: Executor,
  accountId: AccountId,
  { at, perMinute, since }: Pick<ClaimTerms, 'at' | 'perMinute' | 'since'>,
  more = 0,
): Promise<number> {
  if (perMinute === 0) return 0;
  const now = at.getTime();
  const after = new Date(now - RATE_WINDOW_MS);
  const until = new Date(latestCredibleMs(now, RATE_WINDOW_MS));
  const handedAt = await listHandedAt(db, accountId, { after, until, limit: perMinute, since });
  return rateDelayMs([...handedAt, ...Array<number>(more).fill(now)], now, perMinute);
}

/**
 * Its row, once its keys are written and it is counted; undefined, and nothing of that, if it does not wait with a slot of the
 * account's local date, or is not the first of its chat. One statement: the account's other sends wait for it.
 */
async function markHanded(
  trx: Executor,
  message: OutgoingMessage,
  { prepared, lane, claim }: { readonly prepared: SendName; readonly lane: Lane; readonly claim: SendClaim },
): Promise<ChangedRow | undefined> {
  const { key, chatId } = prepared;
  const { instanceId, epoch, at, since, under = sql<boolean>`true` } = claim;
  const names = [...new Set([chatId, key.chatId, message.chatId])];
  const { rows } = await sql<ChangedRow>`
    with today as (
      select id as account_id, (${at}::timestamptz at time zone timezone)::date as date
      from accounts where id = ${message.accountId}::uuid and ${under}
    ), handed as (
      update messages set
        handed_at = ${at}, claimed_by = ${instanceId}, claim_epoch = ${epoch}, lane = ${lane}, chat_id = ${chatId},
        bare_id = ${key.bareId}, whatsapp_message_id = ${keyToString(key)},
        phone_number = coalesce(${chatIdToPhoneNumber(chatId)}, phone_number)
      from today
      where ${isMessage(message.id)} and messages.account_id = today.account_id
        and status = 'pending' and handed_at is null and slot_date = today.date
        and ${isFirstOfChat(chatId, since)}
      returning messages.account_id, id, chat_id, phone_number, bare_id, slot_date
    ), named as (
      insert into message_keys (account_id, chat_id, bare_id, message_id)
      select account_id, name, bare_id, id from handed, unnest(${names}::text[]) as name
    ), counted as (
      insert into account_usage as old (account_id, local_date, sent) select account_id, slot_date, 1 from handed
      on conflict (account_id, local_date) do update set sent = old.sent + excluded.sent
    )
    select id, chat_id, phone_number from handed`.execute(trx);
  return rows[0];
}

function claimToColumns({ instanceId, epoch, at }: SendClaim) {
  return { handed_at: at, claimed_by: instanceId, claim_epoch: epoch };
}
