import { request } from 'node:http';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionChange } from '../../../src/accounts/account.ts';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let stack: AsyncDisposableStack;
let account: AccountId;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await openTestServer());
  account = await server.makeAccount({ phoneNumber: '+491700000001' });
});
afterEach(() => stack.disposeAsync());

type Options = Partial<ManagerOptions & SocketOptions>;

/** A client that does not come back by itself; it is closed after the test. */
function dial(options: Options, url = server.url): Socket {
  const client = io(url, { reconnection: false, forceNew: true, transports: ['websocket'], ...options });
  stack.defer(() => void client.close());
  return client;
}

/** The client's next event of that name; the test's own timeout bounds the wait. */
function next(client: Socket, name: string): Promise<AnswerBody> {
  return new Promise((resolve) => void client.once(name, resolve));
}

async function connect(token: string, options: Options = {}): Promise<Socket> {
  const client = dial({ auth: { token }, ...options });
  await next(client, 'connect');
  return client;
}

async function refusal(options: Options): Promise<AnswerBody> {
  return next(dial(options), 'connect_error');
}

async function enter(id: AccountId, change: SessionChange): Promise<void> {
  await server.accounts.saveState(id, change);
  server.announcer.onState(id, change);
}

/** Names and payloads of everything that a client is sent from now on. */
function listen(client: Socket): [string, AnswerBody][] {
  const events: [string, AnswerBody][] = [];
  client.onAny((name: string, payload: AnswerBody) => void events.push([name, payload]));
  return events;
}

describe('a client', () => {
  it.each([['websocket'], ['polling']])(
    'is told of states as the API shows them, by %s',
    async (transport) => {
      const client = await connect(server.key, { transports: [transport] });
      const told = next(client, 'account:status');
      await enter(account, { state: 'needs_human', reason: 'logged_out' });
      const { since, reason, state, connectionStatus } = (await server.ask('GET', `/accounts/${account}`))
        .body.data;
      expect(await told).toEqual({
        accountId: account,
        state,
        connectionStatus,
        reason,
        since,
        reconnect: null,
      });
      expect(connectionStatus).toBe('Failed');
      expect(reason.code).toBe('logged_out');
    },
  );

  it('is told of health and of alerts', async () => {
    const client = await connect(server.key);
    const [health, alert] = [next(client, 'account:health'), next(client, 'account:alert')];
    const text = 'WhatsApp blocked the number.';
    await enter(account, { state: 'needs_human', reason: 'banned' });
    server.announcer.onAlert(account, { kind: 'needs_human', reason: 'banned', text });
    expect(await health).toEqual({
      accountId: account,
      healthStatus: 'Critical',
      usagePercentage: 0,
      messagesSentToday: 0,
      dailyLimit: 1_000,
    });
    expect(await alert).toMatchObject({
      accountId: account,
      kind: 'needs_human',
      reason: { code: 'banned' },
      text,
    });
  });

  it('gets the QR code as the QR route gives it, and hears when it is over', async () => {
    const id = await server.makeAccount();
    const client = await connect(server.key);
    const shown = next(client, 'account:qr');
    const expiresAt = new Date(Date.now() + 60_000);
    await server.accounts.saveQr(id, { text: '2@code', expiresAt });
    const row = await server.accounts.getAccount(id);
    server.announcer.onQr(row, '2@code');
    const { qr, qrCode } = (await server.ask('GET', `/qr-code/${id}`)).body.data;
    expect(await shown).toEqual({ accountId: id, qr, qrCode, expiresAt: expiresAt.toISOString() });
    const over = next(client, 'account:qr');
    server.announcer.onQr(row, null);
    expect(await over).toEqual({ accountId: id, qr: null, qrCode: null, expiresAt: null });
  });

  it('gets the pairing code', async () => {
    const client = await connect(server.key);
    const shown = next(client, 'account:pairing-code');
    server.announcer.onPairingCode(await server.accounts.getAccount(account), 'ABCD1234');
    expect(await shown).toEqual({ accountId: account, code: 'ABCD1234', expiresAt: expect.any(String) });
  });

  it('hears of its own tenant alone, and only if its role sees the accounts', async () => {
    const theirs = await server.makeAccount({ tenant: 'theirs', phoneNumber: '+491700000002' });
    const own = await connect(server.key);
    const other = await connect(await server.makeKey('owner', 'theirs'));
    const viewer = await connect(await server.makeKey('viewer'));
    const heard = [own, other, viewer].map(listen);
    const last = [own, other].map((client) => next(client, 'account:health'));
    await enter(account, { state: 'needs_human', reason: 'banned' });
    await enter(theirs, { state: 'needs_human', reason: 'banned' });
    await Promise.all(last);
    // What was sent to the viewer comes before the end of its connection.
    const gone = next(viewer, 'disconnect');
    await server[Symbol.asyncDispose]();
    await gone;
    const ids = heard.map((events) => [...new Set(events.map(([, { accountId }]) => accountId))]);
    expect(ids).toEqual([[account], [theirs], []]);
  });

  it('hears of a change of the daily limit that changes its health', async () => {
    const client = await connect(server.key);
    await server.db
      .insertInto('account_usage')
      .values({ account_id: account, local_date: new Date().toISOString().slice(0, 10), sent: 80 })
      .execute();
    const told = next(client, 'account:health');
    await server.ask('PATCH', `/accounts/${account}`, { body: { dailyLimit: 100 } });
    expect(await told).toMatchObject({ accountId: account, healthStatus: 'Warning', usagePercentage: 80 });
  });
});

