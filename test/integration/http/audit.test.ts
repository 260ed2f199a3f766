import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import { BODY_OF, documentToOperations, fillPath } from '../../support/access-table.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';
import { insertRun } from '../../support/instance-rows.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

async function entries(key: string, query = ''): Promise<AnswerBody[]> {
  return (await server.ask('GET', `/audit${query}`, { key })).body.data;
}

/** A tenant of its own, so that what others did is out of sight. */
async function makeOwner(): Promise<{ readonly tenant: string; readonly key: string; readonly id: string }> {
  const tenant = crypto.randomUUID();
  const key = await server.makeKey('owner', tenant);
  return { tenant, key, id: (await findApiKey(server.db, keyToHash(key)))?.id ?? '' };
}

describe('a change', () => {
  it('is entered with who, what and from where', async () => {
    const { key, id } = await makeOwner();
    const answer = await server.ask('PATCH', '/settings', {
      key,
      body: { retentionDays: 30 },
      headers: { 'x-request-id': 'settings-1' },
    });
    expect(answer.status).toBe(200);
    expect(await entries(key)).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        at: expect.any(String),
        actor: { kind: 'key', id, name: 'test' },
        action: 'changeSettings',
        target: null,
        address: '127.0.0.1',
        requestId: 'settings-1',
        details: { retentionDays: 30 },
      },
    ]);
  });

  it('names what it was about, and never a key, a message or a passphrase', async () => {
    const { tenant, key } = await makeOwner();
    const account = await server.makeAccount({ tenant, phoneNumber: '+491700000001' });
    const made = (await server.ask('POST', '/keys', { key, body: { name: 'A', role: 'agent' } })).body.data;
    await server.ask('PUT', `/accounts/${account}/grants/${made.id}`, { key });
    const text = 'between you and me';
    const sent = await server.ask('POST', `/accounts/${account}/messages`, {
      key: made.key,
      body: { to: '+491700000002', text },
    });
    await server.ask('POST', `/disconnect/${account}`, { key });
    await server.ask('DELETE', `/keys/${made.id}`, { key });
    const all = await entries(key);
    expect(all.map(({ action, target, details }) => [action, target, details])).toEqual([
      ['revokeKey', made.id, { name: 'A', role: 'agent' }],
      ['disconnect', account, null],
      ['sendMessage', account, { messageId: sent.body.data.messageId }],
      ['grantAccount', account, { userId: made.id }],
      ['createKey', made.id, { name: 'A', role: 'agent', scopes: null, expiresAt: null }],
    ]);
    expect(all[2].actor).toEqual({ kind: 'key', id: made.id, name: 'A' });
    expect(JSON.stringify(all)).not.toContain(made.key);
    expect(JSON.stringify(all)).not.toContain(text);
  });

  it('names the campaign that it made, and how many of many messages it accepted', async () => {
    const { tenant, key } = await makeOwner();
    const account = await server.makeAccount({ tenant, phoneNumber: '+491700000003' });
    const items = [1, 2].map((nth) => ({ to: '+491700000002', text: `secret ${nth}` }));
    const campaign = await server.ask('POST', `/accounts/${account}/campaigns`, {
      key,
      body: { name: 'Spring', items },
    });
    const { campaignId } = campaign.body.data;
    await server.ask('POST', `/campaigns/${campaignId}/cancel`, { key });
    await server.ask('POST', `/accounts/${account}/messages/bulk`, { key, body: { items: [...items, {}] } });
    const all = await entries(key);
    expect(all.map(({ action, target, details }) => [action, target, details])).toEqual([
      ['sendMessages', account, { accepted: 2 }],
      ['cancelCampaign', campaignId, null],
      ['createCampaign', account, { campaignId, total: 2 }],
    ]);
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  it('is not entered if it was refused, nor is what only reads', async () => {
    const { key } = await makeOwner();
    const viewer = await server.makeKey('viewer');
    await server.ask('PATCH', '/settings', { key, body: { retentionDays: -1 } });
    await server.ask('DELETE', `/keys/${crypto.randomUUID()}`, { key });
    await server.ask('PATCH', '/settings', { key: viewer, body: {} });
    await server.ask('PATCH', '/settings', { key: null, body: {} });
    await server.ask('POST', '/vault/verify', { key, body: {} });
    await server.ask('GET', '/accounts', { key });
    expect(await entries(key)).toEqual([]);
  });

  it('is entered once for each of many at the same moment', async () => {
    const { tenant, key } = await makeOwner();
    const account = await server.makeAccount({ tenant });
    const users = Array.from({ length: 50 }, (_each, nth) => `user-${nth}`);
    await Promise.all(users.map((user) => server.ask('PUT', `/accounts/${account}/grants/${user}`, { key })));
    const all = await entries(key, '?limit=100');
    expect(all.map(({ details }) => details.userId).toSorted()).toEqual(users.toSorted());
  });

  it('has strange names without harm', async () => {
    const { key } = await makeOwner();
    const name = 'half \ud800 and \u0000';
    const made = await server.ask('POST', '/keys', { key, body: { name, role: 'viewer' } });
    expect(made.status).toBe(201);
    expect((await entries(key))[0].details.name).toBe('half \ufffd and \ufffd');
  });

  it('is not confirmed while its entry cannot be written', async () => {
    await using broken = await openTestServer();
    await sql`alter table audit_log rename to audit_log_away`.execute(broken.db);
    const answer = await broken.ask('PATCH', '/settings', { body: { retentionDays: 30 } });
    expect([answer.status, answer.body.error.code]).toEqual([500, 'INTERNAL']);
    expect((await broken.ask('GET', '/settings')).status).toBe(200);
    // What is done while it is answered does not begin.
    await broken.makeAccount();
    expect((await broken.ask('POST', '/vault/rotate', { body: {} })).status).toBe(500);
    expect(broken.vault.works).toEqual([]);
  });
});

