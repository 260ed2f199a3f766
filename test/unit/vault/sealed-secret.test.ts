import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';

const [first, second] = [randomBytes(32), randomBytes(32)];
const plain = Buffer.from('whsec_abc');

describe('a sealed secret', () => {
  it('opens for what it is of, and holds nothing that can be read', () => {
    using ring = makeKeyRing({ current: first, previous: [] });
    const sealed = ring.sealSecret('webhook 1', plain);
    expect(sealed.includes(plain)).toBe(false);
    expect(ring.openSecret('webhook 1', sealed)).toEqual(plain);
    expect(() => ring.openSecret('webhook 2', sealed)).toThrow(
      expect.objectContaining({ code: 'VAULT_DAMAGED' }),
    );
  });

  it('is refused with any bit changed, or cut', () => {
    using ring = makeKeyRing({ current: first, previous: [] });
    const sealed = ring.sealSecret('webhook 1', plain);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => ring.openSecret('webhook 1', changed)).toThrow();
      expect(() => ring.openSecret('webhook 1', sealed.subarray(0, at))).toThrow();
    }
  });

  it('opens by an earlier key, and is known to need it', () => {
    using before = makeKeyRing({ current: first, previous: [] });
    using ring = makeKeyRing({ current: second, previous: [first] });
    using without = makeKeyRing({ current: second, previous: [] });
    const sealed = before.sealSecret('webhook 1', plain);
    expect(ring.isSealedByCurrent(sealed)).toBe(false);
    expect(ring.openSecret('webhook 1', sealed)).toEqual(plain);
    expect(() => without.openSecret('webhook 1', sealed)).toThrow(
      expect.objectContaining({ code: 'VAULT_KEY_MISSING' }),
    );
  });
});
