import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { chatIdToPhoneNumber } from '../messages/whatsapp-key.ts';
import { findPhones } from './address-store.ts';
import type { Executor } from './database.ts';
import { lockAccountIngest } from './ingest-statements.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { type LeaseFence, lockHeld, NO_FENCE } from './lease-fence.ts';
import { recordset } from './recordset.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

/** A chat as the account's page shows it. */
export interface ChatFacts {
  readonly chatId: string;
  /** A group's subject; of a person the name that the phone shows. */
  readonly name: string | null;
  readonly unread: number;
  /** Milliseconds since the epoch; null if nothing was ever said. */
  readonly lastMessageAt: number | null;
}

export interface StoredChat {
  readonly chatId: string;
  readonly phoneNumber: string | null;
  readonly name: string | null;
  readonly lastMessageAt: Date | null;
  readonly unread: number;
}

/**
 * Writes down what the page says of chats now. The time of the last message moves forward alone.
 * @throws LeaseLostError as `saveContacts` does
 */
export async function saveChats(
  db: Executor,
  accountId: AccountId,
  chats: readonly ChatFacts[],
  now: Date,
  fence: LeaseFence = NO_FENCE,
): Promise<void> {
  await transact(db, async (trx) => {
    await lockAccountIngest(trx, accountId);
    if (!(await lockHeld(trx, accountId, fence))) return;
    const phones = await findPhones(
      trx,
      accountId,
      chats.map(({ chatId }) => chatId),
    );
    const rows = new Map<string, object>();
    for (const { chatId: told, name, unread, lastMessageAt } of toStorable(chats)) {
      const chatId = phones.get(told) ?? told;
      rows.set(chatId, {
        chat_id: chatId,
        phone_number: chatIdToPhoneNumber(chatId),
        name,
        last_message_at: lastMessageAt === null ? null : new Date(lastMessageAt),
        unread,
      });
    }
    const columns = {
      chat_id: 'text',
      phone_number: 'text',
      name: 'text',
      last_message_at: 'timestamptz',
      unread: 'integer',
    };
    await sql`
      insert into chats as old (account_id, chat_id, phone_number, name, last_message_at, unread, updated_at)
      select ${accountId}::uuid, r.chat_id, r.phone_number, r.name, r.last_message_at, r.unread, ${now}
      from ${recordset([...rows.values()], columns)}
      order by r.chat_id
      on conflict (account_id, chat_id) do update set
        name = coalesce(excluded.name, old.name),
        last_message_at = greatest(old.last_message_at, excluded.last_message_at),
        unread = excluded.unread,
        updated_at = excluded.updated_at
      where (old.name, old.last_message_at, old.unread) is distinct from (
        coalesce(excluded.name, old.name), greatest(old.last_message_at, excluded.last_message_at), excluded.unread
      )`.execute(trx);
  });
}

/** The account's chats, those with the latest message first; those without any come last. */
export async function listChats(
  db: Executor,
  accountId: AccountId,
  { limit, after }: PageRequest,
): Promise<Page<StoredChat>> {
  const rows =
    after === null
      ? await readChats(db, accountId, sql<boolean>`true`, limit + 1)
      : await readChatsAfter(db, accountId, after, limit + 1);
  return rowsToPage(rows, limit, {
    item: (row) => ({
      chatId: row.chat_id,
      phoneNumber: row.phone_number,
      name: row.name,
      lastMessageAt: row.last_message_at,
      unread: row.unread,
    }),
    position: (row) => ({ at: row.position_at, tie: row.chat_id }),
  });
}

/** In two ranges of the index, which one condition would not be: chats with a message, then those without. */
async function readChatsAfter(
  db: Executor,
  accountId: AccountId,
  { at, tie }: NonNullable<PageRequest['after']>,
  limit: number,
) {
  const silent = sql<boolean>`last_message_at is null`;
  if (at === null) return readChats(db, accountId, sql<boolean>`${silent} and chat_id < ${tie}`, limit);
  const spoken = sql<boolean>`(last_message_at, chat_id) < (${at}::timestamptz, ${tie})`;
  const rows = await readChats(db, accountId, spoken, limit);
  if (rows.length === limit) return rows;
  return [...rows, ...(await readChats(db, accountId, silent, limit - rows.length))];
}

function readChats(db: Executor, accountId: AccountId, range: RawBuilder<boolean>, limit: number) {
  return db
    .selectFrom('chats')
    .select([
      'chat_id',
      'phone_number',
      'name',
      'last_message_at',
      'unread',
      instantText('last_message_at').$castTo<string | null>().as('position_at'),
    ])
    .where('account_id', '=', accountId)
    .where(range)
    .orderBy('last_message_at', (order) => order.desc().nullsLast())
    .orderBy('chat_id', 'desc')
    .limit(limit)
    .execute();
}
