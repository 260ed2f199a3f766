import { randomUUID } from 'node:crypto';
import type { TenantId } from '../accounts/ids.ts';
import { parseRole, type Role } from '../accounts/permissions.ts';
import type { Executor } from './database.ts';

/** An API key as far as it is stored: its hash, never the key. */
export interface ApiKey {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly role: Role;
  readonly name: string;
  readonly sha256: string;
  readonly revokedAt: Date | null;
}

export interface OwnerKey {
  readonly tenantId: TenantId;
  /** Names the place that the key comes from. */
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** First characters of the key. */
  readonly prefix: string;
}

/** The key with this hash, revoked or not. */
export async function findApiKey(db: Executor, sha256: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('sha256', '=', sha256).executeTakeFirst();
  return (
    row && {
      id: row.id,
      tenantId: row.tenant_id as TenantId,
      role: parseRole(row.role),
      name: row.name,
      sha256: row.sha256,
      revokedAt: row.revoked_at,
    }
  );
}

/** Whether there is a key with this id that was not revoked. */
export async function isKeyInForce(db: Executor, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('api_keys')
    .select('id')
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Makes this the tenant's owner key of the given names, all or nothing: keys that came from one of `replaces` are
 * revoked, keys that people made stay. Safe to call again.
 */
export async function saveOwnerKey(db: Executor, key: OwnerKey, replaces: readonly string[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx
      .updateTable('api_keys')
      .set({ revoked_at: new Date() })
      .where('tenant_id', '=', key.tenantId)
      .where('name', 'in', replaces)
      .where('sha256', '<>', key.sha256)
      .where('revoked_at', 'is', null)
      .execute();
    await trx
      .insertInto('api_keys')
      .values({
        id: randomUUID(),
        tenant_id: key.tenantId,
        role: 'owner' satisfies Role,
        name: key.name,
        prefix: key.prefix,
        sha256: key.sha256,
      })
      .onConflict((conflict) =>
        conflict.column('sha256').doUpdateSet({
          tenant_id: key.tenantId,
          role: 'owner' satisfies Role,
          name: key.name,
          revoked_at: null,
        }),
      )
      .execute();
  });
}
