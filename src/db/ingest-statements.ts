import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { InboundEvent } from '../messages/inbound-event.ts';
import type { Executor } from './database.ts';
import type { IngestRow, MutableColumns } from './ingest-row.ts';
import { isOneOfMessages, isWithinRange } from './message-lookup.ts';
import { type ColumnTypes, recordset } from './recordset.ts';

/** A message's name within its account. */
export interface Target {
  readonly chat_id: string;
  readonly bare_id: string;
}

export type KnownKey = Target & { readonly message_id: string };
export type WaitingChange = Target & { readonly event: InboundEvent };

const TARGET_COLUMNS = { chat_id: 'text', bare_id: 'text' } as const satisfies ColumnTypes;

const MUTABLE_COLUMNS = {
  whatsapp_message_id: 'text',
  author: 'text',
  author_name: 'text',
  type: 'text',
  native_type: 'text',
  text: 'text',
  caption: 'text',
  payload: 'jsonb',
  reply_to: 'text',
  media_status: 'text',
  media_sha256: 'text',
  mime_type: 'text',
  file_name: 'text',
  file_size: 'integer',
  status: 'text',
  failed_code: 'text',
  failed_reason: 'text',
  sent_at: 'timestamptz',
  delivered_at: 'timestamptz',
  read_at: 'timestamptz',
  played_at: 'timestamptz',
  edited_at: 'timestamptz',
  revoked_at: 'timestamptz',
} as const satisfies Record<keyof MutableColumns, string>;

const ROW_COLUMNS = {
  id: 'uuid',
  account_id: 'uuid',
  chat_id: 'text',
  phone_number: 'text',
  bare_id: 'text',
  direction: 'text',
  timestamp: 'timestamptz',
  handed_at: 'timestamptz',
  recovered: 'boolean',
  ...MUTABLE_COLUMNS,
} as const satisfies Record<keyof IngestRow, string>;

/** One ingest an account at a time, over all daemons: a change and its message can then not miss each other. */
export async function lockAccountIngest(trx: Executor, accountId: AccountId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`ingest:${accountId}`}, 0))`.execute(trx);
}

/** True unless the account was purged. Ask with the lock held, which a purge takes too. */
export async function isAccountThere(trx: Executor, accountId: AccountId): Promise<boolean> {
  const { rows } = await sql`select from accounts where id = ${accountId}::uuid`.execute(trx);
  return rows.length > 0;
}

/** What came of keys that were to be claimed. */
export interface ClaimedKeys {
  /** The messages whose keys were free and are theirs now. */
  readonly messageIds: ReadonlySet<string>;
  /** The changes that waited for these messages, in the order in which they came; they are out of the table. */
  readonly waited: readonly WaitingChange[];
}

/** Claims the keys that are free, and takes what waited for them. */
export async function claimKeys(
  trx: Executor,
  accountId: AccountId,
  keys: readonly KnownKey[],
): Promise<ClaimedKeys> {
  if (keys.length === 0) return { messageIds: new Set(), waited: [] };
  const { rows } = await sql<{ claimed: readonly string[] | null; waited: readonly WaitingChange[] | null }>`
    with claimed as (
      insert into message_keys (account_id, chat_id, bare_id, message_id)
      select ${accountId}::uuid, r.chat_id, r.bare_id, r.message_id
      from ${recordset(keys, { ...TARGET_COLUMNS, message_id: 'uuid' })}
      on conflict do nothing
      returning chat_id, bare_id, message_id
    ), taken as (
      delete from waiting_changes w using claimed c
      where w.account_id = ${accountId}::uuid and w.chat_id = c.chat_id and w.bare_id = c.bare_id
        -- Nothing waits as a rule: then none is looked for.
        and exists (select from waiting_changes any_of where any_of.account_id = ${accountId}::uuid)
      returning w.id, w.chat_id, w.bare_id, w.event
    )
    select (select json_agg(message_id) from claimed) as claimed,
      (select json_agg(taken order by id) from taken) as waited`.execute(trx);
  return { messageIds: new Set(rows[0]?.claimed ?? []), waited: rows[0]?.waited ?? [] };
}

export async function findKeys(trx: Executor, accountId: AccountId, targets: readonly Target[]) {
  const { rows } = await sql<KnownKey>`
    select k.chat_id, k.bare_id, k.message_id
    from ${recordset(targets, TARGET_COLUMNS)}
    join message_keys k
      on k.account_id = ${accountId}::uuid and k.chat_id = r.chat_id and k.bare_id = r.bare_id`.execute(trx);
  return rows;
}

/** The rows of messages, locked until the transaction ends: the sender writes to the same ones. */
export async function lockRows(trx: Executor, messageIds: readonly string[]): Promise<readonly IngestRow[]> {
  const { rows } = await sql<IngestRow>`
    select ${columnList(ROW_COLUMNS)} from messages
    where ${isOneOfMessages(messageIds)}
    order by id
    for update`.execute(trx);
  return rows;
}

/** Leaves changes for messages that are still to come; one that waits already is not written twice. */
export async function insertWaitingChanges(
  trx: Executor,
  accountId: AccountId,
  changes: readonly WaitingChange[],
): Promise<void> {
  const records = recordset(changes, { ...TARGET_COLUMNS, event: 'jsonb' });
  await sql`
    insert into waiting_changes (account_id, chat_id, bare_id, event)
    select ${accountId}::uuid, r.chat_id, r.bare_id, r.event from ${records}
    where not exists (
      select from waiting_changes w
      where w.account_id = ${accountId}::uuid and w.chat_id = r.chat_id and w.bare_id = r.bare_id
        and w.event = r.event
    )`.execute(trx);
}

export async function insertRows(trx: Executor, rows: readonly IngestRow[]): Promise<void> {
  await sql`
    insert into messages (${columnList(ROW_COLUMNS)})
    select ${columnList(ROW_COLUMNS)} from ${recordset(rows, ROW_COLUMNS)}`.execute(trx);
}

export async function updateRows(trx: Executor, rows: readonly IngestRow[]): Promise<void> {
  const ids = rows.map(({ id }) => id);
  const assignments = Object.keys(MUTABLE_COLUMNS).map((name) => sql`${sql.ref(name)} = r.${sql.ref(name)}`);
  await sql`
    update messages m set ${sql.join(assignments)}
    from ${recordset(rows, { id: 'uuid', timestamp: 'timestamptz', ...MUTABLE_COLUMNS })}
    where m.id = r.id and m."timestamp" = r."timestamp" and ${isWithinRange(ids, 'm')}`.execute(trx);
}

/** Adds to the counters of the account's local date of `now`. */
export async function addUsage(
  trx: Executor,
  accountId: AccountId,
  { received, failed }: { readonly received: number; readonly failed: number },
  now: Date,
): Promise<void> {
  await sql`
    insert into account_usage as old (account_id, local_date, received, failed)
    select id, (${now}::timestamptz at time zone timezone)::date, ${received}::integer, ${failed}::integer
    from accounts where id = ${accountId}::uuid
    on conflict (account_id, local_date) do update
    set received = old.received + excluded.received, failed = old.failed + excluded.failed`.execute(trx);
}

function columnList(columns: ColumnTypes): RawBuilder<unknown> {
  return sql.join(Object.keys(columns).map((name) => sql.ref(name)));
}
