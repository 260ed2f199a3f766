import type { TenantId } from './ids.ts';
import { type Permission, ROLES, type Role } from './permissions.ts';

/** Who asks: the holder of an API key, or a user whom the host application vouches for. */
export interface Principal {
  readonly kind: 'key' | 'user';
  /** Of a key its id, of a user the `sub` of the token; what accounts are granted to. */
  readonly id: string;
  /** For people who read who it was. */
  readonly name: string;
  readonly tenantId: TenantId;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** Milliseconds since the epoch from which on it is nobody; null if it lasts. */
  readonly expiresAt: number | null;
}

/** Which accounts can be seen: those of a tenant, of which a grantee sees only what was granted to it. */
export interface AccountScope {
  readonly tenantId: TenantId;
  /** Null sees every account of the tenant. */
  readonly grantee: string | null;
}

/** The accounts that the principal may see. */
export function principalToScope({ tenantId, role, id }: Principal): AccountScope {
  return { tenantId, grantee: ROLES[role].seesAllAccounts ? null : id };
}

/** True if the principal may do everything that another with these permissions may. */
export function mayGive(principal: Principal, permissions: ReadonlySet<Permission>): boolean {
  return [...permissions].every((permission) => principal.permissions.has(permission));
}
