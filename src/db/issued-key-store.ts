import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { TenantId } from '../accounts/ids.ts';
import { judgeRevocation, type RevocationVerdict } from '../accounts/key-rules.ts';
import type { Permission, Role } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { type ApiKey, rowToKey } from './api-key-store.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

/** A key that somebody makes. */
export interface NewKey {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Permission[] | null;
  readonly expiresAt: Date | null;
  readonly createdBy: string;
  /** First characters of the key. */
  readonly prefix: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export async function insertKey(db: Executor, key: NewKey): Promise<ApiKey> {
  const row = await db
    .insertInto('api_keys')
    .values({
      id: randomUUID(),
      tenant_id: key.tenantId,
      role: key.role,
      name: toStorable(key.name),
      scopes: key.scopes,
      expires_at: key.expiresAt,
      created_by: key.createdBy,
      prefix: key.prefix,
      sha256: key.sha256,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return rowToKey(row);
}

/** The tenant's keys that were not revoked, oldest first. */
export async function listKeys(
  db: Executor,
  tenantId: TenantId,
  { limit, after }: PageRequest,
): Promise<Page<ApiKey>> {
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .select(instantText('created_at').as('position_at'))
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) > (${after?.at}::timestamptz, ${after?.tie}::uuid)`),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: rowToKey,
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

/**
 * Revokes a key of the principal's tenant, with what was granted to it, if the principal may do that at the instant `now`.
 * Of two that revoke the last two owner keys at the same moment only one succeeds. `alongside` is done in the same transaction.
 */
export function revokeKey(
  db: Executor,
  principal: Principal,
  {
    id,
    now,
    alongside,
  }: {
    readonly id: string;
    readonly now: Date;
    readonly alongside: (trx: Executor, key: ApiKey) => Promise<void>;
  },
): Promise<{ readonly verdict: RevocationVerdict; readonly key: ApiKey } | undefined> {
  return transact(db, async (trx) => {
    const rows = await trx
      .selectFrom('api_keys')
      .selectAll()
      .where('tenant_id', '=', principal.tenantId)
      .where('revoked_at', 'is', null)
      .where(({ or, eb }) => or([eb('id', '=', id), eb('role', '=', 'owner' satisfies Role)]))
      .orderBy('id')
      .forUpdate()
      .execute();
    const keys = rows.map(rowToKey);
    const key = keys.find((each) => each.id === id);
    if (key === undefined) return undefined;
    const others = keys.filter((each) => each !== key);
    const verdict = judgeRevocation(principal, { key, others, now: now.getTime() });
    if (verdict === 'allowed') {
      await trx.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute();
      await trx.deleteFrom('account_grants').where('user_id', '=', id).where(isOfTenant(key)).execute();
      await alongside(trx, key);
    }
    return { verdict, key };
  });
}

function isOfTenant({ tenantId }: ApiKey) {
  return sql<boolean>`account_id in (select id from accounts where tenant_id = ${tenantId})`;
}
