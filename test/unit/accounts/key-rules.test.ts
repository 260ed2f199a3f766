import { describe, expect, it } from 'vitest';
import { DEFAULT_TENANT } from '../../../src/accounts/ids.ts';
import { findVainScopes, judgeRevocation, type KeyPower, mayIssue } from '../../../src/accounts/key-rules.ts';
import { type Permission, permissionsOf, type Role } from '../../../src/accounts/permissions.ts';
import type { Principal } from '../../../src/accounts/principal.ts';

const NOW = Date.UTC(2026, 0, 1);

function principalOf(role: Role, scopes: readonly Permission[] | null = null): Principal {
  const permissions = permissionsOf(role, scopes);
  return { kind: 'key', id: 'k', name: 'K', tenantId: DEFAULT_TENANT, role, permissions, expiresAt: null };
}

function keyOf(role: Role, more: Partial<KeyPower> = {}): KeyPower {
  return { role, scopes: null, expiresAt: null, ...more };
}

describe('a key', () => {
  it.each<[Role, readonly Permission[] | null, Role, readonly Permission[] | null, boolean]>([
    ['owner', null, 'owner', null, true],
    ['admin', null, 'admin', null, true],
    ['admin', null, 'owner', null, false],
    ['admin', null, 'owner', ['whatsapp:read'], false],
    ['admin', ['whatsapp:manage', 'whatsapp:read'], 'viewer', null, true],
    ['admin', ['whatsapp:manage', 'whatsapp:read'], 'agent', null, false],
    ['admin', ['whatsapp:manage', 'whatsapp:read'], 'agent', ['whatsapp:read'], true],
    ['owner', ['whatsapp:manage'], 'owner', ['whatsapp:manage'], true],
    ['owner', ['whatsapp:manage'], 'owner', null, false],
  ])('of %s with the scopes %j makes one of %s with %j: %j', (role, scopes, made, narrowed, expected) => {
    const power = keyOf(made, { scopes: narrowed });
    expect(mayIssue(principalOf(role, scopes), power)).toBe(expected);
  });

  it.each<[string, number | null, number | null, boolean]>([
    ['for ever', null, null, true],
    ['for ever', null, NOW, true],
    ['until then', NOW, NOW, true],
    ['until then', NOW, NOW - 1, true],
    ['until then', NOW, NOW + 1, false],
    ['until then', NOW, null, false],
  ])('that lasts %s (%j) makes one that lasts until %j: %j', (_what, own, made, expected) => {
    const expiresAt = made === null ? null : new Date(made);
    expect(mayIssue({ ...principalOf('owner'), expiresAt: own }, keyOf('viewer', { expiresAt }))).toBe(
      expected,
    );
  });

  it('has no use for scopes that its role does not hold', () => {
    expect(findVainScopes('agent', ['whatsapp:read', 'whatsapp:manage'])).toEqual(['whatsapp:manage']);
  });
});

describe('revoking', () => {
  const past = new Date(NOW);
  const future = new Date(NOW + 1);
  it.each<[string, Role, KeyPower, readonly KeyPower[], string]>([
    ['an agent', 'admin', keyOf('agent'), [], 'allowed'],
    ['an owner, as an admin', 'admin', keyOf('owner'), [keyOf('owner')], 'forbidden'],
    ['one of two owners', 'owner', keyOf('owner'), [keyOf('owner')], 'allowed'],
    ['the last owner', 'owner', keyOf('owner'), [keyOf('admin')], 'last-owner-key'],
    [
      'the last that is in time',
      'owner',
      keyOf('owner'),
      [keyOf('owner', { expiresAt: past })],
      'last-owner-key',
    ],
    [
      'the last that lasts',
      'owner',
      keyOf('owner'),
      [keyOf('owner', { expiresAt: future })],
      'last-owner-key',
    ],
    [
      'one that would have ended',
      'owner',
      keyOf('owner', { expiresAt: future }),
      [keyOf('owner')],
      'allowed',
    ],
    [
      'one that would have ended, beside another such',
      'owner',
      keyOf('owner', { expiresAt: future }),
      [keyOf('owner', { expiresAt: future })],
      'allowed',
    ],
    [
      'the last that manages now, though it would have ended',
      'owner',
      keyOf('owner', { expiresAt: future }),
      [keyOf('admin')],
      'last-owner-key',
    ],
    [
      'the last that manages',
      'owner',
      keyOf('owner'),
      [keyOf('owner', { scopes: ['whatsapp:read'] })],
      'last-owner-key',
    ],
    ['an owner that only reads', 'owner', keyOf('owner', { scopes: ['whatsapp:read'] }), [], 'allowed'],
    ['an owner that is expired', 'owner', keyOf('owner', { expiresAt: past }), [], 'allowed'],
  ])('%s is judged', (_what, role, key, others, verdict) => {
    expect(judgeRevocation({ role }, { key, others, now: NOW })).toBe(verdict);
  });
});
