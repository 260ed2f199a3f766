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

export function roleMay(role: Role, permission: Permission): boolean {
  const { permissions }: RoleRule = ROLES[role];
  return permissions.includes(permission);
}

export function parseRole(value: string): Role {
  if (Object.hasOwn(ROLES, value)) return value as Role;
  throw new TypeError(`Not a role: ${value}`);
}
