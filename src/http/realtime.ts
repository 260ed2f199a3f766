import type { IncomingMessage, Server as NodeServer } from 'node:http';
import { type DefaultEventsMap, Server, type Socket } from 'socket.io';
import type { Announcement } from '../accounts/announcement.ts';
import { toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Authenticator } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { toClientError } from './error-answer.ts';
import { announcementToEvent, type RealtimePayloads } from './realtime-event.ts';
import { RealtimeRooms, roomsOfAccount } from './realtime-rooms.ts';

const PATH = '/socket.io';

/** Bytes of a client's packet: it has a token to tell and nothing else. */
const MAX_PACKET = 10_000;

/** How long a client may be connected without having said who it is, in milliseconds. */
const CONNECT_DEADLINE_MS = 10_000;

type ServerEvents = { [Name in keyof RealtimePayloads]: (payload: RealtimePayloads[Name]) => void };
type ClientEvents = Record<never, never>;
type RealtimeServer = Server<ClientEvents, ServerEvents>;
type RealtimeSocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap>;

export type RealtimeDeps = Pick<
  HttpDeps,
  'config' | 'announcements' | 'db' | 'accessChanges' | 'clock' | 'log'
> & {
  readonly authenticator: Authenticator;
};

/**
 * Serves Socket.IO on the HTTP server: each client is sent what is announced of the accounts that its key may see,
 * from its connection on, for as long as it may see them. Disposing cuts the clients off, who then come back by themselves.
 */
export function openRealtime(server: NodeServer, deps: RealtimeDeps): AsyncDisposable {
  const { config, announcements, authenticator, log } = deps;
  const closing = new AbortController();
  const io: RealtimeServer = new Server(server, {
    path: PATH,
    serveClient: false,
    maxHttpBufferSize: MAX_PACKET,
    connectTimeout: CONNECT_DEADLINE_MS,
    allowRequest: (_request, decide) => decide(null, !closing.signal.aborted),
    ...(config.allowedOrigins.length > 0 ? { cors: { origin: [...config.allowedOrigins] } } : {}),
  });
  const rooms = new RealtimeRooms(deps);
  io.use((socket, next) => {
    admit(socket, { authenticator, rooms }).then(
      () => next(),
      (thrown: unknown) => next(toRefusal(thrown, deps)),
    );
  });
  const turns = new KeyedSerial<string>();
  const unsubscribe = announcements.subscribe((announcement) => {
    // In turns: the drawing of a QR code must not let the news that it is over get ahead.
    turns
      .run(announcement.accountId, () => send(io, announcement))
      .catch((thrown) =>
        log.error('Clients could not be told of a change', { error: toError(thrown).message }),
      );
  });
  return {
    async [Symbol.asyncDispose]() {
      unsubscribe();
      rooms[Symbol.dispose]();
      closing.abort();
      await turns.idle();
      // Not `io.close()`: it also closes the HTTP server, which is not ours. A polite goodbye would make clients stay away.
      io.engine.close();
    },
  };
}

/** True for a WebSocket that is to be opened here. Any other wish to upgrade is passed over, as HTTP allows. */
export function isRealtimeRequest({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  return url?.startsWith(`${PATH}/`) === true && headers.upgrade?.toLowerCase() === 'websocket';
}

async function admit(
  socket: RealtimeSocket,
  { authenticator, rooms }: { readonly authenticator: Authenticator; readonly rooms: RealtimeRooms },
): Promise<void> {
  const { token } = socket.handshake.auth;
  const key = typeof token === 'string' ? token.trim() : undefined;
  await rooms.admit(socket, await authenticator.authenticate(key, socket.handshake.address));
}

async function send(io: RealtimeServer, announcement: Announcement): Promise<void> {
  const { name, payload } = await announcementToEvent(announcement);
  // The union of events is wider than any one of them; the pair was made together.
  io.to(roomsOfAccount(announcement)).emit(name, payload as never);
}

/** What a client that is refused gets as `connect_error`: the code and its words in `data`, as HTTP has them. */
function toRefusal(thrown: unknown, { log }: RealtimeDeps): Error {
  const error = toClientError(thrown);
  const { code, message, details, status } = error;
  if (status >= 500) {
    log.warn('A Socket.IO client could not be let in now', { code, error: toError(thrown).message });
  }
  const data = { code, message, ...(status >= 500 || details === undefined ? {} : { details }) };
  return Object.assign(new Error(`${code}: ${message}`), { data });
}
