import { expect, it } from 'vitest';
import { PERMISSIONS, parseRole, type Role, roleMay } from '../../../src/accounts/permissions.ts';

it.each<[Role, readonly string[]]>([
  ['owner', PERMISSIONS],
  ['admin', PERMISSIONS],
  ['agent', ['whatsapp:read', 'whatsapp:send']],
  ['viewer', ['whatsapp:read']],
])('%s may exactly %j', (role, expected) => {
  expect(PERMISSIONS.filter((permission) => roleMay(role, permission))).toEqual(expected);
});

it('knows no other roles', () => {
  expect(() => parseRole('root')).toThrow();
  expect(() => parseRole('toString')).toThrow();
});
