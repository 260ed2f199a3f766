import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStage, type Stage } from '../support/stage.ts';

interface Event {
  readonly name: string;
  readonly accountId: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

let stage: Stage;
let client: Socket;
const events: Event[] = [];
let look: () => void = () => undefined;

beforeAll(async () => {
  stage = await openStage();
  const { url, ownerKey } = stage.daemon();
  client = io(url, { auth: { token: ownerKey }, transports: ['websocket'] });
  client.onAny((name: string, payload: Event['payload'] & { accountId: string }) => {
    events.push({ name, accountId: payload.accountId, payload });
    look();
  });
  await new Promise<void>((resolve) => void client.once('connect', resolve));
});

afterAll(async () => {
  client.close();
  await stage[Symbol.asyncDispose]();
});

/** The first event that passes, among those that came and those to come; the test's own timeout bounds the wait. */
async function heard(passes: (event: Event) => boolean): Promise<Event> {
  for (;;) {
    const found = events.find(passes);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      look = resolve;
    });
  }
}

function statesOf(accountId: string): unknown[] {
  const own = events.filter((event) => event.name === 'account:status' && event.accountId === accountId);
  return own.map(({ payload }) => payload.state);
}

it('a client follows a link, and the logout that ends it, each step told once', async () => {
  const phone = await stage.world.phone('followed');
  const accountId = await stage.link(phone);
  await heard(({ name, payload }) => name === 'account:status' && payload.state === 'connected');
  const steps = statesOf(accountId);
  expect(steps).toEqual(expect.arrayContaining(['starting', 'awaiting_scan', 'connected']));
  expect(new Set(steps).size).toBe(steps.length);
  expect(steps.at(-1)).toBe('connected');
  const codes = events.filter(({ name }) => name === 'account:qr').map(({ payload }) => payload.qr);
  expect(codes.length).toBeGreaterThan(1);
  expect(codes.at(-1)).toBeNull();

  await phone.logoutDevice();
  const alert = await heard(({ name }) => name === 'account:alert');
  expect(alert.payload).toMatchObject({ accountId, kind: 'needs_human', reason: { code: 'logged_out' } });
  const health = await heard(({ name }) => name === 'account:health');
  expect(health.payload).toMatchObject({ accountId, healthStatus: 'Critical' });
  const status = await heard(({ payload }) => payload.state === 'needs_human');
  const account = await stage.api.call<{ since: string }>('GET', `/accounts/${accountId}`);
  expect(status.payload).toMatchObject({ connectionStatus: 'Failed', since: account.since });
  expect(events.filter(({ name }) => name === 'account:alert')).toHaveLength(1);
  expect(events.filter(({ name }) => name === 'account:health')).toHaveLength(1);
});
