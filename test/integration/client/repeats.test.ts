import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { makeSwitchboardClient, type SwitchboardClient } from '../../../src/client/client.ts';
import {
  data,
  type FakeAnswer,
  type FakeDaemon,
  failure,
  type NoAnswer,
  openFakeDaemon,
} from '../../support/fake-daemon.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const ACCOUNTS = '/api/v1/whatsapp/accounts';
const NOW = { headers: { 'retry-after': '0' } };
const OK = data([], { count: 0, nextCursor: null });
const UNAVAILABLE = { ...failure(503, 'UNAVAILABLE'), ...NOW };
const LIMITED = { ...failure(429, 'RATE_LIMIT_EXCEEDED'), ...NOW };

let daemon: FakeDaemon | undefined;
afterEach(async () => {
  await daemon?.[Symbol.asyncDispose]();
  daemon = undefined;
});

/** A client of a daemon that answers in this order; the last answer stays. */
async function play(
  answers: readonly [FakeAnswer | NoAnswer, ...(FakeAnswer | NoAnswer)[]],
  options: { readonly retries?: number; readonly timeoutMs?: number } = {},
): Promise<SwitchboardClient> {
  let next = 0;
  daemon = await openFakeDaemon(() => answers[Math.min(next++, answers.length - 1)] ?? answers[0]);
  return makeSwitchboardClient({ baseUrl: daemon.url, ...options });
}

const requests = () => daemon?.requests ?? [];
const sendWith = (client: SwitchboardClient, signal?: AbortSignal) =>
  client.post('/api/v1/whatsapp/accounts/{accountId}/messages', {
    params: { path: { accountId: ID } },
    body: { to: '+491700000001', text: 'Hello' },
    ...(signal === undefined ? {} : { signal }),
  });
const connectWith = (client: SwitchboardClient) => client.post('/api/v1/whatsapp/connect', { body: {} });

describe('a request that did not work', () => {
  it('is made again, as it was, after 429 with Retry-After, and after 503 if it is a read or a send', async () => {
    const client = await play([UNAVAILABLE, LIMITED, data({ messageId: 'm', status: 'pending' })]);
    expect((await sendWith(client)).data.messageId).toBe('m');
    const keys = requests().map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([expect.any(String), keys[0], keys[0]]);
    expect(requests().map(({ body }) => body)).toEqual(
      Array.from({ length: 3 }, () => ({ to: '+491700000001', text: 'Hello' })),
    );
  });

  it('is made again where no answer came, if it is a read or a send', async () => {
    const client = await play(['cut', OK]);
    expect((await client.get(ACCOUNTS)).count).toBe(0);
    expect(requests()).toHaveLength(2);
  });

  it('is not made again after 503 or silence if that could do it twice', async () => {
    await expect(connectWith(await play([UNAVAILABLE, OK]))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(requests()).toHaveLength(1);
    await daemon?.[Symbol.asyncDispose]();
    await expect(connectWith(await play(['cut', OK]))).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(requests()).toHaveLength(1);
  });

  it('fails in the end with the error of the last attempt and the key to go on with', async () => {
    const client = await play([UNAVAILABLE], { retries: 1 });
    await expect(sendWith(client)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      status: 503,
      requestId: 'r-1',
      retryAfterMs: 0,
      idempotencyKey: expect.any(String),
    });
    const keys = requests().map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('is given up at once where the answer asks for a long wait', async () => {
    const full = { ...failure(429, 'DAILY_LIMIT_EXCEEDED'), headers: { 'retry-after': '3600' } };
    const client = await play([full, OK]);
    await expect(sendWith(client)).rejects.toMatchObject({
      code: 'DAILY_LIMIT_EXCEEDED',
      retryAfterMs: 3_600_000,
    });
    expect(requests()).toHaveLength(1);
  });
});

describe('the Idempotency-Key of a send', () => {
  it('is the one that is given, in whatever spelling, and of sends alone', async () => {
    const client = await play([data({ messageId: 'm', status: 'pending' })]);
    const send = (call: {
      readonly headers?: Record<string, string>;
      readonly header?: Record<string, string>;
    }) =>
      client.post('/api/v1/whatsapp/accounts/{accountId}/messages', {
        params: { path: { accountId: ID }, ...(call.header === undefined ? {} : { header: call.header }) },
        body: { to: '+491700000001', text: 'Hello' },
        ...(call.headers === undefined ? {} : { headers: call.headers }),
      });
    await send({ header: { 'idempotency-key': 'a' } });
    await send({ header: { 'Idempotency-Key': 'b' } });
    await send({ headers: { 'Idempotency-Key': 'c' } });
    await connectWith(client);
    expect(requests().map(({ headers }) => headers['idempotency-key'])).toEqual(['a', 'b', 'c', undefined]);
  });
});

describe('a request without an answer of Switchboard', () => {
  it('fails with TIMEOUT once its time is over', async () => {
    const client = await play(['silence'], { timeoutMs: 50, retries: 0 });
    await expect(client.get(ACCOUNTS)).rejects.toMatchObject({ code: 'TIMEOUT', status: undefined });
  });

  it('fails with NOT_SWITCHBOARD where something else answers', async () => {
    for (const answer of [{ body: '<html>' }, { body: '{"hello":1}' }, { status: 404, body: 'Not here' }]) {
      const client = await play([answer]);
      await expect(client.get(ACCOUNTS)).rejects.toMatchObject({ code: 'NOT_SWITCHBOARD' });
      await daemon?.[Symbol.asyncDispose]();
    }
    daemon = undefined;
  });

  it('fails with UNREACHABLE where the answer breaks off, and where nothing listens', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '10000', 'content-type': 'application/json' });
      response.write('{"success":true', () => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = makeSwitchboardClient({ baseUrl: `http://127.0.0.1:${port}`, retries: 0 });
    await expect(client.get(ACCOUNTS)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    server.close();
    await once(server, 'close');
    await expect(client.get(ACCOUNTS)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('takes no key along where it is redirected to', async () => {
    const client = await play([{ status: 307, headers: { location: 'http://127.0.0.1:9/' }, body: '' }]);
    await expect(client.get(ACCOUNTS)).rejects.toMatchObject({ code: 'NOT_SWITCHBOARD', status: 307 });
    expect(requests()).toHaveLength(1);
  });

  it('rejects with what the maker of its token throws', async () => {
    daemon = await openFakeDaemon(() => OK);
    const reason = new Error('No token today');
    const client = makeSwitchboardClient({ baseUrl: daemon.url, token: () => Promise.reject(reason) });
    await expect(client.get(ACCOUNTS)).rejects.toBe(reason);
    expect(requests()).toEqual([]);
  });

  it('ends with the reason of its signal, also while it waits to be made again', async () => {
    const client = await play([{ ...UNAVAILABLE, headers: { 'retry-after': '20' } }]);
    const reason = new Error('Enough');
    const stop = new AbortController();
    const sending = sendWith(client, stop.signal);
    while (requests().length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(reason);
    await expect(sending).rejects.toBe(reason);
  });
});
