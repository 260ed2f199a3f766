import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { GivenAnswer } from './answer-check.ts';

export interface RawRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface RawAnswer extends GivenAnswer {
  readonly requestId: string | undefined;
}

/** Asks as it is told, without the manners of `fetch`: a GET may have a body, and a header may be odd. */
export async function askAsTold(
  agent: Agent,
  { method, url, headers, body }: RawRequest,
): Promise<RawAnswer> {
  const asked = request(url, {
    agent,
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
  });
  // A server that refuses early may end the connection while the body is still being written; the answer tells why.
  asked.on('error', () => undefined);
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  asked.end(body);
  const [answer] = await answered;
  const given = await buffer(answer);
  const id = answer.headers['x-request-id'];
  return {
    status: answer.statusCode ?? 0,
    contentType: answer.headers['content-type'],
    requestId: typeof id === 'string' ? id : undefined,
    body: given,
  };
}

export function openAgent(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}
