import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { AddressPair } from '../messages/address.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';
import { chatIdToPhoneNumber } from '../messages/whatsapp-key.ts';
import type { Executor } from './database.ts';
import { mergeDoubles } from './message-merge.ts';

/**
 * Files everything of a person's chat under the number that was filed under the LID. A message that stands under both
 * names becomes one. Returns the changes that waited under one name for a message under the other.
 */
export async function mergeChats(
  trx: Executor,
  accountId: AccountId,
  pair: AddressPair,
): Promise<readonly InboundEvent[]> {
  const { lid, phone } = pair;
  const number = chatIdToPhoneNumber(phone);
  await mergeDoubles(trx, accountId, pair);
  await sql`
    update messages
    set chat_id = ${phone}, phone_number = ${number}, author = case author when ${lid} then ${phone} else author end
    where account_id = ${accountId}::uuid and chat_id = ${lid}`.execute(trx);
  await moveKeys(trx, accountId, pair);
  await lockChats(trx, accountId, pair, number);
  await moveLog(trx, accountId, pair);
  await moveRows(trx, accountId, pair, number);
  return releaseWaiting(trx, accountId, pair);
}

/** After the doubles are merged, two keys of one message name the same row: that of the LID can go. */
async function moveKeys(trx: Executor, accountId: AccountId, { lid, phone }: AddressPair): Promise<void> {
  await sql`
    insert into message_keys (account_id, chat_id, bare_id, message_id)
    select account_id, ${phone}, bare_id, message_id from message_keys
    where account_id = ${accountId}::uuid and chat_id = ${lid}
    on conflict do nothing`.execute(trx);
  await sql`delete from message_keys where account_id = ${accountId}::uuid and chat_id = ${lid}`.execute(trx);
}

/** The sender counts changes of a chat without the lock that an ingest holds, and may be the first of the number's. */
async function lockChats(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
  number: string | null,
): Promise<void> {
  await sql`
    insert into chats (account_id, chat_id, phone_number)
    select account_id, ${phone}, ${number} from chats
    where account_id = ${accountId}::uuid and chat_id = ${lid}
    on conflict do nothing`.execute(trx);
  await sql`
    select from chats where account_id = ${accountId}::uuid and chat_id in (${lid}, ${phone})
    order by chat_id for update`.execute(trx);
}

/**
 * Makes one log of both, without gaps: first what was told of the number's chat and of the LID's, then what was not told of the
 * number's and of the LID's. So nothing is missed, and nothing told again.
 */
async function moveLog(trx: Executor, accountId: AccountId, { lid, phone }: AddressPair): Promise<void> {
  const { rows } = await sql<{ chat_id: string; last: string; told: string }>`
    select chat_id, last_seq::text as last, told_seq::text as told from chats
    where account_id = ${accountId}::uuid and chat_id in (${lid}, ${phone})`.execute(trx);
  const [of, by] = [lid, phone].map((chatId) => rows.find(({ chat_id }) => chat_id === chatId));
  if (of === undefined || by === undefined) return;
  // By way of numbers that are nobody's: each has to be one of its own at any moment.
  await sql`
    update message_changes set chat_seq = -(chat_seq + ${of.told}::bigint)
    where account_id = ${accountId}::uuid and chat_id = ${phone} and chat_seq > ${by.told}::bigint`.execute(
    trx,
  );
  await sql`
    update message_changes set chat_seq = -chat_seq
    where account_id = ${accountId}::uuid and chat_id = ${phone} and chat_seq < 0`.execute(trx);
  await sql`
    update message_changes set chat_id = ${phone}, chat_seq = chat_seq
      + case when chat_seq <= ${of.told}::bigint then ${by.told}::bigint else ${by.last}::bigint end
    where account_id = ${accountId}::uuid and chat_id = ${lid}`.execute(trx);
}

/** What is known of the chat beside its messages. */
async function moveRows(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
  number: string | null,
): Promise<void> {
  await sql`
    with gone as (
      delete from chats where account_id = ${accountId}::uuid and chat_id = ${lid} returning *
    )
    insert into chats as old
      (account_id, chat_id, phone_number, name, last_message_at, last_incoming_at, unread, last_seq, told_seq)
    select account_id, ${phone}, ${number}, name, last_message_at, last_incoming_at, unread, last_seq, told_seq
    from gone
    on conflict (account_id, chat_id) do update set
      name = coalesce(old.name, excluded.name),
      last_message_at = greatest(old.last_message_at, excluded.last_message_at),
      last_incoming_at = greatest(old.last_incoming_at, excluded.last_incoming_at),
      unread = greatest(old.unread, excluded.unread),
      last_seq = old.last_seq + excluded.last_seq,
      told_seq = old.told_seq + excluded.told_seq`.execute(trx);
  await sql`
    with gone as (
      delete from contacts where account_id = ${accountId}::uuid and contact_id = ${lid} returning *
    )
    insert into contacts as old (account_id, contact_id, phone_number, name, push_name, is_business)
    select account_id, ${phone}, ${number}, name, push_name, is_business from gone
    on conflict (account_id, contact_id) do update set
      name = coalesce(old.name, excluded.name),
      push_name = coalesce(old.push_name, excluded.push_name),
      is_business = old.is_business or excluded.is_business`.execute(trx);
  await moveWatermark(trx, accountId, { lid, phone });
}

/** Of two watermarks the earlier one holds for both. */
async function moveWatermark(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
): Promise<void> {
  await sql`
    update chat_watermarks w set at = least(w.at, l.at) from chat_watermarks l
    where w.account_id = ${accountId}::uuid and w.chat_id = ${phone}
      and l.account_id = w.account_id and l.chat_id = ${lid}`.execute(trx);
  await sql`
    update chat_watermarks l set chat_id = ${phone}
    where l.account_id = ${accountId}::uuid and l.chat_id = ${lid} and not exists (
      select from chat_watermarks w where w.account_id = l.account_id and w.chat_id = ${phone}
    )`.execute(trx);
  await trx
    .deleteFrom('chat_watermarks')
    .where('account_id', '=', accountId)
    .where('chat_id', '=', lid)
    .execute();
}

async function releaseWaiting(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
): Promise<readonly InboundEvent[]> {
  await sql`
    update waiting_changes set chat_id = ${phone}, event = jsonb_set(event, '{chatId}', to_jsonb(${phone}::text))
    where account_id = ${accountId}::uuid and chat_id = ${lid}`.execute(trx);
  const { rows } = await sql<{ event: InboundEvent }>`
    with taken as (
      delete from waiting_changes w using message_keys k
      where w.account_id = ${accountId}::uuid and w.chat_id = ${phone}
        and k.account_id = w.account_id and k.chat_id = w.chat_id and k.bare_id = w.bare_id
      returning w.id, w.event
    )
    select event from taken order by id`.execute(trx);
  return rows.map(({ event }) => event);
}
