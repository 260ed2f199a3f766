import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makeWebhookSecrets } from '../../../src/webhooks/webhook-secrets.ts';

const ID = '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const until = new Date(NOW + 1_000);

it('signs with each secret until its own time is over', () => {
  using ring = makeKeyRing({ current: randomBytes(32), previous: [] });
  const secrets = makeWebhookSecrets(ring);
  const earlier = [
    { sealed: secrets.seal(ID, 'old'), until },
    { sealed: secrets.seal(ID, 'older'), until: new Date(NOW + 500) },
  ];
  const sealed = { current: secrets.seal(ID, 'new'), earlier };
  expect(secrets.open(ID, sealed, NOW)).toEqual(['new', 'old', 'older']);
  expect(secrets.open(ID, sealed, NOW + 500)).toEqual(['new', 'old']);
  expect(secrets.open(ID, sealed, NOW + 1_000)).toEqual(['new']);
});

it('signs with the new one alone where the key of the one before is lost, and with none where its own is', () => {
  using lost = makeKeyRing({ current: randomBytes(32), previous: [] });
  using ring = makeKeyRing({ current: randomBytes(32), previous: [] });
  const old = makeWebhookSecrets(lost).seal(ID, 'old');
  const secrets = makeWebhookSecrets(ring);
  const rotated = { current: secrets.seal(ID, 'new'), earlier: [{ sealed: old, until }] };
  expect(secrets.open(ID, rotated, NOW)).toEqual(['new']);
  expect(() => secrets.open(ID, { current: old, earlier: [] }, NOW)).toThrow(
    expect.objectContaining({ code: 'VAULT_KEY_MISSING' }),
  );
});
