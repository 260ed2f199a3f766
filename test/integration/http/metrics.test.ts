import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { parseSeries } from '../../support/metric-series.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

it('shows the figures as Prometheus reads them, and lets nobody keep them', async () => {
  const id = await server.makeAccount({ phoneNumber: '+491700000001' });
  await server.accounts.saveState(id, { state: 'reconnecting', reason: 'page_crashed', attempt: 1 });
  const answer = await server.ask('GET', '//metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = String(answer.body);
  expect(text).toContain('# TYPE switchboard_sessions gauge');
  expect(parseSeries(text, 'switchboard_sessions').reconnecting).toBe(1);
  expect(parseSeries(text, 'switchboard_session_reconnects_total').page_crashed).toBe(1);
  expect(text).not.toContain(id);
});

it.each([
  ['owner', 200],
  ['admin', 200],
  ['agent', 403],
  ['viewer', 403],
] as const)('answers a key of the role %s with %i', async (role, status) => {
  const key = await server.makeKey(role);
  expect((await server.ask('GET', '//metrics', { key })).status).toBe(status);
});

it('answers 401 without a key, and 400 to a parameter', async () => {
  expect((await server.ask('GET', '//metrics', { key: null })).status).toBe(401);
  expect((await server.ask('GET', '//metrics?format=json')).status).toBe(400);
});

it('answers also when the key has used up its requests, and uses none up', async () => {
  const config = { ...server.deps.config, apiRateLimit: 1 };
  await using limited = await openTestServer({ config });
  const statuses = [];
  for (const path of ['//metrics', '//metrics', '/accounts', '/accounts', '//metrics'])
    statuses.push((await limited.ask('GET', path)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 200]);
});
