import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AnswerBody } from './http-server.ts';

/** A request that the consumer got, whatever it answered. */
export interface ReceivedRequest {
  readonly id: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The event's own data. */
  readonly data: AnswerBody;
  /** What it was answered. */
  readonly answer: ConsumerAnswer;
}

/** A status; to say nothing, to cut the connection, or to send somebody elsewhere. */
export type ConsumerAnswer = number | 'hang' | 'close' | 'redirect';

/** An application that takes webhooks, as badly as a test wants. */
export interface WebhookConsumer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** What is answered to each; 200 unless it is set. */
  answer: (request: Omit<ReceivedRequest, 'answer'>) => ConsumerAnswer;
  /** Those that were answered with 2xx. */
  taken(): readonly ReceivedRequest[];
  /** Resolves once the condition holds, which is asked at each request. */
  until(isEnough: () => boolean): Promise<void>;
  /** Is gone, with all connections. */
  die(): Promise<void>;
  /** Comes back at the same address. */
  revive(): Promise<void>;
}

export async function openWebhookConsumer(): Promise<WebhookConsumer> {
  const requests: ReceivedRequest[] = [];
  const waiting = new Set<() => void>();
  let server: Server;
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const received = await read(request);
    const answer = consumer.answer(received);
    requests.push({ ...received, answer });
    respond(response, answer);
    for (const look of waiting) look();
  };
  const listen = async (port: number) => {
    server = createServer((request, response) => void handle(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const die = async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  await listen(0);
  const port = portOf();
  function portOf(): number {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }
  const consumer: WebhookConsumer = {
    url: `http://127.0.0.1:${port}/hooks`,
    requests,
    answer: () => 200,
    taken: () => requests.filter(({ answer }) => typeof answer === 'number' && answer < 300),
    async until(isEnough) {
      while (!isEnough()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    die,
    revive: () => listen(port),
    [Symbol.asyncDispose]: die,
  };
  return consumer;
}

async function read(request: IncomingMessage): Promise<Omit<ReceivedRequest, 'answer'>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8');
  const headers = request.headers as Record<string, string>;
  const { type, data } = JSON.parse(body);
  return { id: headers['webhook-id'] ?? '', type, headers, body, data };
}

function respond(response: ServerResponse, answer: ConsumerAnswer): void {
  if (answer === 'hang') return;
  if (answer === 'close') response.destroy();
  else if (answer === 'redirect') response.writeHead(307, { location: 'https://shop.example/' }).end();
  else response.writeHead(answer).end(answer < 300 ? '' : 'not today');
}
