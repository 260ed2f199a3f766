import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { makeFetchUrl, type UrlTransport } from '../../../src/messages/media-url.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

/** The transport on loopback: every name is 127.0.0.1, which may be connected to. */
const LOOPBACK: Partial<UrlTransport> = {
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  isAllowed: () => true,
};

async function get(url: string, transport: Partial<UrlTransport> = LOOPBACK, maxBytes = 1_000) {
  const signal = new AbortController().signal;
  const { body, ...head } = await makeFetchUrl(transport)(url, { maxBytes, signal });
  return { ...head, text: (await buffer(body)).toString() };
}

const refused = (message: string) => ({
  code: 'VALIDATION_FAILED',
  details: [{ field: 'media.url', message: expect.stringContaining(message) }],
});
const unavailable = (message: string) => ({
  code: 'MEDIA_UNAVAILABLE',
  message: expect.stringContaining(message),
  details: [{ field: 'media.url', message: expect.any(String) }],
});

describe('fetching media by its address', () => {
  it('gives the bytes, the declared type and the name', async () => {
    const port = await serve((_, response) => {
      response.setHeader('content-type', 'text/plain');
      response.setHeader('content-disposition', 'attachment; filename="note.txt"');
      response.end('hello');
    });
    expect(await get(`http://files.example:${port}/x`)).toEqual({
      declaredMimeType: 'text/plain',
      fileName: 'note.txt',
      text: 'hello',
    });
  });

  it.each([
    ['not an address', 'absolute address'],
    ['ftp://files.example/x', 'Only https:// and http://'],
    ['file:///etc/passwd', 'Only https:// and http://'],
    ['http://user:secret@files.example/x', 'user name and password'],
    ['http://127.0.0.1/x', 'not on the public Internet'],
    ['http://2130706433/x', 'not on the public Internet'],
    ['http://0x7f.1/x', 'not on the public Internet'],
    ['http://[::1]/x', 'not on the public Internet'],
    ['http://[::ffff:10.0.0.1]/x', 'not on the public Internet'],
    ['http://169.254.169.254/latest/meta-data', 'not on the public Internet'],
  ])('refuses %s', async (url, message) => {
    await expect(get(url, {})).rejects.toMatchObject(refused(message));
  });

  it('refuses a name that leads to this machine, without connecting', async () => {
    let connections = 0;
    const port = await serve((_, response) => response.end('secret'));
    servers[0]?.on('connection', () => {
      connections += 1;
    });
    await expect(get(`http://localhost:${port}/`, {})).rejects.toMatchObject(refused('not on the public'));
    expect(connections).toBe(0);
  });

  it('refuses a name that turns to a private address between a check and a redirect', async () => {
    const port = await serve((_, response) => {
      response.writeHead(302, { location: '/again' });
      response.end();
    });
    const answers = ['127.0.0.1', '127.0.0.2'];
    let asked = 0;
    const transport: Partial<UrlTransport> = {
      resolve: async () => {
        const address = answers[asked] ?? '127.0.0.2';
        asked += 1;
        return [{ address, family: 4 }];
      },
      isAllowed: (address) => address === '127.0.0.1',
    };
    await expect(get(`http://files.example:${port}/`, transport)).rejects.toMatchObject(
      refused('not on the public'),
    );
    expect(asked).toBe(2);
  });

  it('connects only to the allowed addresses of a name', async () => {
    const port = await serve((_, response) => response.end('public'));
    const transport: Partial<UrlTransport> = {
      resolve: async () => [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
      isAllowed: (address) => address === '127.0.0.1',
    };
    expect((await get(`http://files.example:${port}/`, transport)).text).toBe('public');
  });

  it('refuses a redirect to a private address and to another protocol', async () => {
    const targets = [
      'http://10.0.0.1/x',
      'http://[fd00::1]/x',
      'file:///etc/passwd',
      'http://u:p@files.example/',
    ];
    const port = await serve((request, response) => {
      response.writeHead(302, { location: targets[Number(request.url?.slice(1))] });
      response.end();
    });
    const transport = { ...LOOPBACK, isAllowed: (address: string) => address === '127.0.0.1' };
    for (const index of targets.keys()) {
      await expect(get(`http://files.example:${port}/${index}`, transport)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
  });

  it('follows three redirects and not a fourth', async () => {
    const port = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) return response.end('there');
      response.writeHead(302, { location: `/${left - 1}` });
      return response.end();
    });
    expect((await get(`http://files.example:${port}/3`)).text).toBe('there');
    await expect(get(`http://files.example:${port}/4`)).rejects.toMatchObject(
      unavailable('more than 3 times'),
    );
  });

  it('refuses what is declared too large before it comes', async () => {
    const port = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1_001 });
      response.write('x');
    });
    await expect(get(`http://files.example:${port}/`)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      details: [{ field: 'media.url' }],
    });
  });

  it('says what went wrong with the server', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/404') response.writeHead(404).end();
      else if (request.url === '/cut') response.writeHead(200, { 'content-length': 500 }).write('x');
      else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
      if (request.url === '/cut') setImmediate(() => response.destroy());
    });
    const base = `http://files.example:${port}`;
    await expect(get(`${base}/404`)).rejects.toMatchObject(unavailable('answered 404'));
    await expect(get(`${base}/gzip`)).rejects.toMatchObject(unavailable('gzip'));
    await expect(get(`${base}/cut`)).rejects.toMatchObject(unavailable('could not be fetched'));
    const nowhere = {
      ...LOOPBACK,
      resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
    };
    await expect(get(`${base}/`, nowhere)).rejects.toMatchObject(unavailable('ENOTFOUND'));
  });

  it('gives up on a server that is silent, and on one that drips', async () => {
    const port = await serve((request, response) => {
      if (request.url !== '/drip') return;
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
    });
    const silent = get(`http://files.example:${port}/`, { ...LOOPBACK, idleMs: 50 });
    await expect(silent).rejects.toMatchObject(unavailable('stopped answering'));
    const drip = get(`http://files.example:${port}/drip`, { ...LOOPBACK, deadlineMs: 150 });
    await expect(drip).rejects.toMatchObject(unavailable('too long'));
  });

  it('ends with the reason of the caller who stops it', async () => {
    const stop = new AbortController();
    const port = await serve(() => stop.abort(new Error('stopping')));
    const fetched = makeFetchUrl(LOOPBACK)(`http://files.example:${port}/`, {
      maxBytes: 1,
      signal: stop.signal,
    });
    await expect(fetched).rejects.toThrow('stopping');
  });
});
