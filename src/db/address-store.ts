import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { type AddressPair, isLid, toAddressPair } from '../messages/address.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';
import { mergeChats } from './address-merge.ts';
import type { Executor } from './database.ts';
import { lockLimits } from './slot-store.ts';

/**
 * Which phone number stands behind a LID, for each account (fact A16). The chat of a person is filed under the number
 * once it is known: what was filed under the LID before moves there in the transaction that learns it.
 */

/** The numbers of those of these LIDs that are known. */
export async function findPhones(
  db: Executor,
  accountId: AccountId,
  lids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const wanted = [...new Set(lids)].filter(isLid);
  if (wanted.length === 0) return new Map();
  const rows = await db
    .selectFrom('addresses')
    .select(['lid', 'phone'])
    .where('account_id', '=', accountId)
    .where('lid', 'in', wanted)
    .execute();
  return new Map(rows.map(({ lid, phone }) => [lid, phone]));
}

/** The LIDs that are known to stand for this number: as a rule one. */
export async function findLids(
  db: Executor,
  accountId: AccountId,
  phone: string,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('addresses')
    .select('lid')
    .where('account_id', '=', accountId)
    .where('phone', '=', phone)
    .execute();
  return rows.map(({ lid }) => lid);
}

/** The name under which a chat is filed: the number behind a LID where it is known, else the id as it is. */
export async function canonicalChatOf(db: Executor, accountId: AccountId, chatId: string): Promise<string> {
  return (await findPhones(db, accountId, [chatId])).get(chatId) ?? chatId;
}

/**
 * The same for whoever files something there: until the transaction ends nobody learns that the chats go by other names.
 * Call it before any other lock of messages is taken. By the name that was asked for.
 */
export async function lockCanonicalChats(
  trx: Executor,
  accountId: AccountId,
  chatIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  // Only a LID turns out to be somebody else's other name.
  const lids = chatIds.filter(isLid);
  const same = new Map(chatIds.map((chatId) => [chatId, chatId]));
  if (lids.length === 0) return same;
  await sql`select pg_advisory_xact_lock_shared(${addressLock(accountId)})`.execute(trx);
  return new Map([...same, ...(await findPhones(trx, accountId, lids))]);
}

/** The same for one chat. */
export async function lockCanonicalChat(
  trx: Executor,
  accountId: AccountId,
  chatId: string,
): Promise<string> {
  return (await lockCanonicalChats(trx, accountId, [chatId])).get(chatId) ?? chatId;
}

function addressLock(accountId: AccountId) {
  return sql`hashtextextended(${`addresses:${accountId}`}, 0)`;
}

/**
 * Writes down which number stands behind a LID and merges what is filed under both: messages, keys, chats, contacts and
 * changes that wait. Call it with the account's ingest lock held; it takes that of the limits, since it locks messages that
 * wait to be sent. Returns the changes that waited under one name for a
 * message under the other, to be applied in the same transaction.
 *
 * A LID whose number is another than before goes by the new one from now on; the older conversation stays where it is.
 */
export async function learnAddress(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
  seenAt: Date,
): Promise<readonly InboundEvent[]> {
  await sql`select pg_advisory_xact_lock(${addressLock(accountId)})`.execute(trx);
  await lockLimits(trx, accountId);
  await sql`
    insert into addresses (account_id, lid, phone, seen_at)
    values (${accountId}::uuid, ${lid}, ${phone}, ${seenAt})
    on conflict (account_id, lid) do update set phone = excluded.phone, seen_at = excluded.seen_at`.execute(
    trx,
  );
  return mergeChats(trx, accountId, { lid, phone });
}

/** Those of the pairs that are not known yet, each LID once: the last word on it counts. */
export async function findUnknownPairs(
  db: Executor,
  accountId: AccountId,
  pairs: readonly AddressPair[],
): Promise<readonly AddressPair[]> {
  const valid = pairs.flatMap(({ lid, phone }) => toAddressPair(lid, phone) ?? []);
  const latest = new Map(valid.map((pair) => [pair.lid, pair]));
  const known = await findPhones(db, accountId, [...latest.keys()]);
  return [...latest.values()].filter(({ lid, phone }) => known.get(lid) !== phone);
}
