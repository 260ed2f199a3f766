import { type RawBuilder, sql } from 'kysely';
import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import { ACCEPTANCE_TERMS } from '../messages/acceptance-terms.ts';
import type { MessageStatus } from '../messages/message.ts';
import type { Executor } from './database.ts';
import { recordset } from './recordset.ts';

/**
 * Idempotency keys, one row for account and key. A row without a message or another answer is a claim: its request is being
 * accepted. The next request with the key takes a claim over that this instance holds and knows nothing of (it died, or
 * could not give it back), and one that is older than any acceptance lasts: it belongs to another daemon that died or to a
 * request that hangs. If the first one lives after all, whichever of the two completes first has the result, and the other none.
 * Ages are those of the database's clock, which all daemons share.
 */

/** How long a result is kept, in hours: promised to users. */
const KEPT_HOURS = 24;
/** The age at which a claim counts as abandoned, in seconds. */
const CLAIM_SECONDS = ACCEPTANCE_TERMS.claimMs / 1_000;

export interface IdempotencyClaim {
  readonly accountId: AccountId;
  readonly key: string;
  readonly requestHash: string;
  /** Tells this claim from one that took it over. */
  readonly claimedAt: Date;
}

/** What the acceptance of a message comes to. */
export type AcceptedStatus = Extract<MessageStatus, 'pending' | 'deferred'>;

/** What a request was answered, and is answered again. */
export interface IdempotentAnswer {
  readonly messageId: MessageId;
  readonly status: AcceptedStatus;
}

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly claim: IdempotencyClaim }
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'other-request' }
  | ({ readonly kind: 'stored' } & IdempotentAnswer)
  /** The answer of a request that is no single send, as it was stored. */
  | { readonly kind: 'answered'; readonly answer: unknown };

/** A key, and what tells requests with it apart. */
export interface KeyedRequest {
  readonly key: string;
  readonly requestHash: string;
  /** True if this instance is at work on no other request with the key. */
  readonly isAlone: boolean;
}

export interface KeyWish extends KeyedRequest {
  readonly accountId: AccountId;
  readonly instanceId: InstanceId;
}

/**
 * Claims the keys of requests, which differ, in a few statements, or tells what became of each. Of any number that claim one at
 * the same time, one gets it.
 */
export async function claimIdempotencyKeys(
  db: Executor,
  { accountId, instanceId }: Pick<KeyWish, 'accountId' | 'instanceId'>,
  requests: readonly KeyedRequest[],
): Promise<ReadonlyMap<string, ClaimResult>> {
  const results = new Map<string, ClaimResult>();
  for (let open = requests; open.length > 0; ) {
    const claimed = await insertClaims(db, { accountId, instanceId }, open);
    const taken = await readTaken(
      db,
      accountId,
      open.flatMap(({ key }) => (claimed.has(key) ? [] : [key])),
    );
    for (const { key, requestHash } of open) {
      const claimedAt = claimed.get(key);
      const row = taken.get(key);
      if (claimedAt !== undefined)
        results.set(key, { kind: 'claimed', claim: { accountId, key, requestHash, claimedAt } });
      else if (row !== undefined) results.set(key, rowToResult(row, requestHash));
    }
    // What was given back between the two statements is claimed after all.
    open = open.filter(({ key }) => !results.has(key));
  }
  return results;
}

/** When each of the keys was claimed; those that are not free are missing. */
async function insertClaims(
  db: Executor,
  { accountId, instanceId }: Pick<KeyWish, 'accountId' | 'instanceId'>,
  requests: readonly KeyedRequest[],
): Promise<ReadonlyMap<string, Date>> {
  const wished = requests.map(({ key, requestHash: request_hash }) => ({ key, request_hash }));
  const alone = requests.flatMap(({ key, isAlone }) => (isAlone ? [key] : []));
  // Milliseconds, since a Date holds no more and the token has to come back unchanged.
  const { rows } = await sql<{ key: string; created_at: Date }>`
    insert into idempotency_keys as old (account_id, key, request_hash, claimed_by, created_at)
    select ${accountId}::uuid, r.key, r.request_hash, ${instanceId}, date_trunc('milliseconds', clock_timestamp())
    from ${recordset(wished, { key: 'text', request_hash: 'text' })} order by r.key
    on conflict (account_id, key) do update
    set request_hash = excluded.request_hash, message_id = null, status = null, answer = null,
      claimed_by = excluded.claimed_by, created_at = excluded.created_at
    where ${isOver('old')}
      or (${isClaim('old')} and old.claimed_by = excluded.claimed_by and old.key = any(${alone}::text[]))
    returning key, created_at`.execute(db);
  return new Map(rows.map((row) => [row.key, row.created_at]));
}

