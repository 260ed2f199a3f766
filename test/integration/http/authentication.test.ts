import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { messageEvent } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { noSharedCalls } from '../../support/no-shared-calls.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function basic(password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}` };
}

describe('API keys', () => {
  it('are taken as a bearer token and as X-API-Key', async () => {
    expect((await server.ask('GET', '/accounts')).status).toBe(200);
    const answer = await server.ask('GET', '/accounts', { key: null, headers: { 'x-api-key': server.key } });
    expect(answer.status).toBe(200);
  });

  it.each([
    ['nothing', {}],
    ['an unknown key', { authorization: `Bearer ${'x'.repeat(40)}` }],
    ['a key that is too short', { 'x-api-key': 'x' }],
    ['a scheme that is not known', { authorization: 'Digest abc' }],
    ['HTTP Basic at the API', { authorization: 'Basic abc' }],
  ])('are needed: %s is refused', async (_what, headers) => {
    const answer = await server.ask('GET', '/accounts', { key: null, headers });
    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe('UNAUTHENTICATED');
    expect(answer.body.error.message).toContain('docs/access.md');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('that were revoked are refused', async () => {
    const key = await server.makeKey('owner');
    await server.db
      .updateTable('api_keys')
      .set({ revoked_at: new Date() })
      .where('prefix', '=', key.slice(0, 6))
      .execute();
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(401);
  });
});

describe('roles', () => {
  it('allow what they hold and nothing else', async () => {
    const viewer = await server.makeKey('viewer');
    expect((await server.ask('GET', '/accounts', { key: viewer })).status).toBe(200);
    const refused = await server.ask('POST', '/connect', { key: viewer, body: {} });
    expect(refused.status).toBe(403);
    expect(refused.body.error).toMatchObject({
      code: 'FORBIDDEN',
      message:
        'This key lacks the permission whatsapp:connect. Use one with a role that has it (owner, admin) and that no scopes narrow.',
    });
  });

  it('show agents and viewers no account that they were not granted', async () => {
    const id = await server.makeAccount({ phoneNumber: '+491700000009' });
    const agent = await server.makeKey('agent');
    expect((await server.ask('GET', '/accounts', { key: agent })).body.data).toEqual([]);
    expect((await server.ask('GET', `/accounts/${id}`, { key: agent })).status).toBe(404);
  });

  it('show agents the accounts that they were granted, page by page, with their messages', async () => {
    const ids = [];
    for (let nth = 0; nth < 3; nth += 1) ids.push(await server.makeAccount());
    const [first, , last] = ids as [AccountId, AccountId, AccountId];
    const key = await server.makeKey('agent');
    for (const id of [last, first]) await server.grant(id, key);
    await ingestEvents(server.db, last, [messageEvent('A')], new Date());
    const page = (await server.ask('GET', '/accounts?limit=1', { key })).body;
    const rest = (await server.ask('GET', `/accounts?limit=1&cursor=${page.nextCursor}`, { key })).body;
    expect([...page.data, ...rest.data].map(({ id }) => id)).toEqual([first, last]);
    expect(rest.nextCursor).toBeNull();
    const [message] = (await server.ask('GET', `/accounts/${last}/messages`, { key })).body.data;
    const read = () => server.ask('GET', `/messages/${message.messageId}`, { key });
    expect((await read()).status).toBe(200);
    await server.ask('DELETE', `/accounts/${last}`);
    expect((await read()).status).toBe(404);
    expect((await server.ask('GET', `/messages/${message.messageId}`)).status).toBe(200);
  });
});

describe('scopes', () => {
  it('narrow the role of a key', async () => {
    const key = await server.makeKey('owner', 'default', ['whatsapp:read']);
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(200);
    expect((await server.ask('GET', '/settings', { key })).status).toBe(403);
  });
});

describe('the time of a key', () => {
  it('ends when it expires', async () => {
    const clock = new ManualClock();
    await using aged = await openTestServer({ clock });
    const key = await aged.makeKey('owner');
    const expires_at = new Date(clock.now() + 1_000);
    await aged.db.updateTable('api_keys').set({ expires_at }).where('sha256', '=', keyToHash(key)).execute();
    expect((await aged.ask('GET', '/accounts', { key })).status).toBe(200);
    clock.advance(1_000);
    expect((await aged.ask('GET', '/accounts', { key })).status).toBe(401);
  });

  it('tells when it was last used, to the minute', async () => {
    const clock = new ManualClock();
    await using aged = await openTestServer({ clock });
    const key = await aged.makeKey('viewer');
    const lastUse = async () => (await findApiKey(aged.db, keyToHash(key)))?.lastUsedAt?.getTime();
    const used = async () => {
      await aged.ask('GET', '/accounts', { key });
      return await lastUse();
    };
    expect(await lastUse()).toBeUndefined();
    const first = clock.now();
    expect(await used()).toBe(first);
    clock.advance(59_999);
    expect(await used()).toBe(first);
    clock.advance(1);
    expect(await used()).toBe(clock.now());
  });
});

describe('the queue board', () => {
  it('asks browsers for the key as a password, and shows the queues', async () => {
    const refused = await server.ask('GET', '//admin/queues', { key: null });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /);
    const shown = await server.ask('GET', '//admin/queues', { key: null, headers: basic(server.key) });
    expect(shown.status).toBe(200);
    expect(String(shown.body)).toContain('Switchboard');
    const queues = await server.ask('GET', '//admin/queues/api/queues', {
      headers: basic(server.key),
      key: null,
    });
    expect(queues.body.queues.map((queue: { name: string }) => queue.name)).toContain('inbound-test');
  });

  it('is for owners and admins only, with everything below it', async () => {
    const agent = await server.makeKey('agent');
    for (const path of ['//admin/queues', '//admin/queues/api/queues', '//admin/queues/static/favicon.ico']) {
      expect((await server.ask('GET', path, { key: null })).status).toBe(401);
      expect((await server.ask('GET', path, { key: null, headers: basic(agent) })).status).toBe(403);
    }
  });
});

describe('the queue board, which shows jobs of all tenants,', () => {
  it('is for the tenant `default` alone', async () => {
    const theirs = await server.makeKey('owner', 'theirs');
    for (const path of ['//admin/queues', '//admin/queues/api/queues']) {
      expect((await server.ask('GET', path, { key: theirs })).status).toBe(403);
      expect((await server.ask('GET', path)).status).toBe(200);
    }
  });
});

describe('limits', () => {
  it('allow 100 failed authentications a minute, while good keys go on', async () => {
    const clock = new ManualClock();
    await using limited = await openTestServer({ clock, sharedCalls: noSharedCalls });
    const guess = () => limited.ask('GET', '/accounts', { key: 'wrong'.repeat(10) });
    for (let count = 0; count < 100; count += 1) expect((await guess()).status).toBe(401);
    const over = await guess();
    expect(over.status).toBe(429);
    expect(over.body.error.code).toBe('RATE_LIMIT_EXCEEDED');
    expect(over.headers.get('retry-after')).toBe('60');
    expect((await limited.ask('GET', '/accounts')).status).toBe(200);
    clock.advance(60_000);
    expect((await guess()).status).toBe(401);
  });

  it('count the requests of each key by itself', async () => {
    const clock = new ManualClock();
    const config = { ...server.deps.config, apiRateLimit: 2 };
    await using limited = await openTestServer({ clock, config, sharedCalls: noSharedCalls });
    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await limited.ask('GET', '/accounts')).status);
    expect(statuses).toEqual([200, 200, 429]);
    const other = await limited.makeKey('owner');
    expect((await limited.ask('GET', '/accounts', { key: other })).status).toBe(200);
  });
});
