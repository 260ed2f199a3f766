import { randomUUID } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import type { InstanceId, TenantId } from '../accounts/ids.ts';
import { type Permission, parsePermission, parseRole, type Role } from '../accounts/permissions.ts';
import type { Executor } from './database.ts';
import type { ApiKeyTable } from './schema.ts';
import { transact } from './transaction.ts';

/** An API key as far as it is stored: its hash, never the key. */
export interface ApiKey {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly role: Role;
  readonly name: string;
  /** First characters of the key. */
  readonly prefix: string;
  readonly sha256: string;
  /** What the role is narrowed to; null does not narrow it. */
  readonly scopes: readonly Permission[] | null;
  readonly createdAt: Date;
  /** Id of the principal that made it; null for the daemon itself. */
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
  /** The instances whose owner key it is; none of a key that somebody made. */
  readonly instances: readonly InstanceId[];
}

export interface OwnerKey {
  readonly tenantId: TenantId;
  /** Whose it is from now on. */
  readonly instanceId: InstanceId;
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
  return row && rowToKey(row);
}

/** The key with this id, revoked or not. */
export async function findApiKeyById(db: Executor, id: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && rowToKey(row);
}

/** True at the instant `now` (milliseconds) if the key is neither revoked nor expired. */
export function isKeyInForce({ revokedAt, expiresAt }: ApiKey, now: number): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt.getTime() > now);
}

/** Notes that the key was used. Whoever notes the same at the same moment is not waited for. */
export async function noteKeyUse(db: Executor, id: string, at: Date): Promise<void> {
  await sql`
    update api_keys set last_used_at = ${at.toISOString()}::timestamptz
    where id = (select id from api_keys where id = ${id} for update skip locked)`.execute(db);
}

export function rowToKey(row: Selectable<ApiKeyTable>): ApiKey {
  return {
    id: row.id,
    tenantId: row.tenant_id as TenantId,
    role: parseRole(row.role),
    name: row.name,
    prefix: row.prefix,
    sha256: row.sha256,
    scopes: row.scopes?.map(parsePermission) ?? null,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
    instances: row.instances as InstanceId[],
  };
}

/**
 * Makes this the instance's owner key of the given names, all or nothing: it has no other one from then on. One that it had
 * is revoked unless another instance that has a run has it as well. So is one that no instance is known to have had, as it
 * came from a daemon of an earlier version. Those of other instances stay, and so do keys that people made. Safe to call again.
 */
export async function saveOwnerKey(db: Executor, key: OwnerKey, names: readonly string[]): Promise<void> {
  await transact(db, async (trx) => {
    await leaveOwnerKeys(trx, key, names);
    await insertOwnerKey(trx, key);
  });
}

async function leaveOwnerKeys(
  trx: Executor,
  { tenantId, instanceId, sha256 }: OwnerKey,
  names: readonly string[],
): Promise<void> {
  await sql`
    update api_keys set instances = array_remove(instances, ${instanceId}), revoked_at = case when exists (
        select from instances where instance_id <> ${instanceId} and instance_id = any(api_keys.instances)
      ) then null else now() end
    where tenant_id = ${tenantId} and name = any(${names}::text[]) and sha256 <> ${sha256} and revoked_at is null
      and (instances = '{}' or ${instanceId} = any(instances))`.execute(trx);
}

async function insertOwnerKey(
  trx: Executor,
  { tenantId, instanceId, name, prefix, sha256 }: OwnerKey,
): Promise<void> {
  const given = { tenant_id: tenantId, role: 'owner' satisfies Role, name };
  await trx
    .insertInto('api_keys')
    .values({ ...given, id: randomUUID(), prefix, sha256, instances: [instanceId] })
    .onConflict((conflict) =>
      conflict.column('sha256').doUpdateSet({
        ...given,
        scopes: null,
        expires_at: null,
        revoked_at: null,
        instances: sql<
          string[]
        >`array_append(array_remove(api_keys.instances, ${instanceId}), ${instanceId})`,
      }),
    )
    .execute();
}