interface TakenRow {
  readonly key: string;
  readonly request_hash: string;
  readonly message_id: string | null;
  readonly status: string | null;
  readonly answer: unknown;
}

async function readTaken(
  db: Executor,
  accountId: AccountId,
  keys: readonly string[],
): Promise<ReadonlyMap<string, TakenRow>> {
  if (keys.length === 0) return new Map();
  const { rows } = await sql<TakenRow>`
    select key, request_hash, message_id, status, answer from idempotency_keys
    where account_id = ${accountId}::uuid and key = any(${keys}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.key, row]));
}

function rowToResult(row: TakenRow, requestHash: string): ClaimResult {
  if (row.request_hash !== requestHash) return { kind: 'other-request' };
  if (row.answer !== null) return { kind: 'answered', answer: row.answer };
  if (row.message_id === null) return { kind: 'in-progress' };
  const status = (row.status ?? 'pending') as AcceptedStatus;
  return { kind: 'stored', messageId: row.message_id as MessageId, status };
}

/** A claim, and the message that it came to. */
export interface Completion extends IdempotentAnswer {
  readonly claim: IdempotencyClaim;
}

/**
 * Stores what claims of one account came to; belongs into the transaction that writes the messages. Returns the keys under
 * which another request was ahead: their messages must not be written then.
 */
export async function completeIdempotencyClaims(
  trx: Executor,
  accountId: AccountId,
  completions: readonly Completion[],
): Promise<ReadonlySet<string>> {
  if (completions.length === 0) return new Set();
  const told = completions.map(({ claim, messageId, status }) => ({
    key: claim.key,
    request_hash: claim.requestHash,
    message_id: messageId,
    status,
  }));
  const columns = { key: 'text', request_hash: 'text', message_id: 'uuid', status: 'text' };
  const { rows } = await sql<{ key: string }>`
    insert into idempotency_keys as old (account_id, key, request_hash, message_id, status)
    select ${accountId}::uuid, r.key, r.request_hash, r.message_id, r.status
    from ${recordset(told, columns)} order by r.key
    on conflict (account_id, key) do update set message_id = excluded.message_id, status = excluded.status
    where ${isClaim('old')} and old.request_hash = excluded.request_hash
    returning key`.execute(trx);
  const stored = new Set(rows.map(({ key }) => key));
  return new Set(completions.flatMap(({ claim }) => (stored.has(claim.key) ? [] : [claim.key])));
}

/** Stores what a claim's request was answered. False if another request with the key was ahead: nothing may come of this one. */
export async function answerIdempotencyClaim(
  db: Executor,
  { accountId, key, requestHash }: IdempotencyClaim,
  answer: object,
): Promise<boolean> {
  const { rows } = await sql`
    insert into idempotency_keys as old (account_id, key, request_hash, answer)
    values (${accountId}::uuid, ${key}, ${requestHash}, ${JSON.stringify(answer)}::jsonb)
    on conflict (account_id, key) do update set answer = excluded.answer
    where ${isClaim('old')} and old.request_hash = excluded.request_hash
    returning true`.execute(db);
  return rows.length > 0;
}

/** Frees the keys of requests of one account that were not accepted. A claim that was taken over or completed stays. */
export async function releaseIdempotencyClaims(
  db: Executor,
  accountId: AccountId,
  claims: readonly IdempotencyClaim[],
): Promise<void> {
  if (claims.length === 0) return;
  const given = claims.map(({ key, claimedAt: claimed_at }) => ({ key, claimed_at }));
  await sql`
    delete from idempotency_keys k using ${recordset(given, { key: 'text', claimed_at: 'timestamptz' })}
    where k.account_id = ${accountId}::uuid and k.key = r.key and k.created_at = r.claimed_at
      and ${isClaim('k')}`.execute(db);
}

/** Deletes the keys that are over. Returns how many those were. */
export async function deleteOldIdempotencyKeys(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('idempotency_keys')
    .where(isOver('idempotency_keys'))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

function isClaim(table: string): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(`${table}.message_id`)} is null and ${sql.ref(`${table}.answer`)} is null)`;
}

function isOver(table: string): RawBuilder<boolean> {
  const createdAt = sql.ref(`${table}.created_at`);
  return sql<boolean>`(${createdAt} < now() - make_interval(hours => ${KEPT_HOURS})
    or ${isClaim(table)} and ${createdAt} < now() - make_interval(secs => ${CLAIM_SECONDS}))`;
}
