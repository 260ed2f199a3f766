import { expect, it } from 'vitest';
import { DEFAULT_TENANT } from '../../../src/accounts/ids.ts';
import { type Permission, permissionsOf, type Role } from '../../../src/accounts/permissions.ts';
import { mayGive, type Principal, principalToScope } from '../../../src/accounts/principal.ts';

function principalOf(role: Role, scopes: readonly Permission[] | null = null): Principal {
  const permissions = permissionsOf(role, scopes);
  return {
    kind: 'user',
    id: 'ada',
    name: 'Ada',
    tenantId: DEFAULT_TENANT,
    role,
    permissions,
    expiresAt: null,
  };
}

it.each<[Role, string | null]>([
  ['owner', null],
  ['admin', null],
  ['agent', 'ada'],
  ['viewer', 'ada'],
])('%s sees the accounts granted to %j', (role, grantee) => {
  expect(principalToScope(principalOf(role))).toEqual({ tenantId: DEFAULT_TENANT, grantee });
});

it('gives away no more than it has', () => {
  const narrowed = principalOf('admin', ['whatsapp:read', 'whatsapp:manage']);
  expect(mayGive(narrowed, permissionsOf('viewer', null))).toBe(true);
  expect(mayGive(narrowed, permissionsOf('agent', null))).toBe(false);
  expect(mayGive(narrowed, permissionsOf('admin', ['whatsapp:manage']))).toBe(true);
});
