import { type JWTPayload, SignJWT } from 'jose';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTokenVerifier } from '../../../src/http/token-identity.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';
import { KeySetServer } from '../../support/key-set-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const SECRET = 'a secret of the host application';
const NOW_S = Math.floor(Date.now() / 1_000);
const CLAIMS = { sub: 'ada', tenant: 'default', role: 'admin', exp: NOW_S + 3_600 };

let host: KeySetServer;
let server: TestServer;
beforeAll(async () => {
  host = await KeySetServer.open();
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA', 'RS512']) await host.addKey(alg, alg);
  server = await openTestServer({
    config: {
      host: '127.0.0.1',
      port: 0,
      apiRateLimit: 0,
      allowedOrigins: [],
      jwt: { secret: SECRET, jwksUrl: host.url },
    },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

function sign(claims: JWTPayload, { secret = SECRET, alg = 'HS256' } = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

/** Claims that no library would sign. */
function unsigned(claims: object, header: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.`;
}

function ask(key: string) {
  return server.ask('GET', '/accounts', { key });
}

describe('a token of the host application', () => {
  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('is taken with %s from the key set', async (alg) => {
    expect((await ask(await host.sign(CLAIMS, alg))).status).toBe(200);
  });

  it('is taken with HS256 by the secret, also as X-API-Key', async () => {
    const token = await sign(CLAIMS);
    expect((await ask(token)).status).toBe(200);
    const headers = { 'x-api-key': token };
    expect((await server.ask('GET', '/accounts', { key: null, headers })).status).toBe(200);
  });

  it('speaks for its tenant and role', async () => {
    const id = await server.makeAccount({ tenant: 'shop', phoneNumber: '+491700000001' });
    const status = async (claims: object, method = 'GET', path = `/accounts/${id}`) =>
      (await server.ask(method, path, { key: await sign({ ...CLAIMS, tenant: 'shop', ...claims }) })).status;
    expect(await status({})).toBe(200);
    expect(await status({ tenant: 'default' })).toBe(404);
    expect(await status({ role: 'viewer' })).toBe(404);
    expect(await status({ role: 'admin' }, 'PUT', `/accounts/${id}/grants/eve%40shop.example`)).toBe(200);
    expect(await status({ role: 'viewer', sub: 'eve@shop.example' })).toBe(200);
    expect(await status({ role: 'viewer', sub: 'eve@shop.example' }, 'GET', '/keys')).toBe(403);
    expect(await status({ role: 'viewer', sub: 'eve@shop.example', tenant: 'default' })).toBe(404);
  });

  it.each<[string, object, string]>([
    ['without sub', { sub: undefined }, '`sub` is missing'],
    ['without tenant', { tenant: undefined }, '`tenant` is missing'],
    ['without role', { role: undefined }, '`role` is missing'],
    ['with an exp that is no time', { exp: 'never' }, '`exp`'],
    ['that has expired', { exp: NOW_S - 60 }, 'expired'],
    ['of later', { nbf: NOW_S + 600 }, '`nbf`'],
    ['with a role that is none', { role: 'root' }, '`role`'],
    ['with a tenant that is none', { tenant: 'a b' }, '`tenant`'],
    ['with a sub that is no text', { sub: 7 }, '`sub`'],
    ['with an empty sub', { sub: '' }, '`sub`'],
    ['with a control character in its sub', { sub: 'a\u0000' }, '`sub`'],
    ['with a tenant in a list', { tenant: ['default'] }, '`tenant`'],
  ])('%s is refused, and it is said why', async (_what, claims, why) => {
    const answer = await ask(await sign({ ...CLAIMS, ...claims } as JWTPayload));
    expect([answer.status, answer.body.error.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(answer.body.error.message).toContain(why);
    expect(answer.body.error.details).toBeUndefined();
  });

  it('lasts where it names no end', async () => {
    const { exp: _exp, ...claims } = CLAIMS;
    expect((await ask(await sign(claims))).status).toBe(200);
  });

  it('may be late by the difference of two clocks', async () => {
    expect((await ask(await sign({ ...CLAIMS, exp: NOW_S - 5 }))).status).toBe(200);
  });

  it('is refused if it was signed by somebody else, or changed', async () => {
    const other = await KeySetServer.open();
    await other.addKey('RS256', 'RS256');
    const token = await sign({ ...CLAIMS, role: 'viewer' });
    const [header, , signature] = token.split('.');
    const [, owner] = unsigned({ ...CLAIMS, role: 'owner' }, {}).split('.');
    for (const wrong of [
      await sign(CLAIMS, { secret: `${SECRET}!` }),
      await other.sign(CLAIMS, 'RS256'),
      `${header}.${owner}.${signature}`,
      `${token}A`,
    ]) {
      expect((await ask(wrong)).status).toBe(401);
    }
    await other[Symbol.asyncDispose]();
  });

  it('is refused with every other algorithm', async () => {
    for (const wrong of [
      unsigned(CLAIMS, { alg: 'none' }),
      unsigned(CLAIMS, { alg: 'None' }),
      await sign(CLAIMS, { alg: 'HS512', secret: SECRET.repeat(2) }),
      await host.sign(CLAIMS, 'RS512'),
      // A public key taken for a secret.
      await sign(CLAIMS, { secret: await host.publicText('RS256') }),
    ]) {
      expect((await ask(wrong)).status).toBe(401);
    }
  });

  it('is refused if its user is called as a key of the tenant is, whose grants it would have', async () => {
    const account = await server.makeAccount();
    const { id } = (await server.ask('POST', '/keys', { body: { name: 'Agent', role: 'agent' } })).body.data;
    await server.ask('PUT', `/accounts/${account}/grants/${id}`);
    const token = await sign({ ...CLAIMS, sub: id, role: 'agent' });
    const answer = await ask(token);
    expect([answer.status, answer.body.error.message]).toEqual([401, expect.stringContaining('`sub`')]);
    await server.ask('DELETE', `/keys/${id}`);
    expect((await ask(token)).status).toBe(401);
    expect((await ask(await sign({ ...CLAIMS, sub: id, tenant: 'other' }))).status).toBe(200);
    expect((await ask(await sign({ ...CLAIMS, sub: crypto.randomUUID() }))).status).toBe(200);
  });

  it('makes no entry in the log', async () => {
    const token = await sign(CLAIMS);
    await ask(token);
    await ask(`${token}A`);
    expect(JSON.stringify(server.log.lines)).not.toContain(token.split('.')[2]);
  });

  it('is counted as a failed authentication if it is refused, and not if the keys cannot be had', async () => {
    const clock = new ManualClock(Date.now());
    const away = await KeySetServer.open();
    await away.addKey('RS256', 'RS256');
    const config = { ...server.deps.config, jwt: { secret: SECRET, jwksUrl: away.url } };
    await using limited = await openTestServer({ clock, config });
    const status = async (key: string) => (await limited.ask('GET', '/accounts', { key })).status;
    const good = await away.sign(CLAIMS, 'RS256');
    away.status = 500;
    expect(await status(good)).toBe(503);
    away.status = 200;
    clock.advance(5_000);
    expect(await status(good)).toBe(200);
    const wrong = await sign(CLAIMS, { secret: 'x'.repeat(32) });
    for (let count = 0; count < 100; count += 1) expect(await status(wrong)).toBe(401);
    expect(await status(wrong)).toBe(429);
    expect(await status(good)).toBe(200);
    await away[Symbol.asyncDispose]();
    expect(await status(good)).toBe(200);
  });
});

describe('a text that says it is a token', () => {
  const limitedTo = (apiRateLimit: number) => ({ ...server.deps.config, apiRateLimit });
  const statuses = async (limited: TestServer, key: string, count: number) => {
    const found: number[] = [];
    for (let nth = 0; nth < count; nth += 1)
      found.push((await limited.ask('GET', '/accounts', { key })).status);
    return found;
  };

  it('counts for its address before anything else is done with it', async () => {
    await using limited = await openTestServer({ config: limitedTo(1) });
    const wrong = await sign(CLAIMS, { secret: 'x'.repeat(32) });
    expect(await statuses(limited, wrong, 12)).toEqual([...Array(10).fill(401), 429, 429]);
  });

  it('counts for its address, and costs no fetch each, while the key set cannot be had', async () => {
    await using away = await KeySetServer.open();
    away.status = 500;
    const config = { ...limitedTo(1), jwt: { secret: null, jwksUrl: away.url } };
    await using limited = await openTestServer({ config, clock: new ManualClock(Date.now()) });
    const made = unsigned(CLAIMS, { alg: 'RS256', kid: 'x' });
    expect(await statuses(limited, `${made}AAAA`, 12)).toEqual([...Array(10).fill(503), 429, 429]);
    expect(away.fetches).toBe(1);
  });

  it('is counted in Redis without the name of its user or tenant', async () => {
    const callers: string[] = [];
    const { sharedCalls } = server.deps;
    await using limited = await openTestServer({
      config: limitedTo(5),
      sharedCalls: {
        isConnected: () => sharedCalls.isConnected(),
        ping: () => sharedCalls.ping(),
        count: (quotas, seconds) => {
          callers.push(...quotas.map(({ caller }) => caller));
          return sharedCalls.count(quotas, seconds);
        },
      },
    });
    for (const claims of [CLAIMS, { ...CLAIMS, sub: 'eve' }, { ...CLAIMS, tenant: 'other' }, CLAIMS])
      expect((await limited.ask('GET', '/accounts', { key: await sign(claims) })).status).toBe(200);
    const users = callers.filter((caller) => caller.startsWith('key:'));
    expect(users).toHaveLength(4);
    for (const user of users) expect(user).toMatch(/^key:[0-9a-f]{32}$/);
    expect(new Set(users).size).toBe(3);
  });

  it('tells how its user stands and its address, if it is one', async () => {
    await using limited = await openTestServer({ config: limitedTo(3) });
    const answer = await limited.ask('GET', '/accounts', { key: await sign(CLAIMS) });
    expect(answer.headers.get('ratelimit-policy')).toBe('"key";q=3;w=60, "address";q=30;w=60');
    expect(answer.headers.get('ratelimit')).toMatch(/^"key";r=2;t=\d+, "address";r=29;t=\d+$/);
  });
});

describe('the key set', () => {
  it('is fetched once for many tokens, and not again at once for keys that it lacks', async () => {
    const own = await KeySetServer.open();
    await own.addKey('first', 'ES256');
    const verifier = makeTokenVerifier({ secret: null, jwksUrl: own.url }, systemClock);
    const token = await own.sign(CLAIMS, 'first');
    await Promise.all(Array.from({ length: 10 }, () => verifier.verify(token)));
    expect(own.fetches).toBe(1);
    await own.addKey('second', 'ES256');
    const later = await own.sign(CLAIMS, 'second');
    for (let count = 0; count < 5; count += 1) {
      await expect(verifier.verify(later)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(own.fetches).toBe(1);
    await own[Symbol.asyncDispose]();
  });

  it('that cannot be had holds up no token of the other kind', async () => {
    const own = await KeySetServer.open();
    await own.addKey('first', 'ES256');
    const token = await own.sign(CLAIMS, 'first');
    const { url } = own;
    await own[Symbol.asyncDispose]();
    const verifier = makeTokenVerifier({ secret: SECRET, jwksUrl: url }, systemClock);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(verifier.verify(await sign(CLAIMS))).resolves.toMatchObject({ id: 'ada', kind: 'user' });
  });
});

describe('what is no token', () => {
  const verifier = makeTokenVerifier({ secret: SECRET, jwksUrl: null }, systemClock);

  it.each(['', 'a', 'a.b.c', `${'x'.repeat(20)}.${'y'.repeat(20)}.z`, `..${'k'.repeat(40)}`, 'e30.e30.e30'])(
    '%j is taken for a key',
    (text) => {
      expect(verifier.isToken(text)).toBe(false);
    },
  );

  it('is every text where no tokens are accepted', async () => {
    const none = makeTokenVerifier({ secret: null, jwksUrl: null }, systemClock);
    expect(none.isToken(await sign(CLAIMS))).toBe(false);
  });

  it('is refused by the kind of keys that is not configured', async () => {
    await expect(verifier.verify(await host.sign(CLAIMS, 'RS256'))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });
});

describe('a Socket.IO client with a token', () => {
  it('hears what was granted to its user, until the token ends', async () => {
    const account = await server.makeAccount({ phoneNumber: '+491700000002' });
    await server.ask('PUT', `/accounts/${account}/grants/eve`);
    const exp = Math.floor(Date.now() / 1_000) - 27;
    const client: Socket = io(server.url, {
      reconnection: false,
      transports: ['websocket'],
      auth: { token: await sign({ ...CLAIMS, sub: 'eve', role: 'viewer', exp }) },
    });
    await new Promise<void>((resolve) => void client.once('connect', resolve));
    const told = new Promise<AnswerBody>((resolve) => void client.once('account:alert', resolve));
    const gone = new Promise<string>((resolve) => void client.once('disconnect', resolve));
    server.announcer.onAlert(account, { kind: 'needs_human', reason: 'banned', text: 'It was banned.' });
    expect((await told).accountId).toBe(account);
    expect(await gone).toBe('io server disconnect');
    client.close();
  });
});
