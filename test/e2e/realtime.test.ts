import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealtimeClient } from '../support/realtime-client.ts';
import { openStage, type Stage } from '../support/stage.ts';

let stage: Stage;
let client: RealtimeClient;

beforeAll(async () => {
  stage = await openStage();
  client = await RealtimeClient.open(stage.daemon());
});

afterAll(async () => {
  client[Symbol.dispose]();
  await stage[Symbol.asyncDispose]();
});

function statesOf(accountId: string): unknown[] {
  const own = client.events.filter(
    (event) => event.name === 'account:status' && event.accountId === accountId,
  );
  return own.map(({ payload }) => payload.state);
}

it('a client follows a link with its codes, as they follow each other, and the logout that ends it, each step told once', async () => {
  const phone = await stage.world.phone('followed');
  const { accountId, qr: first } = await stage.api.connect(phone.name);
  await client.heard(({ payload }) => payload.qr === first);
  await stage.world.rotateQr();
  const second = await client.heard(
    ({ name, payload }) => name === 'account:qr' && payload.qr !== null && payload.qr !== first,
  );
  await phone.scan(String(second.payload.qr));
  await client.heard(({ name, payload }) => name === 'account:status' && payload.state === 'connected');
  const steps = statesOf(accountId);
  expect(steps).toEqual(expect.arrayContaining(['starting', 'awaiting_scan', 'connected']));
  expect(new Set(steps).size).toBe(steps.length);
  expect(steps.at(-1)).toBe('connected');
  const codes = client.events.filter(({ name }) => name === 'account:qr').map(({ payload }) => payload.qr);
  expect(codes).toEqual([first, second.payload.qr, null]);

  await phone.logoutDevice();
  const alert = await client.heard(({ name }) => name === 'account:alert');
  expect(alert.payload).toMatchObject({ accountId, kind: 'needs_human', reason: { code: 'logged_out' } });
  const health = await client.heard(({ name }) => name === 'account:health');
  expect(health.payload).toMatchObject({ accountId, healthStatus: 'Critical' });
  const status = await client.heard(({ payload }) => payload.state === 'needs_human');
  const account = await stage.api.call<{ since: string }>('GET', `/accounts/${accountId}`);
  expect(status.payload).toMatchObject({ connectionStatus: 'Failed', since: account.since });
  expect(client.events.filter(({ name }) => name === 'account:alert')).toHaveLength(1);
  expect(client.events.filter(({ name }) => name === 'account:health')).toHaveLength(1);
});
