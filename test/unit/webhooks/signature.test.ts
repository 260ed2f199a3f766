import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { makeSecret, signatureHeaders } from '../../../src/webhooks/signature.ts';

const content = (body = '{"type":"ping","data":{"text":"Grüße 👋"}}') => ({
  id: 'evt_1',
  timestamp: Math.floor(Date.now() / 1_000),
  body,
});

describe('a signature', () => {
  it('is verified by the reference implementation', () => {
    const secret = makeSecret();
    const headers = signatureHeaders(content(), [secret]);
    expect(new Webhook(secret).verify(content().body, headers)).toMatchObject({ type: 'ping' });
  });

  it('is made by each secret while they overlap, and by no other', () => {
    const [current, previous, stranger] = [makeSecret(), makeSecret(), makeSecret()];
    const headers = signatureHeaders(content(), [current, previous]);
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secret of [current, previous]) new Webhook(secret).verify(content().body, headers);
    expect(() => new Webhook(stranger).verify(content().body, headers)).toThrow();
  });

  it('does not fit another body, id or time', () => {
    const secret = makeSecret();
    const headers = signatureHeaders(content(), [secret]);
    const verify = (body: string, given: object) => () =>
      new Webhook(secret).verify(body, { ...headers, ...given });
    expect(verify('{}', {})).toThrow();
    expect(verify(content().body, { 'webhook-id': 'evt_2' })).toThrow();
    expect(verify(content().body, { 'webhook-timestamp': String(content().timestamp - 1) })).toThrow();
  });

  it('has secrets as the scheme wants them: whsec_ and 24 to 64 bytes', () => {
    const secret = makeSecret();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(makeSecret()).not.toBe(secret);
  });
});
