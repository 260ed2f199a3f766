import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { cutStalledAnswers } from '../../../src/http/stalled-answers.ts';
import { openTestServer } from '../../support/http-server.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const CUT_OFF = 'A client was cut off that did not read its answer';
/** More than the system keeps for a connection. */
const LARGE = Buffer.alloc(64 * 1024 * 1024, 'x');

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function listen(ms: number, listener: RequestListener) {
  const log = new RecordingLogger();
  const server = createServer(listener);
  cutStalledAnswers(server, ms, log);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    log,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A connection on which this was asked and of which nothing is read yet. */
async function askUnread(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(bytes);
  return socket;
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a client that does not read its answer', () => {
  it.each([
    ['handed over at once', (_request, response) => void response.end(LARGE)],
    ['that streams', (_request, response) => void Readable.from([LARGE, LARGE]).pipe(response)],
  ] satisfies [string, RequestListener][])('is cut off from one %s', async (_how, listener) => {
    const gone = Promise.withResolvers<void>();
    await using server = await listen(100, (request, response) => {
      response.on('close', gone.resolve);
      listener(request, response);
    });
    const told = server.log.next(CUT_OFF);
    await askUnread(server.port, GET);
    await gone.promise;
    await told;
  });

  it('is cut off by the daemon, whatever it asks for', async () => {
    await using server = await openTestServer({}, { stalledMs: 100 });
    const told = server.log.next(CUT_OFF);
    const { port } = new URL(server.url);
    await askUnread(Number(port), 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200));
    await told;
  });
});

describe('a client is not cut off', () => {
  it('that reads slowly', async () => {
    await using server = await listen(1_000, (_request, response) => void response.end(LARGE));
    const socket = await askUnread(server.port, GET);
    let taken = 0;
    const steps = setInterval(() => {
      taken += (socket.read() as Buffer | null)?.length ?? 0;
    }, 10);
    try {
      await once(socket, 'readable');
      await expect.poll(() => taken, { timeout: 60_000 }).toBeGreaterThan(LARGE.length);
    } finally {
      clearInterval(steps);
    }
  });

  it('whose answer takes its time', async () => {
    await using server = await listen(20, (_request, response) => {
      let looks = 0;
      response.write('first ');
      response.on('timeout', () => {
        looks += 1;
        if (looks === 3) response.end('last');
      });
    });
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    expect(await answer.text()).toBe('first last');
  });
});
