import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** What a request was, as a handler and a test see it. */
export interface SeenRequest {
  readonly method: string;
  /** Below the base of the API, with its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body; a string is sent as it is. */
  readonly body: unknown;
}

/** A server that speaks the HTTP contract as a test tells it to. */
export interface FakeDaemon extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

const BASE = '/api/v1/whatsapp';

/** `{"success":true,"data":…}`, with what a list adds. */
export function data(value: unknown, extra: object = {}): FakeAnswer {
  return { body: { success: true, data: value, ...extra } };
}

/** The envelope of an error. */
export function failure(status: number, code: string, details?: unknown): FakeAnswer {
  return {
    status,
    body: { success: false, error: { code, message: `Message of ${code}.`, details, requestId: 'r-1' } },
  };
}

/** In place of an answer: the connection is cut, or nothing ever comes. */
export type NoAnswer = 'cut' | 'silence';

/** Starts it on a free loopback port. `answer` is asked once for each request, in their order. */
export async function openFakeDaemon(
  answer: (request: SeenRequest) => FakeAnswer | NoAnswer,
  options: { readonly apiKey?: string } = {},
): Promise<FakeDaemon> {
  const requests: SeenRequest[] = [];
  const handle = async (incoming: IncomingMessage): Promise<FakeAnswer | NoAnswer> => {
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: (incoming.url ?? '').replace(BASE, ''),
      headers: incoming.headers,
      body: incoming.headers['content-type'] === undefined ? undefined : await json(incoming),
    };
    requests.push(request);
    const isKnown =
      options.apiKey === undefined || incoming.headers.authorization === `Bearer ${options.apiKey}`;
    return isKnown ? answer(request) : failure(401, 'UNAUTHENTICATED');
  };
  const server = createServer((incoming, response) => {
    void handle(incoming).then((answered) => {
      if (answered === 'cut') incoming.socket.destroy();
      if (answered === 'cut' || answered === 'silence') return;
      const { status = 200, headers, body } = answered;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
