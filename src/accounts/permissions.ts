/** What a key may be allowed to do. */
export const PERMISSIONS = [
  'whatsapp:read',
  'whatsapp:send',
  'whatsapp:connect',
  'whatsapp:disconnect',
  'whatsapp:manage',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

interface RoleRule {
  readonly permissions: readonly Permission[];
  /** Sees every account of its tenant; the others only those that they were granted. */
  readonly seesAllAccounts: boolean;
}

/** Role → what it may do. */
export const ROLES = {
  owner: { permissions: PERMISSIONS, seesAllAccounts: true },
  admin: { permissions: PERMISSIONS, seesAllAccounts: true },
  agent: { permissions: ['whatsapp:read', 'whatsapp:send'], seesAllAccounts: false },
  viewer: { permissions: ['whatsapp:read'], seesAllAccounts: false },
} as const satisfies Record<string, RoleRule>;

export type Role = keyof typeof ROLES;

/** What the role allows, narrowed to the scopes where there are any: scopes never add to a role. */
export function permissionsOf(role: Role, scopes: readonly Permission[] | null): ReadonlySet<Permission> {
  const { permissions }: RoleRule = ROLES[role];
  return new Set(scopes === null ? permissions : permissions.filter((each) => scopes.includes(each)));
}

export function parseRole(value: string): Role {
  if (Object.hasOwn(ROLES, value)) return value as Role;
  throw new TypeError(`Not a role: ${value}`);
}

export function parsePermission(value: string): Permission {
  const found = PERMISSIONS.find((permission) => permission === value);
  if (found !== undefined) return found;
  throw new TypeError(`Not a permission: ${value}`);
}
