/**
 * The rows of a page of messages. However many messages an account has, and however rare those are that are asked for,
 * little more is looked at than is shown: every condition is a range of an index, in few partitions.
 */
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { type Direction, MESSAGE_STATUSES, type MessageStatus } from '../messages/message.ts';
import type { Executor } from './database.ts';
import { instantText, type PageRequest } from './keyset.ts';
import { makeWindows, type Window } from './message-windows.ts';

const COLUMNS = [
  'messages.id',
  'seq',
  'whatsapp_message_id',
  'account_id',
  'chat_id',
  'messages.phone_number',
  'direction',
  'author_name',
  'type',
  'text',
  'payload',
  'caption',
  'reply_to',
  'media_status',
  'media_sha256',
  'mime_type',
  'file_name',
  'file_size',
  'status',
  'failed_code',
  'failed_reason',
  'timestamp',
  'handed_at',
  'sent_at',
  'delivered_at',
  'read_at',
  'played_at',
  'edited_at',
  'revoked_at',
  'recovered',
] as const;

/** Received messages name what they answer by its bare id; here it becomes our id where we hold the message. */
const REPLIED_MESSAGE = sql<string | null>`(select message_id from message_keys where
  message_keys.account_id = messages.account_id and message_keys.chat_id = messages.chat_id
  and message_keys.bare_id = messages.reply_to)`;

/** Who wrote it, by number where it is known by now. */
const AUTHOR = sql<
  string | null
>`case when author like '%@lid' then coalesce((select phone from addresses where
  addresses.account_id = messages.account_id and addresses.lid = messages.author), author) else author end`;

/** The columns of a message as it is shown, of whatever is called `messages`. */
export const SHOWN_COLUMNS = [
  ...COLUMNS,
  AUTHOR.as('author'),
  REPLIED_MESSAGE.as('replied_message'),
] as const;

/** Which messages of an account; every given condition must hold. */
export interface ListingScope {
  readonly accountId: AccountId;
  /** Canonical ids. */
  readonly chatIds: readonly string[];
  readonly direction: Direction | undefined;
  readonly status: MessageStatus | undefined;
  readonly range: Window;
}

/** Newest first, `limit` rows at most. */
export async function readNewest(
  db: Executor,
  scope: ListingScope,
  after: PageRequest['after'],
  limit: number,
) {
  const kinds = scopeToKinds(scope);
  if (kinds.length === 0) return [];
  const rows = [];
  for (const window of makeWindows(upTo(scope.range, after), new Date())) {
    rows.push(...(await readWindow(db, { scope, kinds, window, after, limit: limit - rows.length })));
    if (rows.length === limit) break;
  }
  return rows;
}

/** What the indexes hold apart: within one of them messages lie in the order in which they are shown. */
interface Kind {
  readonly direction: Direction;
  readonly status: MessageStatus | undefined;
}

const STATUSES: Readonly<Record<Direction, ReadonlySet<MessageStatus>>> = {
  incoming: new Set(['delivered', 'read']),
  outgoing: new Set(MESSAGE_STATUSES),
};

function scopeToKinds({ direction, status }: ListingScope): readonly Kind[] {
  const directions = direction === undefined ? (['incoming', 'outgoing'] as const) : [direction];
  return directions
    .filter((each) => status === undefined || STATUSES[each].has(status))
    .map((each) => ({ direction: each, status }));
}

/** Messages are of whole milliseconds; the position itself is compared beside, in full. */
function upTo(range: Window, after: PageRequest['after']): Window {
  if (after === null || after.at === null) return range;
  const before = new Date(Date.parse(after.at) + 1);
  return { from: range.from, before: range.before !== null && range.before < before ? range.before : before };
}

interface Search {
  readonly scope: ListingScope;
  readonly kinds: readonly Kind[];
  readonly window: Window;
  readonly after: PageRequest['after'];
  readonly limit: number;
}

/** The newest of each kind, merged as they come. */
function readWindow(db: Executor, { kinds, ...search }: Search) {
  const [first, ...others] = kinds.map((kind) =>
    db.selectFrom(selectKind(db, kind, search).as('kind')).selectAll(),
  );
  if (first === undefined) throw new TypeError('There is nothing to search for.');
  const merged = others.reduce((all, other) => all.unionAll(other), first);
  return db
    .selectFrom(merged.as('messages'))
    .select(SHOWN_COLUMNS)
    .select(instantText('timestamp').as('position_at'))
    .orderBy('timestamp', 'desc')
    .orderBy('seq', 'desc')
    .limit(search.limit)
    .execute();
}

function selectKind(db: Executor, kind: Kind, { scope, window, after, limit }: Omit<Search, 'kinds'>) {
  let query = db
    .selectFrom('messages')
    .select([...COLUMNS, 'author'])
    .where('account_id', '=', scope.accountId)
    .where('direction', '=', kind.direction);
  for (const chatId of scope.chatIds) query = query.where('chat_id', '=', chatId);
  if (kind.status !== undefined) query = query.where('status', '=', kind.status);
  if (window.from !== null) query = query.where('timestamp', '>=', window.from);
  if (window.before !== null) query = query.where('timestamp', '<', window.before);
  if (after !== null)
    query = query.where(sql<boolean>`("timestamp", seq) < (${after.at}::timestamptz, ${after.tie}::bigint)`);
  return query.orderBy('timestamp', 'desc').orderBy('seq', 'desc').limit(limit);
}