describe('a change that was done, whatever came after', () => {
  it('is entered if the rest of its request fails', async () => {
    const { tenant, key } = await makeOwner();
    const account = await server.makeAccount({ tenant });
    const disconnect = vi.spyOn(server.channel, 'disconnect');
    disconnect.mockResolvedValueOnce().mockRejectedValueOnce(new Error('The browser does not end.'));
    const answer = await server.ask('DELETE', `/accounts/${account}?purge=true`, { key });
    disconnect.mockRestore();
    expect(answer.status).toBe(500);
    expect((await server.ask('DELETE', `/accounts/${account}?purge=true`, { key })).status).toBe(404);
    expect((await entries(key)).map(({ action, target, details }) => [action, target, details])).toEqual([
      ['deleteAccount', account, { purged: true }],
    ]);
  });

  it('is entered though its request was given up before', async () => {
    const [began, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using slow = await openTestServer();
    const account = await slow.makeAccount({ phoneNumber: '+491700000009' });
    vi.spyOn(slow.channel, 'disconnect').mockImplementationOnce(async () => {
      began.resolve();
      await goOn.promise;
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asked = slow.ask('POST', `/disconnect/${account}`);
      await began.promise;
      vi.advanceTimersByTime(120_000);
      const answer = await asked;
      expect([answer.status, answer.body.error.code]).toEqual([503, 'UNAVAILABLE']);
    } finally {
      vi.useRealTimers();
    }
    expect((await slow.ask('GET', '/audit')).body.data).toEqual([]);
    goOn.resolve();
    await vi.waitFor(async () => {
      const [entry] = (await slow.ask('GET', '/audit')).body.data;
      expect(entry).toMatchObject({ action: 'disconnect', target: account });
    });
  });
});

describe('a change that cannot be repeated', () => {
  it.each([
    'revokeKey',
    'deleteAccount',
    'createKey',
    'grantAccount',
    'forgetInstance',
    'deleteWebhook',
    'createWebhook',
    'rotateWebhookSecret',
    'cancelMessage',
    'sendMessage',
    'sendMessages',
    'createCampaign',
  ])('is not done unless it is entered: %s', async (action) => {
    await using broken = await openTestServer();
    await insertRun(broken.db, 'dead', { renewedAt: new Date(0) });
    const [account, left] = [
      await broken.makeAccount({ phoneNumber: '+491700000009' }),
      await broken.makeAccount(),
    ];
    const made = (await broken.ask('POST', '/keys', { body: { name: 'A', role: 'agent' } })).body.data;
    const hook = (await broken.ask('POST', '/webhooks', { body: BODY_OF.createWebhook })).body.data;
    const item = { to: '+491700000002', text: 'hi' };
    const sent = await broken.ask('POST', `/accounts/${account}/messages`, { body: item });
    const requests = {
      revokeKey: ['DELETE', `/keys/${made.id}`],
      deleteAccount: ['DELETE', `/accounts/${left}?purge=true`],
      createKey: ['POST', '/keys', { body: { name: 'B', role: 'agent' } }],
      grantAccount: ['PUT', `/accounts/${account}/grants/ada`],
      forgetInstance: ['DELETE', '/instances/dead'],
      deleteWebhook: ['DELETE', `/webhooks/${hook.id}`],
      createWebhook: ['POST', '/webhooks', { body: BODY_OF.createWebhook }],
      rotateWebhookSecret: ['POST', `/webhooks/${hook.id}/rotate-secret`],
      cancelMessage: ['POST', `/messages/${sent.body.data.messageId}/cancel`],
      sendMessage: ['POST', `/accounts/${account}/messages`, { body: item }],
      sendMessages: ['POST', `/accounts/${account}/messages/bulk`, { body: { items: [item] } }],
      createCampaign: ['POST', `/accounts/${account}/campaigns`, { body: { name: 'May', items: [item] } }],
    } as const;
    /** What there is that one of the requests would change. */
    const look = async () => ({
      ...(await lookAll(broken, ['/keys', '/webhooks', `/accounts/${account}/grants`])),
      ...(await lookAll(broken, [`/accounts/${account}/messages`, `/accounts/${account}/campaigns`])),
      secrets: await broken.db.selectFrom('webhooks').select('sealed_secret').execute(),
    });
    const [method, path, asked] = requests[action as keyof typeof requests];
    const before = await look();
    await sql`alter table audit_log rename to audit_log_away`.execute(broken.db);
    expect((await broken.ask(method, path, asked)).status).toBe(500);
    await sql`alter table audit_log_away rename to audit_log`.execute(broken.db);
    expect(await look()).toEqual(before);
    expect((await broken.ask(method, path, asked)).status).toBeLessThan(300);
    const all = (await broken.ask('GET', '/audit')).body.data.map((entry: AnswerBody) => entry.action);
    expect(all).toEqual([action, 'sendMessage', 'createWebhook', 'createKey']);
  });
});

/** What each of these lists holds. */
async function lookAll(from: TestServer, paths: readonly string[]): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const path of paths) found[path] = (await from.ask('GET', path)).body.data;
  return found;
}

