import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeMessageId } from '../../../src/accounts/ids.ts';
import { openDatabase } from '../../../src/db/database.ts';
import { openHttpServer } from '../../../src/http/server.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const signal = new AbortController().signal;

/** What every error must look like. */
function expectError(answer: { status: number; body: unknown }, status: number, code: string) {
  expect(answer.body).toMatchObject({ success: false, error: { code, message: expect.any(String) } });
  expect(answer.body).toHaveProperty('error.requestId');
  expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.ts:\d+/);
  expect(answer.status).toBe(status);
}

/** With any method: `fetch` knows not all of them. Without a key, since it is nobody's address. */
async function askRaw(method: string, path: string) {
  const url = new URL(path.startsWith('//') ? path.slice(1) : `/api/v1/whatsapp${path}`, server.url);
  const asked = request(url, { method }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode ?? 0,
    allow: answer.headers.allow,
    body: JSON.parse(await text(answer)),
  };
}

/** What the server answers to these bytes, after which it closes the connection. */
async function sendRaw(bytes: string) {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write(bytes);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  // Of a chunked answer there are its sizes around it.
  const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body: JSON.parse(json) };
}

describe('errors', () => {
  it.each([
    ['GET', '//nowhere', undefined, 404, 'NOT_FOUND'],
    ['GET', '/nowhere', undefined, 404, 'NOT_FOUND'],
    ['PUT', '/connect', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['POST', '/connect', '{"displayName":', 400, 'VALIDATION_FAILED'],
    ['POST', '/connect', '[]', 400, 'VALIDATION_FAILED'],
    ['POST', '/connect', `{"displayName":"${'x'.repeat(2_000_000)}"}`, 413, 'TOO_LARGE'],
    ['GET', '/accounts/not-a-uuid', undefined, 404, 'ACCOUNT_NOT_FOUND'],
    ['GET', `/accounts/${'a'.repeat(600)}`, undefined, 404, 'NOT_FOUND'],
    ['GET', '/messages/not-a-uuid', undefined, 404, 'MESSAGE_NOT_FOUND'],
    ['GET', '/accounts/%', undefined, 400, 'VALIDATION_FAILED'],
    ['DELETE', '/accounts/6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10', { a: 1 }, 400, 'VALIDATION_FAILED'],
    ['DELETE', '/accounts/6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10', {}, 404, 'ACCOUNT_NOT_FOUND'],
    ['GET', '/accounts?limit=0x10', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/accounts?limit=1e1', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/accounts?limit=5.0', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/accounts?limit=%205', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/accounts?limit=005', undefined, 200, undefined],
  ])('%s %s answers in the envelope', async (method, path, body, status, code) => {
    const answer = await server.ask(method, path, { body });
    if (code === undefined) expect(answer.status).toBe(status);
    else expectError(answer, status, code);
  });

  it('names the address where that is what cannot be read', async () => {
    const answer = await server.ask('GET', '//docs/static/%00');
    expectError(answer, 400, 'VALIDATION_FAILED');
    expect(answer.body.error.details).toEqual([{ field: 'url', message: 'The request is not valid.' }]);
  });

  it('says that a body is missing or broken, and nothing of JSON elsewhere', async () => {
    const broken = await server.ask('POST', '/connect', { body: '{"displayName":' });
    expect(broken.body.error.details).toEqual([{ field: 'body', message: 'The body is not valid JSON.' }]);
    const raw = await sendRaw(
      'QUERY /api/v1/whatsapp/accounts HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(raw.body.error.details).not.toEqual([expect.objectContaining({ field: 'body' })]);
  });

  it.each([['application/json; charset=utf-16'], ['application/json; charset=latin1']])(
    'refuses a body in another encoding: %s',
    async (type) => {
      const asked = { body: '{}', headers: { 'content-type': type } };
      expectError(await server.ask('POST', '/connect', asked), 415, 'UNSUPPORTED_MEDIA');
    },
  );

  it('refuses a compressed body', async () => {
    const asked = { body: '{}', headers: { 'content-encoding': 'gzip' } };
    expectError(await server.ask('POST', '/connect', asked), 415, 'UNSUPPORTED_MEDIA');
  });

  it('answers an expectation that it cannot meet in the envelope', async () => {
    const request = 'GET /health HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nConnection: close\r\n\r\n';
    const { status, head, body } = await sendRaw(request);
    expectError({ status, body }, 417, 'EXPECTATION_FAILED');
    expect(head.toLowerCase()).toContain(`\r\nx-request-id: ${body.error.requestId}`);
  });

  it.each([
    ['PUT', '/connect', 'POST'],
    ['GET', '/connect?x=1', 'POST'],
    ['POST', '/accounts/not-a-uuid', 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', '/accounts', 'GET, HEAD'],
    ['DELETE', '/%61ccounts', 'GET, HEAD'],
    ['TRACE', '//health', 'GET, HEAD'],
    ['PROPFIND', '//health', 'GET, HEAD'],
    ['PUT', '//docs/static/index.html', 'GET, HEAD'],
  ])('%s %s names the methods that the address knows', async (method, path, allow) => {
    const answer = await askRaw(method, path);
    expectError(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(answer.allow).toBe(allow);
  });

  it.each([
    ['DELETE', '/accounts/x/y'],
    ['GET', '/accounts/x/messages/y'],
    ['POST', '//nowhere'],
  ])('%s %s is no address', async (method, path) => {
    const answer = await askRaw(method, path);
    expectError(answer, 404, 'NOT_FOUND');
    expect(answer.allow).toBeUndefined();
  });

  it('refuses bodies that are no JSON by their type', async () => {
    const asked = { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expectError(await server.ask('POST', '/connect', asked), 415, 'UNSUPPORTED_MEDIA');
  });

  it('takes the request id of the client, and makes one for a wild one', async () => {
    const given = await server.ask('GET', '/nowhere', { headers: { 'x-request-id': 'order-7' } });
    expect(given.headers.get('x-request-id')).toBe('order-7');
    expect(given.body.error.requestId).toBe('order-7');
    const wild = await server.ask('GET', '/nowhere', { headers: { 'x-request-id': 'a b\tc' } });
    expect(wild.body.error.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('answers what is no HTTP in the envelope, too', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('NONSENSE\r\n\r\n');
    const [head, body] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expectError({ status: 400, body: JSON.parse(body ?? '') }, 400, 'VALIDATION_FAILED');
  });

  it('answers HEAD without a body', async () => {
    const answer = await server.ask('HEAD', '/accounts');
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
  });

  it('tells nothing of a fault inside, and logs it', async () => {
    await using faulty = await openTestServer({
      media: { openRead: () => Promise.reject(new Error('secret path')) },
    });
    const accountId = await faulty.makeAccount({ phoneNumber: '+491700000001' });
    const at = new Date();
    const id = makeMessageId(at.getTime());
    await faulty.db
      .insertInto('messages')
      .values({
        id,
        account_id: accountId,
        chat_id: '1@c.us',
        direction: 'incoming',
        type: 'image',
        status: 'delivered',
        media_status: 'stored',
        media_sha256: 'ab'.repeat(32),
        timestamp: at,
      })
      .execute();
    const answer = await faulty.ask('GET', `/messages/${id}/media`);
    expectError(answer, 500, 'INTERNAL');
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(faulty.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('answers 503 while the database is away', async () => {
    await using nowhere = openDatabase({ connection: { host: '127.0.0.1', port: 1 }, log: server.log });
    await using away = await openTestServer({ db: nowhere.db });
    expectError(await away.ask('GET', '/accounts'), 503, 'UNAVAILABLE');
  });
});

describe('probes', () => {
  it('tells that it is alive and ready, to everyone', async () => {
    const alive = await server.ask('GET', '//health', { key: null });
    expect(alive.body).toEqual({ success: true, data: { status: 'alive' } });
    const ready = await server.ask('GET', '//ready', { key: null });
    expect(ready.body.data).toEqual({ status: 'ready', checks: { database: 'ok', queue: 'ok' } });
  });

  it('names the part that does not answer', async () => {
    await using unready = await openTestServer({
      checks: { database: async () => undefined, queue: () => Promise.reject(new Error('gone')) },
    });
    const answer = await unready.ask('GET', '//ready', { key: null });
    expectError(answer, 503, 'UNAVAILABLE');
    expect(answer.body.error.message).toContain('queue');
  });
});

describe('listening', () => {
  it('names host, port and remedy when the port is taken', async () => {
    const port = Number(new URL(server.url).port);
    const config = { ...server.deps.config, port };
    await expect(openHttpServer({ ...server.deps, config }, { signal })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringMatching(new RegExp(`${port} on 127.0.0.1 .*PORT=`)),
    });
  });

  it('lets an answer under way end when it closes', async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const slow = await openTestServer({
      checks: {
        slow: () => {
          enter();
          return released;
        },
      },
    });
    const answer = slow.ask('GET', '//ready', { key: null });
    await entered;
    const closed = slow[Symbol.asyncDispose]();
    release();
    expect((await answer).status).toBe(200);
    await closed;
    await expect(fetch(`${slow.url}/health`)).rejects.toThrow();
  });
});

describe('browsers of other origins', () => {
  it('are answered if they are allowed, and not otherwise', async () => {
    const config = { ...server.deps.config, allowedOrigins: ['https://app.example'] };
    await using open = await openTestServer({ config });
    const preflight = { 'access-control-request-method': 'POST' };
    const allowed = await open.ask('OPTIONS', '/connect', {
      key: null,
      headers: { origin: 'https://app.example', ...preflight },
    });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const other = await open.ask('OPTIONS', '/connect', {
      key: null,
      headers: { origin: 'https://evil.example', ...preflight },
    });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('are told apart by caches, also where an answer depends on what is accepted', async () => {
    const config = { ...server.deps.config, allowedOrigins: ['https://app.example'] };
    await using open = await openTestServer({ config });
    const id = await open.makeAccount();
    await open.accounts.saveState(id, { state: 'awaiting_scan', reason: null });
    const answer = await open.ask('GET', `/qr-code/${id}`);
    expect([answer.status, answer.headers.get('vary')]).toEqual([200, 'Origin, Accept']);
  });
});
