import { type RawBuilder, sql } from 'kysely';
import type { AccountId, InstanceId, MessageId } from '../accounts/ids.ts';
import type { MessageStatus } from '../messages/message.ts';
import type { Executor } from './database.ts';

/**
 * Idempotency keys, one row for account and key. A row without a message is a claim: its request is being
 * accepted. The next request with the key takes a claim over that this instance holds and knows nothing of (it died, or
 * could not give it back), and one that lives longer than a minute: it belongs to another daemon that died or to a request
 * that hangs. If the first one lives after all, whichever of the two completes first has the result, and the other none.
 * Ages are those of the database's clock, which all daemons share.
 */

/** How long a result is kept, in hours: promised to users. */
const KEPT_HOURS = 24;
/** How long a request may take to be accepted before its key counts as abandoned, in seconds. */
const CLAIM_SECONDS = 60;

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
  | ({ readonly kind: 'stored' } & IdempotentAnswer);

export interface KeyWish extends Omit<IdempotencyClaim, 'claimedAt'> {
  readonly instanceId: InstanceId;
  /** True if this instance is at work on no other request with the key. */
  readonly isAlone: boolean;
}

/** Claims a key for a request, or tells what became of it. Of any number at the same time, one gets the claim. */
export async function claimIdempotencyKey(db: Executor, request: KeyWish): Promise<ClaimResult> {
  const { accountId, key, requestHash, instanceId, isAlone } = request;
  for (;;) {
    // Milliseconds, since a Date holds no more and the token has to come back unchanged.
    const { rows } = await sql<{ created_at: Date }>`
      insert into idempotency_keys as old (account_id, key, request_hash, claimed_by, created_at)
      values (${accountId}::uuid, ${key}, ${requestHash}, ${instanceId},
        date_trunc('milliseconds', clock_timestamp()))
      on conflict (account_id, key) do update
      set request_hash = excluded.request_hash, message_id = null, status = null,
        claimed_by = excluded.claimed_by, created_at = excluded.created_at
      where ${isOver('old')}
        or (${isAlone} and old.message_id is null and old.claimed_by = excluded.claimed_by)
      returning created_at`.execute(db);
    const [claimed] = rows;
    if (claimed)
      return { kind: 'claimed', claim: { accountId, key, requestHash, claimedAt: claimed.created_at } };

    const row = await db
      .selectFrom('idempotency_keys')
      .select(['request_hash', 'message_id', 'status'])
      .where('account_id', '=', accountId)
      .where('key', '=', key)
      .executeTakeFirst();
    // Given back between the two statements: claim it after all.
    if (row === undefined) continue;
    if (row.request_hash !== requestHash) return { kind: 'other-request' };
    if (row.message_id === null) return { kind: 'in-progress' };
    const status = (row.status ?? 'pending') as AcceptedStatus;
    return { kind: 'stored', messageId: row.message_id as MessageId, status };
  }
}

/**
 * Stores the claim's result; belongs into the transaction that writes the message. False if another request with
 * the key was ahead: the message must not be written then.
 */
export async function completeIdempotencyClaim(
  trx: Executor,
  claim: IdempotencyClaim,
  { messageId, status }: IdempotentAnswer,
): Promise<boolean> {
  const { accountId, key, requestHash } = claim;
  const { rows } = await sql`
    insert into idempotency_keys as old (account_id, key, request_hash, message_id, status)
    values (${accountId}::uuid, ${key}, ${requestHash}, ${messageId}::uuid, ${status})
    on conflict (account_id, key) do update set message_id = excluded.message_id, status = excluded.status
    where old.message_id is null and old.request_hash = excluded.request_hash
    returning true`.execute(trx);
  return rows.length > 0;
}

/** Frees the key of a request that was not accepted. A claim that was taken over or completed stays. */
export async function releaseIdempotencyClaim(db: Executor, claim: IdempotencyClaim): Promise<void> {
  await db
    .deleteFrom('idempotency_keys')
    .where('account_id', '=', claim.accountId)
    .where('key', '=', claim.key)
    .where('message_id', 'is', null)
    .where(sql<boolean>`created_at = ${claim.claimedAt}`)
    .execute();
}

/** Deletes the keys that are over. Returns how many those were. */
export async function deleteOldIdempotencyKeys(db: Executor): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('idempotency_keys')
    .where(isOver('idempotency_keys'))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

function isOver(table: string): RawBuilder<boolean> {
  const createdAt = sql.ref(`${table}.created_at`);
  return sql<boolean>`(${createdAt} < now() - make_interval(hours => ${KEPT_HOURS})
    or ${sql.ref(`${table}.message_id`)} is null
      and ${createdAt} < now() - make_interval(secs => ${CLAIM_SECONDS}))`;
}
