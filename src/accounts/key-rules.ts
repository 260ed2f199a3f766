import { type Permission, permissionsOf, ROLES, type Role } from './permissions.ts';
import { mayGive, type Principal } from './principal.ts';

/** What a key may do, and until when. */
export interface KeyPower {
  readonly role: Role;
  /** Null does not narrow the role. */
  readonly scopes: readonly Permission[] | null;
  readonly expiresAt: Date | null;
}

/** The scopes that the role does not hold: they would do nothing. */
export function findVainScopes(role: Role, scopes: readonly Permission[]): readonly Permission[] {
  const { permissions }: { readonly permissions: readonly Permission[] } = ROLES[role];
  return scopes.filter((scope) => !permissions.includes(scope));
}

/**
 * True if the principal may make such a key: none that may do more than itself, or lasts longer, and only owners make owner
 * keys.
 */
export function mayIssue(principal: Principal, { role, scopes, expiresAt }: KeyPower): boolean {
  const { expiresAt: own } = principal;
  const isOutlived = own !== null && (expiresAt === null || expiresAt.getTime() > own);
  return isOwnerMatter(principal, role) && !isOutlived && mayGive(principal, permissionsOf(role, scopes));
}

export type RevocationVerdict = 'allowed' | 'forbidden' | 'last-owner-key';

/**
 * Whether the principal may revoke the key: only owners revoke owner keys, and of those that can manage the tenant at the
 * instant `now` (milliseconds) one stays, one without expiry where there is one. `others` are the keys of the tenant that
 * are not revoked, without this one.
 */
export function judgeRevocation(
  principal: Pick<Principal, 'role'>,
  {
    key,
    others,
    now,
  }: { readonly key: KeyPower; readonly others: readonly KeyPower[]; readonly now: number },
): RevocationVerdict {
  if (!isOwnerMatter(principal, key.role)) return 'forbidden';
  const staysAsLongAs = (other: KeyPower) =>
    isKeyOfTheHouse(other, now) && (key.expiresAt !== null || other.expiresAt === null);
  const isLast = isKeyOfTheHouse(key, now) && !others.some(staysAsLongAs);
  return isLast ? 'last-owner-key' : 'allowed';
}

function isOwnerMatter(principal: Pick<Principal, 'role'>, role: Role): boolean {
  return role !== 'owner' || principal.role === 'owner';
}

/** An owner key that manages the tenant. */
function isKeyOfTheHouse({ role, scopes, expiresAt }: KeyPower, now: number): boolean {
  const isInTime = expiresAt === null || expiresAt.getTime() > now;
  return role === 'owner' && isInTime && permissionsOf(role, scopes).has('whatsapp:manage');
}
