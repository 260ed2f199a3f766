import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let id: string;
beforeAll(async () => {
  server = await openTestServer();
  id = await server.makeAccount({ phoneNumber: '+491700000001' });
});
afterAll(() => server[Symbol.asyncDispose]());

/** What comes back for these bytes, until the server has ended the connection. */
async function askRaw(bytes: string): Promise<{ status: number; headers: Headers; body: AnswerBody }> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write(bytes);
  return parseAnswer(await text(socket));
}

function parseAnswer(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: JSON.parse(body) };
}

describe('the headers of answers', () => {
  it.each([
    ['data', 'GET', '/accounts', 200],
    ['refusals', 'POST', '/connect', 400],
    ['addresses without a route', 'GET', '/nowhere', 404],
    ['addresses that cannot be read', 'GET', '/accounts/%', 400],
  ])('of %s keep browsers from what was not meant', async (_what, method, path, status) => {
    const answer = await server.ask(method, path, method === 'POST' ? { body: '{' } : {});
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    if (path.includes('%')) return;
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it.each(['//docs', '//docs/static/swagger-ui-bundle.js', '//admin/queues'])(
    'of the page %s allow what is ours alone',
    async (path) => {
      const basic = `Basic ${Buffer.from(`:${server.key}`).toString('base64')}`;
      const answer = await server.ask('GET', path, { key: null, headers: { authorization: basic } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-security-policy')).toContain(
        "script-src 'self';style-src 'self' 'unsafe-inline'",
      );
    },
  );
});

describe('requests that are too large', () => {
  it('are refused in the envelope: the headers', async () => {
    const answer = await askRaw(
      `GET /health HTTP/1.1\r\nHost: x\r\nX-Padding: ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    expect([answer.status, answer.body.error.code]).toEqual([431, 'TOO_LARGE']);
    expect(answer.headers.get('x-request-id')).toBe(answer.body.error.requestId);
  });

  it('are refused in the envelope: the address', async () => {
    const answer = await askRaw(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect([answer.status, answer.body.error.code]).toEqual([431, 'TOO_LARGE']);
  });

  it('are refused before they have come: a body that says how long it is', async () => {
    const answer = await askRaw(
      `POST /api/v1/whatsapp/connect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n{"displayName":',
    );
    expect([answer.status, answer.body.error.code]).toEqual([413, 'TOO_LARGE']);
    expect(answer.headers.get('x-request-id')).toBe(answer.body.error.requestId);
  });
});

describe('a body with fields that reach prototypes', () => {
  it.each([
    ['{"__proto__":{"dailyLimit":5}}', '__proto__'],
    ['{"__proto__":null}', '__proto__'],
    ['{"displayName":"x","constructor":{"prototype":{"x":1}}}', 'constructor'],
    ['{"constructor":1}', 'constructor'],
    ['{"\\u005f_proto__":{}}', '__proto__'],
    ['{"displayName":{"a":[{"__proto__":1}]}}', 'displayName.a.0.__proto__'],
  ])('is refused by name: %s', async (body, field) => {
    const answer = await server.ask('PATCH', `/accounts/${id}`, { body });
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toContainEqual({
      field,
      message: expect.stringMatching(/not (allowed|known)/),
    });
    expect(Object.hasOwn(Object.prototype, 'dailyLimit')).toBe(false);
  });

  it('is refused also if it is nested deeper than the stack', async () => {
    const body = `${'{"a":'.repeat(100_000)}{"__proto__":1}${'}'.repeat(100_000)}`;
    const answer = await server.ask('PATCH', `/accounts/${id}`, { body });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'or a parameter %s is refused by name',
    async (name) => {
      const answer = await server.ask('GET', `/accounts?${name}=1`);
      expect(answer.status).toBe(400);
      expect(answer.body.error.details).toEqual([{ field: name, message: expect.any(String) }]);
    },
  );
});

describe('a body that is nested', () => {
  const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it.each([
    ['PATCH', '', `{"displayName":${nest(100_000)}}`],
    ['POST', '/messages/bulk', `{"items":${nest(100_000)}}`],
    ['POST', '/messages/bulk', `{"items":[{"to":"+491700000002","text":${nest(100_000)}}]}`],
    ['POST', '/messages/bulk', `{"items":[${nest(65)}]}`],
  ])('deeper than anything here is refused: %s %s', async (method, path, body) => {
    const answer = await server.ask(method, `/accounts/${id}${path}`, { body });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(answer.body.error.details).toEqual([
      { field: 'body', message: 'Its objects and arrays are nested more than 64 deep.' },
    ]);
  });

  it('no deeper than that is looked at field by field', async () => {
    const answer = await server.ask('PATCH', `/accounts/${id}`, { body: `{"displayName":${nest(63)}}` });
    expect(answer.body.error.details).toEqual([{ field: 'displayName', message: expect.any(String) }]);
  });
});

describe('a form that breaks off', () => {
  it.each([
    ['before its first part', '--x\r\n'],
    ['within the head of a part', '--x\r\nContent-Dispo'],
    ['where nothing has begun', 'nonsense'],
  ])('%s is refused, not a fault', async (_where, body) => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    for (const path of [`/accounts/${id}/media`, '/vault/import']) {
      const answer = await server.ask('POST', path, { body, headers });
      expect([answer.status, answer.body.error.code]).toEqual([400, 'VALIDATION_FAILED']);
    }
  });
});

describe('a client that dribbles', () => {
  /** A connection on which so much of a request has come. */
  async function begin(bytes: string): Promise<Socket> {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  it('with its headers is cut off, however steadily it goes on', async () => {
    const socket = await begin('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const dribble = setInterval(() => socket.write('x'), 500);
    const answer = parseAnswer(await text(socket).finally(() => clearInterval(dribble)));
    expect([answer.status, answer.body.success]).toEqual([408, false]);
    expect(answer.headers.get('x-request-id')).toBe(answer.body.error.requestId);
  });

  it('holds up nobody else', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        begin(
          index % 2 === 0 ? 'GET /health HT' : 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1',
        ),
      ),
    );
    expect((await server.ask('GET', '/accounts')).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});