describe('a request that is answered again', () => {
  const item = { to: '+491700000002', text: 'hi' };
  it.each([
    ['sendMessage', 'messages', item],
    ['sendMessages', 'messages/bulk', { items: [item, item, {}] }],
    ['createCampaign', 'campaigns', { name: 'May', items: [item] }],
  ])('has no second entry, since nothing changed: %s', async (action, noun, body) => {
    const { tenant, key } = await makeOwner();
    const account = await server.makeAccount({ tenant, phoneNumber: '+491700000007' });
    const ask = () =>
      server.ask('POST', `/accounts/${account}/${noun}`, {
        key,
        body,
        headers: { 'idempotency-key': 'order-1' },
      });
    const first = await ask();
    expect(first.status).toBeLessThan(300);
    expect((await ask()).body).toEqual(first.body);
    expect((await entries(key)).map((entry) => entry.action)).toEqual([action]);
  });
});

describe('every operation that changes something', () => {
  it('is entered under its operationId', async () => {
    await using own = await openTestServer();
    const operations = documentToOperations((await own.ask('GET', '//openapi.json')).body);
    const changing = operations.filter(({ id, method }) => method !== 'GET' && id !== 'verifyVault');
    const done: string[] = [];
    await insertRun(own.db, 'dead', { renewedAt: new Date(0) });
    for (const operation of changing) {
      const accountId = await own.makeAccount();
      const made = (await own.ask('POST', '/keys', { body: { name: 'A', role: 'viewer' } })).body.data;
      const hook = (await own.ask('POST', '/webhooks', { body: BODY_OF.createWebhook })).body.data;
      const ids = {
        accountId,
        keyId: made.id,
        userId: 'ada',
        messageId: crypto.randomUUID(),
        campaignId: crypto.randomUUID(),
        webhookId: hook.id,
        deliveryId: '1',
        instanceId: 'dead',
      };
      const requestId = `of-${operation.id}`;
      const { status } = await own.ask(operation.method, fillPath(operation, ids), {
        body: BODY_OF[operation.id],
        headers: { 'x-request-id': requestId },
      });
      const rows = await own.db
        .selectFrom('audit_log')
        .select('action')
        .where('request_id', '=', requestId)
        .execute();
      expect(rows, operation.id).toEqual(status < 400 ? [{ action: operation.id }] : []);
      if (status < 400) done.push(operation.id);
    }
    expect(done).toEqual(
      expect.arrayContaining([
        'connect',
        'reconnect',
        'disconnect',
        'changeAccount',
        'deleteAccount',
        'rotateVault',
        'changeWebhook',
        'deleteWebhook',
        'rotateWebhookSecret',
        'redeliverRange',
        'testWebhook',
        'forgetInstance',
      ]),
    );
  });
});

