import { describe, expect, it } from 'vitest';
import { findUnfitness, keepsAppendOnlyFile, parseInfo } from '../../../src/queue/fitness.ts';

const info = (fields: Record<string, string>) =>
  new Map(Object.entries({ redis_version: '7.0.15', maxmemory_policy: 'noeviction', ...fields }));

describe('the answer of INFO', () => {
  it('is read as its fields', () => {
    const fields = parseInfo('# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nexecutable:/a:b\r\n');
    expect([...fields]).toEqual([
      ['redis_version', '7.0.15'],
      ['executable', '/a:b'],
    ]);
  });
});

describe('a Redis', () => {
  it.each([['6.2.0'], ['6.12.1'], ['7.0.15'], ['8.2.1'], ['10.0.0']])('of version %s is fit', (version) => {
    expect(findUnfitness(info({ redis_version: version }), false)).toBeUndefined();
  });

  it.each([['5.0.14'], ['6.0.16'], ['6.1.240']])('of version %s is too old', (version) => {
    expect(findUnfitness(info({ redis_version: version }), false)).toMatch(/6\.2 or newer/);
  });

  it.each([['allkeys-lru'], ['volatile-ttl']])('with the policy %s is unfit', (policy) => {
    expect(findUnfitness(info({ maxmemory_policy: policy }), false)).toMatch(
      /maxmemory-policy to noeviction/,
    );
  });

  it('that is one node of a cluster must be named with others', () => {
    expect(findUnfitness(info({ redis_mode: 'cluster' }), false)).toMatch(/separated by commas/);
    expect(findUnfitness(info({ redis_mode: 'cluster' }), true)).toBeUndefined();
  });

  it.each([
    [{ aof_enabled: '1' }, true],
    [{ aof_enabled: '0' }, false],
    [{}, true],
  ])('that says %j keeps what it took: %s', (fields, expected) => {
    expect(keepsAppendOnlyFile(info(fields))).toBe(expected);
  });
});
