/**
 * The rows of a page of messages. However many messages an account has, and however rare those are that are asked for,
 * little more is looked at than is shown: every condition is a range of an index, in few partitions.
 */
import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { type Direction, MESSAGE_STATUSES, type MessageStatus } from '../messages/message.ts';
import type { Executor } from './database.ts';
import { instantText, type PageRequest } from './keyset.ts';
import { makeWindows, type Window } from './message-windows.ts';
import type { MessageTable } from './schema.ts';

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

/** The same as text, made once: a listing is asked for often. */
const HELD = sql.raw(namesToText([...COLUMNS, 'author']));
const SHOWN = sql`${sql.raw(namesToText(COLUMNS))}, ${AUTHOR} as author, ${REPLIED_MESSAGE} as replied_message`;

type ColumnOf<Name extends string> = Name extends `messages.${infer Column}` ? Column : Name;

/** A message as it is listed. */
export type ListedRow = Pick<Selectable<MessageTable>, ColumnOf<(typeof COLUMNS)[number]> | 'author'> & {
  readonly replied_message: string | null;
  /** See `instantText`. */
  readonly position_at: string;
};

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
): Promise<readonly ListedRow[]> {
  const kinds = scopeToKinds(scope);
  if (kinds.length === 0) return [];
  const rows: ListedRow[] = [];
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
async function readWindow(db: Executor, { kinds, ...search }: Search): Promise<readonly ListedRow[]> {
  const parts = kinds.map((kind) => sql`select * from (${selectKind(kind, search)}) kind`);
  const { rows } = await sql<ListedRow>`
    select ${SHOWN}, ${instantText('timestamp')} as position_at
    from (${sql.join(parts, sql` union all `)}) messages
    order by "timestamp" desc, seq desc limit ${search.limit}`.execute(db);
  return rows;
}

function selectKind(
  { direction, status }: Kind,
  { scope, window, after, limit }: Omit<Search, 'kinds'>,
): RawBuilder<unknown> {
  const conditions = [
    sql`account_id = ${scope.accountId}`,
    sql`direction = ${direction}`,
    ...scope.chatIds.map((chatId) => sql`chat_id = ${chatId}`),
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(window.from === null ? [] : [sql`"timestamp" >= ${window.from}`]),
    ...(window.before === null ? [] : [sql`"timestamp" < ${window.before}`]),
    ...(after === null ? [] : [sql`("timestamp", seq) < (${after.at}::timestamptz, ${after.tie}::bigint)`]),
  ];
  return sql`
    select ${HELD} from messages where ${sql.join(conditions, sql` and `)}
    order by "timestamp" desc, seq desc limit ${limit}`;
}

function namesToText(names: readonly string[]): string {
  return names.map((name) => (name.includes('.') ? name : `"${name}"`)).join(', ');
}
