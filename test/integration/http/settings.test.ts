import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

it('keep messages for ever until a tenant says otherwise, and for other tenants still', async () => {
  const key = await server.makeKey('admin', 'ours');
  const of = async (asked: string) => (await server.ask('GET', '/settings', { key: asked })).body.data;
  expect(await of(key)).toEqual({ retentionDays: null });
  const changed = await server.ask('PATCH', '/settings', { key, body: { retentionDays: 30 } });
  expect([changed.status, changed.body.data]).toEqual([200, { retentionDays: 30 }]);
  expect((await server.ask('PATCH', '/settings', { key, body: {} })).body.data).toEqual({
    retentionDays: 30,
  });
  expect(await of(await server.makeKey('owner', 'theirs'))).toEqual({ retentionDays: null });
  await server.ask('PATCH', '/settings', { key, body: { retentionDays: null } });
  expect(await of(key)).toEqual({ retentionDays: null });
});

it.each([0, -1, 1.5, 36_501, '30'])('refuse %j days by name', async (retentionDays) => {
  const { status, body } = await server.ask('PATCH', '/settings', { body: { retentionDays } });
  expect([status, body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
  expect(body.error.details).toMatchObject([{ field: 'retentionDays' }]);
});

it('are not for agents and viewers', async () => {
  for (const role of ['agent', 'viewer'] as const) {
    const key = await server.makeKey(role, 'ours');
    expect((await server.ask('GET', '/settings', { key })).status).toBe(403);
    expect((await server.ask('PATCH', '/settings', { key, body: { retentionDays: 1 } })).status).toBe(403);
  }
});
