import { describe, expect, it } from 'vitest';
import { describeBad, describeCopy, isWell } from '../../../src/cli/copy-verdict.ts';
import { byteCount } from '../../../src/cli/terminal-text.ts';
import type { VaultCopyView } from '../../../src/cli/vault-api.ts';

const COPY: VaultCopyView = {
  accountId: 'a-1',
  generation: 4,
  source: 'disk',
  keyId: '0011223344556677',
  bytes: 14_200_000,
  outcome: 'good',
  detail: null,
};

it('a copy is a line, with what is wrong at its end', () => {
  expect(describeCopy(COPY)).toBe('a-1  generation 4  disk      good  14.2 MB  key 0011223344556677');
  const damaged = { ...COPY, outcome: 'damaged', keyId: null, bytes: 0, detail: 'Its head is cut off.' };
  expect(describeCopy(damaged)).toBe('a-1  generation 4  disk      DAMAGED: Its head is cut off.');
});

it.each([
  ['good', true],
  ['rotated', true],
  ['current', true],
  ['damaged', false],
  ['key_missing', false],
  ['unreachable', false],
  ['something newer', false],
])('%s is well: %s', (outcome, expected) => {
  expect(isWell({ outcome })).toBe(expected);
});

it('what is wrong is counted, each kind with its remedy', () => {
  const bad = ['damaged', 'key_missing', 'damaged'].map((outcome) => ({ ...COPY, outcome }));
  const text = describeBad(9, bad);
  expect(text).toMatch(/^3 of 9 copies are not good: 2 damaged, 1 key missing\./);
  expect(text).toContain('ENCRYPTION_KEY_PREVIOUS');
  expect(text.match(/A damaged copy/g)).toHaveLength(1);
});

describe('byteCount', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [14_230_000, '14.2 MB'],
    [4_294_967_296, '4.3 GB'],
    [5e12, '5000.0 GB'],
  ])('%d bytes are %s', (bytes, expected) => {
    expect(byteCount(bytes)).toBe(expected);
  });
});
