import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

async function make(body: object, key = server.key): Promise<AnswerBody> {
  const answer = await server.ask('POST', '/keys', { body, key });
  expect(answer.status).toBe(201);
  return answer.body.data;
}

async function list(key = server.key): Promise<AnswerBody[]> {
  return (await server.ask('GET', '/keys', { key })).body.data;
}

describe('a key that is made', () => {
  it('is shown once, works at once, and is stored as its hash alone', async () => {
    const answer = await server.ask('POST', '/keys', { body: { name: 'Orders', role: 'agent' } });
    const { key, ...view } = answer.body.data;
    expect(key).toMatch(/^sb_[\w-]{43}$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(view).toEqual({
      id: expect.any(String),
      name: 'Orders',
      role: 'agent',
      scopes: null,
      prefix: key.slice(0, 6),
      createdAt: expect.any(String),
      createdBy: expect.any(String),
      expiresAt: null,
      lastUsedAt: null,
      instances: [],
    });
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(200);
    const listed = (await list()).find(({ id }) => id === view.id);
    expect({ ...listed, lastUsedAt: null }).toEqual(view);
    expect(listed.lastUsedAt).not.toBeNull();
    const rows = await server.db.selectFrom('api_keys').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(key);
    expect(JSON.stringify(server.log.lines)).not.toContain(key);
  });

  it('does no more than its scopes, and lasts until it expires', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const { key, ...view } = await make({
      name: 'Reader',
      role: 'admin',
      scopes: ['whatsapp:read', 'whatsapp:read'],
      expiresAt,
    });
    expect(view).toMatchObject({ scopes: ['whatsapp:read'], expiresAt });
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(200);
    expect((await server.ask('GET', '/keys', { key })).status).toBe(403);
  });

  it.each([
    ['no name', { role: 'agent' }, 'name'],
    ['an empty name', { name: '', role: 'agent' }, 'name'],
    ["a name of the daemon's own", { name: 'OWNER_API_KEY', role: 'owner' }, 'name'],
    ['no role', { name: 'A' }, 'role'],
    ['a role that is none', { name: 'A', role: 'root' }, 'role'],
    ['no scope at all', { name: 'A', role: 'agent', scopes: [] }, 'scopes'],
    ['a scope that is none', { name: 'A', role: 'agent', scopes: ['all'] }, 'scopes.0'],
    ['a scope that the role lacks', { name: 'A', role: 'viewer', scopes: ['whatsapp:send'] }, 'scopes'],
    ['an expiry that is over', { name: 'A', role: 'agent', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['an expiry that is no instant', { name: 'A', role: 'agent', expiresAt: 'soon' }, 'expiresAt'],
    ['another tenant', { name: 'A', role: 'agent', tenant: 'theirs' }, 'tenant'],
  ])('is refused with %s', async (_what, body, field) => {
    const answer = await server.ask('POST', '/keys', { body });
    expect([answer.status, answer.body.error.details.map((each: AnswerBody) => each.field)]).toEqual([
      400,
      [field],
    ]);
  });

  it('can do no more than the one that it was made with', async () => {
    const admin = await server.makeKey('admin');
    const narrowed = await server.makeKey('admin', 'default', ['whatsapp:manage', 'whatsapp:read']);
    const status = async (key: string, body: object) =>
      (await server.ask('POST', '/keys', { key, body: { name: 'A', ...body } })).status;
    expect(await status(admin, { role: 'owner' })).toBe(403);
    expect(await status(admin, { role: 'admin' })).toBe(201);
    expect(await status(narrowed, { role: 'agent' })).toBe(403);
    expect(await status(narrowed, { role: 'viewer' })).toBe(201);
  });

  it('lasts no longer than the one that it was made with', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const { key } = await make({ name: 'For an hour', role: 'admin', expiresAt });
    const body = { name: 'A', role: 'viewer' };
    const refused = await server.ask('POST', '/keys', { key, body });
    expect([refused.status, refused.body.error.message]).toEqual([403, expect.stringContaining('longer')]);
    expect((await server.ask('POST', '/keys', { key, body: { ...body, expiresAt } })).status).toBe(201);
  });
});

describe('the list', () => {
  it('shows the keys of the tenant alone, page by page, and never a key', async () => {
    const owner = await server.makeKey('owner', 'paged');
    const made = [];
    for (const name of ['A', 'B', 'C']) made.push(await make({ name, role: 'viewer' }, owner));
    const names = [];
    for (let path: string | null = '/keys?limit=2'; path !== null; ) {
      const { data, nextCursor }: AnswerBody = (await server.ask('GET', path, { key: owner })).body;
      names.push(...data.map(({ name }: AnswerBody) => name));
      path = nextCursor === null ? null : `/keys?limit=2&cursor=${nextCursor}`;
    }
    expect(names).toEqual(['test', 'A', 'B', 'C']);
    const text = JSON.stringify(await list(owner));
    for (const { key } of made) expect(text).not.toContain(key);
    expect(text).not.toContain('sha256');
  });
});

describe('a key that is revoked', () => {
  it('is refused from that moment on, and no longer listed', async () => {
    const { id, key } = await make({ name: 'Gone', role: 'viewer' });
    const answer = await server.ask('DELETE', `/keys/${id}`);
    expect([answer.status, answer.body.data]).toEqual([200, { keyId: id, revoked: true }]);
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(401);
    expect((await list()).map((each) => each.id)).not.toContain(id);
    expect((await server.ask('DELETE', `/keys/${id}`)).body.error.code).toBe('KEY_NOT_FOUND');
  });

  it('takes what was granted to it along', async () => {
    const { id } = await make({ name: 'Agent', role: 'agent' });
    const account = await server.makeAccount();
    await server.ask('PUT', `/accounts/${account}/grants/${id}`);
    await server.ask('DELETE', `/keys/${id}`);
    expect((await server.ask('GET', `/accounts/${account}/grants`)).body.data).toEqual([]);
  });

  it('is not found in another tenant, nor under a name that is no id', async () => {
    const { id, key } = await make({ name: 'Ours', role: 'viewer' });
    const theirs = await server.makeKey('owner', 'theirs');
    for (const wanted of [id, 'x', crypto.randomUUID()]) {
      const answer = await server.ask('DELETE', `/keys/${wanted}`, { key: theirs });
      expect([answer.status, answer.body.error.code]).toEqual([404, 'KEY_NOT_FOUND']);
    }
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(200);
  });

  it('is, as a key of an owner, revoked by owners alone, and never the last one', async () => {
    const first = await server.makeKey('owner', 'small');
    const admin = await server.makeKey('admin', 'small');
    const own = (await list(first)).find(({ role }) => role === 'owner').id;
    expect((await server.ask('DELETE', `/keys/${own}`, { key: admin })).status).toBe(403);
    const last = await server.ask('DELETE', `/keys/${own}`, { key: first });
    expect([last.status, last.body.error.code]).toEqual([409, 'LAST_OWNER_KEY']);
    const second = await make({ name: 'Second', role: 'owner' }, first);
    expect((await server.ask('DELETE', `/keys/${own}`, { key: second.key })).status).toBe(200);
  });

  it('is one of two owner keys at most, if both are revoked at the same moment', async () => {
    const keys = [await server.makeKey('owner', 'twins'), await server.makeKey('owner', 'twins')];
    const ids = (await list(keys[0])).map(({ id }) => id);
    const answers = await Promise.all(
      ids.map((id, nth) => server.ask('DELETE', `/keys/${id}`, { key: keys[nth] ?? null })),
    );
    // The one that comes second may find its own key revoked by then.
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses[0]).toBe(200);
    expect([401, 409]).toContain(statuses[1]);
  });
});