describe('the log', () => {
  it('is read page by page, newest first, and by actor, action and time', async () => {
    const { tenant, key, id } = await makeOwner();
    const other = await server.makeKey('admin', tenant);
    for (const days of [1, 2, 3])
      await server.ask('PATCH', '/settings', { key, body: { retentionDays: days } });
    await server.ask('PATCH', '/settings', { key: other, body: { retentionDays: 4 } });
    await server.ask('POST', '/keys', { key, body: { name: 'A', role: 'viewer' } });
    const days = (list: AnswerBody[]) => list.map(({ details }) => details.retentionDays);
    const first = (await server.ask('GET', '/audit?limit=2', { key })).body;
    const rest = (await server.ask('GET', `/audit?limit=10&cursor=${first.nextCursor}`, { key })).body;
    expect(days([...first.data, ...rest.data])).toEqual([undefined, 4, 3, 2, 1]);
    expect(rest.nextCursor).toBeNull();
    expect(days(await entries(key, `?actor=${id}&action=changeSettings`))).toEqual([3, 2, 1]);
    const [third] = await entries(key, `?actor=${id}&action=changeSettings&limit=1`);
    const at = encodeURIComponent(third.at);
    expect(days(await entries(key, `?until=${at}`))).toEqual([2, 1]);
    expect(days(await entries(key, `?since=${at}&action=changeSettings`))).toEqual([4, 3]);
  });

  it('shows a tenant its own alone', async () => {
    const { key } = await makeOwner();
    const theirs = await makeOwner();
    await server.ask('PATCH', '/settings', { key: theirs.key, body: { retentionDays: 1 } });
    expect(await entries(key)).toEqual([]);
    expect(await entries(key, `?actor=${theirs.id}`)).toEqual([]);
  });

  it.each(['?actor=%00', '?action=%00', '?cursor=x', '?since=soon', '?who=me'])(
    'refuses %s',
    async (query) => {
      expect((await server.ask('GET', `/audit${query}`)).status).toBe(400);
    },
  );

  it.each([
    ['changed', sql`update audit_log set action = 'nothing'`],
    ['deleted', sql`delete from audit_log`],
    ['emptied', sql`truncate audit_log`],
  ])('cannot be %s', async (_what, statement) => {
    await expect(statement.execute(server.db)).rejects.toThrow('append-only');
  });
});
