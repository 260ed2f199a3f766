import { sql } from 'kysely';
import type { AccountId } from '../../src/accounts/ids.ts';
import type { Executor } from '../../src/db/database.ts';
import { ensurePartitions } from '../../src/db/partitions.ts';

const DAY_MS = 86_400_000;
/** Rows of one statement. */
const STEP = 100_000;

/** Accounts of one tenant: one that has nearly every message, one that mostly sends, one that has few. */
export interface ManyMessages {
  readonly large: AccountId;
  readonly sending: AccountId;
  readonly small: AccountId;
}

/** Where the large account's messages are: in a group that is loud, in chats of people, and in one that has been quiet. */
export const LOUD_GROUP = '120363000000000001@g.us';
export const QUIET_CHAT = '491790000000@c.us';
export const BUSY_CHAT = '491700000001@c.us';

/**
 * Fills the database with so many messages of the months before `now`, made in SQL, and with what hangs on them, and has it
 * analysed. Rare statuses are rare, one message in seven answers another, and one in twenty is written under a LID.
 */
export async function insertManyMessages(
  db: Executor,
  accounts: ManyMessages,
  { count, months, now }: { readonly count: number; readonly months: number; readonly now: Date },
): Promise<void> {
  for (let month = months; month >= 0; month -= 2) {
    const at = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - month, 1));
    await ensurePartitions(db, at, 1);
  }
  const span = { from: now.getTime() - months * 30 * DAY_MS, to: now.getTime() };
  for (let first = 0; first < count; first += STEP)
    await insertSome(db, accounts, span, { first, last: Math.min(first + STEP, count) - 1, count });
  await insertBesides(db, accounts, now);
  await sql`vacuum analyze`.execute(db);
}

async function insertSome(
  db: Executor,
  { large, sending, small }: ManyMessages,
  { from, to }: { readonly from: number; readonly to: number },
  { first, last, count }: { readonly first: number; readonly last: number; readonly count: number },
): Promise<void> {
  await sql`
    with numbers as (
      select i, hashint4(i) & 1048575 as h, hashint4(i + 1000000000) & 1048575 as g,
        (${from}::bigint + (${to}::bigint - ${from}::bigint) * i / ${count}::bigint)::bigint as ms
      from generate_series(${first}::integer, ${last}::integer) i
    ), dealt as (
      select *, case when i % 3000 = 7 then 'small' when h % 40 = 0 then 'sending' else 'large' end as owner
      from numbers
    ), told as (
      select *,
        case owner when 'sending' then g % 50 > 0 else g % 8 = 0 end as is_outgoing,
        case when i = 11 then ${QUIET_CHAT} when g % 5 = 0 and owner = 'large' then ${LOUD_GROUP}
          when g % 97 = 0 then ${BUSY_CHAT} else '4917' || (10000000 + h % 5000) || '@c.us' end as chat
      from dealt
    )
    insert into messages (id, account_id, chat_id, phone_number, bare_id, whatsapp_message_id, direction, author, type,
      text, reply_to, status, "timestamp", handed_at)
    select (lpad(to_hex(ms), 12, '0') || '7000' || '8' || lpad(to_hex(i), 15, '0'))::uuid,
      case owner when 'small' then ${small}::uuid when 'sending' then ${sending}::uuid else ${large}::uuid end,
      chat, case when chat like '%@c.us' then '+' || split_part(chat, '@', 1) end,
      upper(md5(i::text)), 'true_' || chat || '_' || upper(md5(i::text)),
      case when is_outgoing then 'outgoing' else 'incoming' end,
      case when is_outgoing then null when h % 20 = 0 then '99' || (h % 1000) || '@lid' else chat end,
      'text', 'message ' || i, case when h % 7 = 0 and i > 100 then upper(md5((i - 100)::text)) end,
      case
        when not is_outgoing then case when g % 3 = 0 then 'read' else 'delivered' end
        when h % 9001 = 0 then 'failed' when h % 30011 = 0 then 'unknown' when h % 50021 = 0 then 'cancelled'
        when h % 1009 = 0 then 'played' when h % 11 = 0 then 'sent' when h % 3 = 0 then 'delivered' else 'read'
      end,
      to_timestamp(ms / 1000.0), case when is_outgoing then to_timestamp(ms / 1000.0) end
    from told`.execute(db);
}

/** Keys, reactions, chats, contacts, addresses and days. */
async function insertBesides(db: Executor, { large }: ManyMessages, now: Date): Promise<void> {
  await sql`
    insert into message_keys (account_id, chat_id, bare_id, message_id)
    select account_id, chat_id, bare_id, id from messages on conflict do nothing`.execute(db);
  await sql`
    insert into message_reactions (message_id, account_id, sender_id, emoji, reacted_at)
    select id, account_id, chat_id, '👍', "timestamp" from messages where seq % 50 = 0`.execute(db);
  await sql`
    insert into chats (account_id, chat_id, last_message_at)
    select account_id, chat_id, max("timestamp") from messages group by account_id, chat_id`.execute(db);
  await sql`
    insert into chats (account_id, chat_id)
    select ${large}::uuid, '4918' || (10000000 + i) || '@c.us' from generate_series(1, 20000) i`.execute(db);
  await sql`
    insert into contacts (account_id, contact_id)
    select ${large}::uuid, '4917' || (10000000 + i) || '@c.us' from generate_series(1, 20000) i`.execute(db);
  await sql`
    insert into addresses (account_id, lid, phone, seen_at)
    select ${large}::uuid, '99' || i || '@lid', '4917' || (10000000 + i) || '@c.us', ${now}
    from generate_series(1, 1000) i`.execute(db);
  await sql`
    insert into account_usage (account_id, local_date, sent, received)
    select ${large}::uuid, ${now}::timestamptz::date - i, i, i from generate_series(1, 3000) i`.execute(db);
}
