/**
 * The limit of requests for what Engine.IO answers, past Fastify. Everything counts for its address but the polls of a session that
 * is there, which wait for news or end it: how many those are is not up to the client.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import type { Server } from 'socket.io';
import type { Authenticator } from './authentication.ts';
import { answerRaw, toClientError } from './error-answer.ts';
import { tellOn } from './rate-limit.ts';

type Engine = Server['engine'];

/** As far as a session of Engine.IO is looked at. */
interface EngineSession {
  readonly id: string;
  readonly transport: { readonly name: string };
  once(event: 'close', listener: () => void): void;
}

type EngineRequest = IncomingMessage & { readonly _query: Readonly<Record<string, string | undefined>> };

/** Counts the engine's requests. Call it before the server listens. */
export function limitEngine(engine: Engine, { countOpen }: Pick<Authenticator, 'countOpen'>): void {
  const sessions = new Map<string, EngineSession>();
  engine.on('connection', (session: EngineSession) => {
    sessions.set(session.id, session);
    session.once('close', () => void sessions.delete(session.id));
  });
  engine.use((request: EngineRequest, response: ServerResponse, next: () => void) => {
    if (isPoll(request, sessions)) {
      next();
      return;
    }
    // One that is to become a WebSocket is nobody's meanwhile, and may break.
    if (!(response instanceof ServerResponse)) request.socket.on('error', () => undefined);
    countOpen(request.socket.remoteAddress ?? '', tellOn(response)).then(next, (thrown) =>
      refuse(thrown, request, response),
    );
  });
}

/** True for a poll that the engine takes, and does not answer with an error. */
function isPoll(
  { method, headers, _query: { sid = '', transport, EIO } }: EngineRequest,
  sessions: ReadonlyMap<string, EngineSession>,
): boolean {
  const isPolling = transport === 'polling' && sessions.get(sid)?.transport.name === transport;
  return method === 'GET' && headers.upgrade === undefined && EIO === '4' && isPolling;
}

/** Of a WebSocket that is wished for the engine has no real response, and nobody closes its socket any more but us. */
function refuse(thrown: unknown, { socket }: IncomingMessage, response: unknown): void {
  if (response instanceof ServerResponse) {
    answerRaw(thrown, response, randomUUID());
    return;
  }
  const { status } = toClientError(thrown);
  const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(answer, () => socket.destroy());
}
