import { expect, it } from 'vitest';
import {
  PERMISSIONS,
  type Permission,
  parsePermission,
  parseRole,
  permissionsOf,
  type Role,
} from '../../../src/accounts/permissions.ts';

it.each<[Role, readonly string[]]>([
  ['owner', PERMISSIONS],
  ['admin', PERMISSIONS],
  ['agent', ['whatsapp:read', 'whatsapp:send']],
  ['viewer', ['whatsapp:read']],
])('%s may exactly %j', (role, expected) => {
  expect([...permissionsOf(role, null)]).toEqual(expected);
});

it.each<[Role, readonly Permission[], readonly Permission[]]>([
  ['owner', ['whatsapp:send'], ['whatsapp:send']],
  ['agent', ['whatsapp:read', 'whatsapp:manage'], ['whatsapp:read']],
  ['viewer', ['whatsapp:send'], []],
])('%s narrowed to %j may exactly %j', (role, scopes, expected) => {
  expect([...permissionsOf(role, scopes)]).toEqual(expected);
});

it('knows no other permissions', () => {
  expect(() => parsePermission('whatsapp:all')).toThrow();
});

it('knows no other roles', () => {
  expect(() => parseRole('root')).toThrow();
  expect(() => parseRole('toString')).toThrow();
});