describe('authentication', () => {
  it.each([
    ['without a token', {}],
    ['with an unknown key', { token: 'x'.repeat(40) }],
    ['with a token that is no text', { token: { key: 1 } }],
  ])('refuses a client %s', async (_what, auth) => {
    expect((await refusal({ auth })).data).toEqual({
      code: 'UNAUTHENTICATED',
      message: 'A valid API key is needed: docs/access.md says where the first one lies.',
    });
  });

  it('counts failures together with those of HTTP', async () => {
    for (let count = 0; count < 99; count += 1)
      await server.ask('GET', '/accounts', { key: 'wrong'.repeat(10) });
    const auth = { token: 'wrong'.repeat(10) };
    expect((await refusal({ auth })).data.code).toBe('UNAUTHENTICATED');
    // Not refused, which would keep it away for good: it may come again.
    expect(await next(dial({ auth }), 'disconnect')).toBe('transport close');
    expect((await server.ask('GET', '/accounts', { key: auth.token })).status).toBe(429);
    await connect(server.key);
  });

  it('sends nothing to a client that has not said who it is', async () => {
    const silent = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const packets: string[] = [];
    silent.addEventListener('message', ({ data }) => void packets.push(String(data)));
    await new Promise((resolve) => silent.addEventListener('message', resolve, { once: true }));
    const known = await connect(server.key);
    const told = next(known, 'account:status');
    await enter(account, { state: 'needs_human', reason: 'banned' });
    await told;
    const gone = new Promise((resolve) => silent.addEventListener('close', resolve, { once: true }));
    await server[Symbol.asyncDispose]();
    await gone;
    // Its handshake and pings; a message of Socket.IO begins with 4.
    expect(packets.filter((packet) => packet.startsWith('4'))).toEqual([]);
  });
});

describe('the server', () => {
  it('lets only the allowed origins of browsers in', async () => {
    const allowed = 'https://desk.example';
    const config = { ...server.deps.config, allowedOrigins: [allowed] };
    await using open = await openTestServer({ config });
    const origin = async (url: string, name: string) => {
      const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers: { origin: name } });
      await answer.arrayBuffer();
      return answer.headers.get('access-control-allow-origin');
    };
    expect(await origin(open.url, allowed)).toBe(allowed);
    expect(await origin(open.url, 'https://else.example')).toBeNull();
    expect(await origin(server.url, allowed)).toBeNull();
  });

  it.each([['websocket'], ['polling']])(
    'cuts its %s clients off when it closes, who may come back',
    async (transport) => {
      const closing = await openTestServer();
      const client = dial({ auth: { token: closing.key }, transports: [transport] }, closing.url);
      await next(client, 'connect');
      const gone = next(client, 'disconnect');
      await closing[Symbol.asyncDispose]();
      expect(['transport close', 'transport error']).toContain(await gone);
      expect(closing.log.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    },
  );

  it('answers clients that would rather speak another protocol', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const headers = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    request(`${server.url}/health`, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
    expect(await promise).toBe(200);
  });

  it('leaves WebSockets elsewhere alone', async () => {
    const url = `${server.url.replace('http', 'ws')}/health`;
    const socket = new WebSocket(url);
    await new Promise((resolve) => socket.addEventListener('error', resolve, { once: true }));
    expect((await server.ask('GET', '//health')).status).toBe(200);
  });
});

describe('a webhook that was disabled', () => {
  it('is told to those who see the whole tenant, and to nobody else', async () => {
    let disable: Parameters<TestServer['deps']['webhooks']['onDisabled']>[0] = () => undefined;
    const webhooks: TestServer['deps']['webhooks'] = {
      ...server.deps.webhooks,
      onDisabled: (handler) => {
        disable = handler;
        return () => undefined;
      },
    };
    await using own = await openTestServer({ webhooks });
    const connectTo = async (token: string) => {
      const client = dial({ auth: { token } }, own.url);
      await next(client, 'connect');
      return client;
    };
    const owner = await connectTo(own.key);
    const others = [
      await connectTo(await own.makeKey('agent')),
      await connectTo(await own.makeKey('owner', 'x')),
    ];
    const heard = others.map(listen);
    const at = new Date();
    const told = next(owner, 'webhook:disabled');
    disable({ webhookId: 'w', tenantId: 'default' as never, at });
    expect(await told).toEqual({ webhookId: 'w', at: at.toISOString() });
    expect(heard).toEqual([[], []]);
    for (const client of [owner, ...others]) client.close();
  });
});
