import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { AddressPair } from '../messages/address.ts';
import type { Ack } from '../messages/message.ts';
import type { Executor } from './database.ts';
import { applyChange, type ChangeEvent } from './ingest-merge.ts';
import type { IngestRow } from './ingest-row.ts';
import { lockRows, updateRows } from './ingest-statements.ts';
import { isMessage, isOneOfMessages } from './message-lookup.ts';

/** What hangs on a message, by what it is one within the message. */
const HANGING = {
  message_reactions: 'sender_id',
  poll_votes: 'voter_id',
  message_edits: 'edited_at',
} as const;

/**
 * Makes one row of each message that was stored under a LID and again under the number, before anybody knew that both
 * are one. The row that was there first stays, and takes over what the other knows; a reply that names the other names
 * it from now on.
 */
export async function mergeDoubles(trx: Executor, accountId: AccountId, pair: AddressPair): Promise<void> {
  const { rows: doubles } = await sql<{ one: string; other: string }>`
    select l.message_id as one, p.message_id as other
    from message_keys l
    join message_keys p on p.account_id = l.account_id and p.chat_id = ${pair.phone} and p.bare_id = l.bare_id
    where l.account_id = ${accountId}::uuid and l.chat_id = ${pair.lid} and l.message_id <> p.message_id`.execute(
    trx,
  );
  if (doubles.length === 0) return;
  const ids = doubles.flatMap(({ one, other }) => [one, other]);
  const rows = new Map((await lockRows(trx, ids)).map((row) => [row.id, row]));
  const order = await listOrder(trx, ids);
  for (const { one, other } of doubles) {
    const [kept, gone] = [one, other]
      .sort((a, b) => order.indexOf(a) - order.indexOf(b))
      // A message that was purged under either name has no row; the one that is there is the message.
      .sort((a, b) => Number(rows.has(b)) - Number(rows.has(a)));
    if (kept !== undefined && gone !== undefined) await mergeInto(trx, accountId, pair, { kept, gone, rows });
  }
}

/** The ids in the order in which their rows were made; the stub of a revoked message comes last. */
async function listOrder(trx: Executor, ids: readonly string[]): Promise<readonly string[]> {
  const rows = await trx
    .selectFrom('messages')
    .select('id')
    .where(isOneOfMessages(ids))
    .orderBy(sql`type = 'revoked'`)
    .orderBy('seq')
    .execute();
  return rows.map(({ id }) => id);
}

async function mergeInto(
  trx: Executor,
  accountId: AccountId,
  { lid, phone }: AddressPair,
  { kept, gone, rows }: { kept: string; gone: string; rows: ReadonlyMap<string, IngestRow> },
): Promise<void> {
  const [row, other] = [rows.get(kept), rows.get(gone)];
  if (row !== undefined && other !== undefined) {
    for (const change of rowToChanges(other)) applyChange(row, change);
    await updateRows(trx, [row]);
  }
  for (const [table, name] of Object.entries(HANGING)) {
    await sql`
      with moved as (delete from ${sql.table(table)} where message_id = ${gone}::uuid returning *)
      insert into ${sql.table(table)}
      select (jsonb_populate_record(null::${sql.table(table)},
        to_jsonb(moved) || jsonb_build_object('message_id', ${kept}::text))).* from moved
      on conflict (message_id, ${sql.ref(name)}) do nothing`.execute(trx);
  }
  await uncount(trx, accountId, gone);
  await trx.deleteFrom('messages').where(isMessage(gone)).execute();
  await sql`
    update message_changes
    -- It became known once.
    set message_id = ${kept}::uuid, kind = case kind when 'message' then 'status' else kind end
    where account_id = ${accountId}::uuid and chat_id in (${lid}, ${phone}) and message_id = ${gone}::uuid`.execute(
    trx,
  );
  await sql`update message_keys set message_id = ${kept}::uuid where message_id = ${gone}::uuid`.execute(trx);
  await sql`
    update messages set reply_to = ${kept}
    where account_id = ${accountId}::uuid and chat_id in (${lid}, ${phone}) and reply_to = ${gone}`.execute(
    trx,
  );
}

/** A message that came in was counted with each of its rows. */
async function uncount(trx: Executor, accountId: AccountId, id: string): Promise<void> {
  await sql`
    update account_usage u set received = greatest(0, u.received - 1)
    from messages m join accounts a on a.id = m.account_id
    where ${isMessage(id, 'm')} and m.direction = 'incoming' and u.account_id = ${accountId}::uuid
      and a.id = u.account_id and u.local_date = (m.created_at at time zone a.timezone)::date`.execute(trx);
}

/** What a row knows of its message's way, as the changes that brought it there. */
function rowToChanges(row: IngestRow): ChangeEvent[] {
  const key = {
    fromMe: row.direction === 'outgoing',
    chatId: row.chat_id,
    bareId: row.bare_id ?? '',
    participant: null,
  };
  const target = { key, chatId: row.chat_id };
  const steps: readonly [Ack, Date | null][] = [
    [1, row.sent_at],
    [2, row.delivered_at],
    [3, row.read_at],
    [4, row.played_at],
  ];
  const changes: ChangeEvent[] = steps.flatMap(([ack, at]) =>
    at === null ? [] : [{ kind: 'ack' as const, ...target, ack, reason: null, at: at.getTime() }],
  );
  const text = row.caption ?? row.text;
  if (row.edited_at !== null && text !== null)
    changes.push({ kind: 'edit', ...target, text, at: row.edited_at.getTime() });
  if (row.revoked_at !== null) changes.push({ kind: 'revoke', ...target, at: row.revoked_at.getTime() });
  if (row.media_status === 'stored' && row.media_sha256 !== null && row.mime_type !== null) {
    const { media_sha256: sha256, mime_type: mimeType, file_size: fileSize, file_name: fileName } = row;
    const result = { status: 'stored', sha256, mimeType, fileSize: fileSize ?? 0, fileName } as const;
    changes.push({ kind: 'media', ...target, result, at: row.timestamp.getTime() });
  }
  return changes;
}
