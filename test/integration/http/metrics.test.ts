import { afterAll, beforeAll, expect, it } from 'vitest';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { countUsage } from '../../../src/db/usage-store.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { countedSeries, parseSeries } from '../../support/metric-series.ts';

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

it('is for the tenant default alone: the figures are those of all', async () => {
  const answer = await server.ask('GET', '//metrics', { key: await server.makeKey('owner', 'shop') });
  expect([answer.status, answer.body.error.code]).toEqual([403, 'FORBIDDEN']);
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

it('counts and times requests by the template of their route and the class of the status', async () => {
  await using own = await openTestServer();
  const id = await own.makeAccount();
  const other = await own.makeAccount();
  for (const path of [`/accounts/${id}`, `/accounts/${other}`, '/accounts/nobody', '/nowhere'])
    await own.ask('GET', path);
  const text = String((await own.ask('GET', '//metrics')).body);
  const route = '/api/v1/whatsapp/accounts/:accountId';
  const counts = text.split('\n').filter((line) => line.startsWith('switchboard_http_requests_total{'));
  expect(counts.toSorted()).toEqual([
    `switchboard_http_requests_total{method="GET",route="${route}",status="2xx"} 2`,
    `switchboard_http_requests_total{method="GET",route="${route}",status="4xx"} 1`,
    'switchboard_http_requests_total{method="GET",route="none",status="4xx"} 1',
  ]);
  expect(text).toContain(`switchboard_http_request_duration_seconds_count{method="GET",route="${route}"} 3`);
});

it('shows accounts by health, waiting messages, jobs and the age of what is sealed', async () => {
  await using own = await openTestServer();
  const [calm, busy] = [await own.makeAccount(), await own.makeAccount({ phoneNumber: '+491700000001' })];
  await own.db.updateTable('accounts').set({ instance_id: 'test' }).where('id', 'in', [calm, busy]).execute();
  await countUsage(own.db, busy, 'sent', new Date());
  await updateAccount(own.db, busy, { dailyLimit: 1 }, new Date());
  const to = { to: '+491700000009', text: 'hi' };
  for (const onLimit of ['reject', 'defer'])
    await own.ask('POST', `/accounts/${busy}/messages`, { body: { ...to, onLimit } });
  const snapshots = [
    { generation: 1, sealed_at: new Date(Date.now() - 7_200_000) },
    { generation: 2, sealed_at: new Date(Date.now() - 60_000) },
  ];
  const common = { account_id: busy, key_id: 'k', bytes: 1 };
  await own.db
    .insertInto('vault_snapshots')
    .values(snapshots.map((each) => ({ ...common, ...each })))
    .execute();
  const text = String((await own.ask('GET', '//metrics')).body);
  expect(countedSeries(text, 'switchboard_accounts_health')).toEqual({ Healthy: 1, Critical: 1 });
  expect(countedSeries(text, 'switchboard_messages_waiting')).toEqual({ unsent: 1, deferred: 1 });
  expect(countedSeries(text, 'switchboard_messages_total')).toEqual({ accepted: 2, deferred: 1 });
  expect(text).toMatch(/^switchboard_queue_jobs\{queue="inbound",state="waiting"\} 0$/m);
  expect(text).toMatch(/^switchboard_browsers 0$/m);
  expect(text).toMatch(/^switchboard_browser_memory_bytes 0$/m);
  expect(text).toMatch(/^switchboard_vault_restore_age_seconds 6\d(\.\d+)?$/m);
  expect(text).toMatch(/^switchboard_vault_oldest_generation_age_seconds 72\d\d(\.\d+)?$/m);
});
