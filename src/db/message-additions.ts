import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import type { MessageVersion } from './ingest-additions.ts';
import { recordset } from './recordset.ts';

/** What others have added to a message, oldest first. People are named by number where it is known. */
export interface MessageAdditions {
  readonly reactions: readonly { readonly senderId: string; readonly emoji: string; readonly at: Date }[];
  readonly votes: readonly {
    readonly voterId: string;
    readonly options: readonly string[];
    readonly at: Date;
  }[];
  /** What it said at first, and after each edit; empty if it was never edited. */
  readonly versions: readonly { readonly text: string | null; readonly at: Date }[];
}

const NOTHING: MessageAdditions = { reactions: [], votes: [], versions: [] };

/** Which messages to look for: not every message can have each of them. */
interface Addable {
  readonly id: string;
  readonly type: string;
  readonly edited_at: Date | null;
}

/** Writes versions down that are not there yet. */
export async function insertVersions(
  trx: Executor,
  accountId: AccountId,
  versions: readonly MessageVersion[],
): Promise<void> {
  const rows = versions.map(({ messageId, at, text }) => ({ message_id: messageId, edited_at: at, text }));
  const columns = { message_id: 'uuid', edited_at: 'timestamptz', text: 'text' };
  await sql`
    insert into message_edits (message_id, account_id, edited_at, text)
    select r.message_id, ${accountId}::uuid, r.edited_at, r.text from ${recordset(rows, columns)}
    on conflict do nothing`.execute(trx);
}

/** What was added to each of these messages. */
export async function listAdditions(
  db: Executor,
  messages: readonly Addable[],
): Promise<(id: string) => MessageAdditions> {
  const [reactions, votes, versions] = await Promise.all([
    listReactions(db, messages),
    listVotes(
      db,
      messages.filter(({ type }) => type === 'poll'),
    ),
    listVersions(
      db,
      messages.filter(({ edited_at }) => edited_at !== null),
    ),
  ]);
  return (id) => ({
    ...NOTHING,
    reactions: reactions.get(id)?.filter(({ emoji }) => emoji !== '') ?? [],
    votes: votes.get(id)?.filter(({ options }) => options.length > 0) ?? [],
    versions: versions.get(id) ?? [],
  });
}

async function listReactions(db: Executor, messages: readonly Addable[]) {
  if (messages.length === 0) return new Map<string, MessageAdditions['reactions']>();
  const rows = await db
    .selectFrom('message_reactions as r')
    .select(['r.message_id', 'r.emoji', 'r.reacted_at'])
    .select(phoneOf('r.sender_id').as('sender_id'))
    .where(isAnyOf('r.message_id', messages))
    // Of one second there may be several.
    .orderBy('r.reacted_at')
    .orderBy('r.sender_id')
    .execute();
  return latestOfEach(
    rows.map(({ message_id, sender_id, emoji, reacted_at }) => ({
      message: message_id,
      person: sender_id,
      item: { senderId: sender_id, emoji, at: reacted_at },
    })),
  );
}

async function listVotes(db: Executor, messages: readonly Addable[]) {
  if (messages.length === 0) return new Map<string, MessageAdditions['votes']>();
  const rows = await db
    .selectFrom('poll_votes as v')
    .select(['v.message_id', 'v.options', 'v.voted_at'])
    .select(phoneOf('v.voter_id').as('voter_id'))
    .where(isAnyOf('v.message_id', messages))
    .orderBy('v.voted_at')
    .orderBy('v.voter_id')
    .execute();
  return latestOfEach(
    rows.map(({ message_id, voter_id, options, voted_at }) => ({
      message: message_id,
      person: voter_id,
      item: { voterId: voter_id, options, at: voted_at },
    })),
  );
}

/** A text that is the same for any number of them, so that the statement can be prepared. */
function isAnyOf(column: string, messages: readonly Addable[]) {
  return sql<boolean>`${sql.ref(column)} = any(${messages.map(({ id }) => id)}::uuid[])`;
}

/** The number behind a LID, or the address itself. Looked up row by row: a join may read all addresses of all accounts. */
function phoneOf(address: 'r.sender_id' | 'v.voter_id') {
  const accountId = sql.ref(address.replace(/\..*/, '.account_id'));
  return sql<string>`coalesce((select a.phone from addresses a
    where a.account_id = ${accountId} and a.lid = ${sql.ref(address)}), ${sql.ref(address)})`;
}

async function listVersions(db: Executor, messages: readonly Addable[]) {
  const found = new Map<string, { text: string | null; at: Date }[]>();
  if (messages.length === 0) return found;
  const rows = await db
    .selectFrom('message_edits')
    .select(['message_id', 'text', 'edited_at'])
    .where(isAnyOf('message_id', messages))
    .orderBy('edited_at')
    .execute();
  for (const { message_id, text, edited_at } of rows)
    found.set(message_id, [...(found.get(message_id) ?? []), { text, at: edited_at }]);
  return found;
}

/** By message; of what one person did under two addresses the latest counts. `rows` are oldest first. */
function latestOfEach<Item>(
  rows: readonly { readonly message: string; readonly person: string; readonly item: Item }[],
): ReadonlyMap<string, readonly Item[]> {
  const people = new Map<string, Map<string, Item>>();
  for (const { message, person, item } of rows) {
    const ofMessage = people.get(message) ?? new Map<string, Item>();
    people.set(message, ofMessage);
    ofMessage.delete(person);
    ofMessage.set(person, item);
  }
  return new Map([...people].map(([message, items]) => [message, [...items.values()]]));
}
