import type { IncomingMessage, Server as NodeServer } from 'node:http';
import { type DefaultEventsMap, type Namespace, Server, type Socket } from 'socket.io';
import type { Announcement } from '../accounts/announcement.ts';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import type { FeedChange } from '../db/change-feed-store.ts';
import type { Executor } from '../db/database.ts';
import { listMessagesOfAny } from '../db/message-store.ts';
import { withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Authenticator } from './authentication.ts';
import type { HttpDeps } from './context.ts';
import { toClientError } from './error-answer.ts';
import { KeptSessions, RECOVERY_MS } from './kept-sessions.ts';
import { StreamAdapter } from './realtime-adapter.ts';
import { makeEntryCodec } from './realtime-entry.ts';
import {
  announcementToEvent,
  changesToNews,
  newsToEvent,
  type RealtimeEvent,
  type RealtimePayloads,
} from './realtime-event.ts';
import { limitEngine } from './realtime-limit.ts';
import { Resumption } from './realtime-resumption.ts';
import { RealtimeRooms, roomOfTenant, roomsOfAccount } from './realtime-rooms.ts';

const PATH = '/socket.io';

/** Bytes of a client's packet: it has a token to tell and nothing else. */
const MAX_PACKET = 10_000;

/** How long a client may be connected without having said who it is, in milliseconds. */
const CONNECT_DEADLINE_MS = 10_000;

/** How long a client that connects waits for the feed of messages, in milliseconds. */
const ATTEND_MS = 5_000;

/** Messages that are read, and told, at a time. */
const PORTION = 200;

type ServerEvents = { [Name in keyof RealtimePayloads]: (payload: RealtimePayloads[Name]) => void };
type ClientEvents = Record<never, never>;
type RealtimeServer = Server<ClientEvents, ServerEvents>;
type RealtimeSocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap>;

export type RealtimeDeps = Pick<
  HttpDeps,
  | 'config'
  | 'db'
  | 'keyRing'
  | 'announcements'
  | 'feed'
  | 'events'
  | 'webhooks'
  | 'accessChanges'
  | 'clock'
  | 'log'
> & {
  readonly authenticator: Authenticator;
};

/**
 * Serves Socket.IO on the HTTP server: each client is sent what happens to the accounts that its key may see and to their
 * messages, from its connection on and for as long as it may see them, on whichever instance it happens. One that was cut
 * off and is back within RECOVERY_MS is sent what it missed. Disposing cuts the clients off, who then come back by themselves.
 */
export function openRealtime(server: NodeServer, deps: RealtimeDeps): AsyncDisposable {
  const { config, db, announcements, feed, events, webhooks, clock, log } = deps;
  const closing = new AbortController();
  const sessions = new KeptSessions(events, log);
  const rooms = new RealtimeRooms({ ...deps, onMoved: (member) => sessions.keep(member) });
  const codec = makeEntryCodec(deps.keyRing);
  const io: RealtimeServer = new Server(server, {
    path: PATH,
    serveClient: false,
    maxHttpBufferSize: MAX_PACKET,
    connectTimeout: CONNECT_DEADLINE_MS,
    allowRequest: (_request, decide) => decide(null, !closing.signal.aborted),
    connectionStateRecovery: { maxDisconnectionDuration: RECOVERY_MS, skipMiddlewares: false },
    adapter: class extends StreamAdapter {
      constructor(namespace: Namespace) {
        super(namespace, { stream: events, sessions, codec, db, clock, log });
      }
    },
    ...(config.allowedOrigins.length > 0 ? { cors: { origin: [...config.allowedOrigins] } } : {}),
  });
  limitEngine(io.engine, deps.authenticator);
  const adapter = io.of('/').adapter as StreamAdapter;
  const resumption = new Resumption({ adapter, sessions, clock, log });
  io.use((socket, next) => {
    admit(socket, { ...deps, rooms }, closing.signal).then(
      () => resumption.enter(socket, next),
      (thrown: unknown) => refuse(socket, { thrown, next, log }),
    );
  });
  io.on('connection', (socket) => sessions.keep(socket));
  void sessions.keepAll(() => io.of('/').sockets.values(), closing.signal);
  const turns = new KeyedSerial<string>();
  const unsubscribe = announcements.subscribe((announcement) => {
    // In turns: the drawing of a QR code must not let the news that it is over get ahead.
    turns
      .run(announcement.accountId, () => announce(io, announcement))
      .catch((thrown) =>
        log.error('Clients could not be told of a change', { error: toError(thrown).message }),
      );
  });
  const forgetWebhooks = webhooks.onDisabled(({ webhookId, tenantId, at }) => {
    io.to(roomOfTenant(tenantId)).emit('webhook:disabled', { webhookId, at: at.toISOString() });
  });
  const stopListening = feed.subscribe({
    isListening: () => io.of('/').sockets.size > 0,
    tell: ({ changes }) => tellMessages(changes, { io, db, adapter }),
    tellLoss: () => adapter.tellNobody(),
  });
  return {
    async [Symbol.asyncDispose]() {
      unsubscribe();
      forgetWebhooks();
      rooms[Symbol.dispose]();
      closing.abort();
      await stopListening();
      await turns.idle();
      // Not `io.close()`: it also closes the HTTP server, which is not ours. A polite goodbye would make clients stay away.
      io.engine.close();
      adapter.close();
    },
  };
}

/** True for a WebSocket that is to be opened here. Any other wish to upgrade is passed over, as HTTP allows. */
export function isRealtimeRequest({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  return url?.startsWith(`${PATH}/`) === true && headers.upgrade?.toLowerCase() === 'websocket';
}

async function admit(
  socket: RealtimeSocket,
  { authenticator, rooms, feed, log }: RealtimeDeps & { readonly rooms: RealtimeRooms },
  signal: AbortSignal,
): Promise<void> {
  const { token } = socket.handshake.auth;
  const key = typeof token === 'string' ? token.trim() : undefined;
  const principal = await authenticator.authenticate(key, socket.handshake.address);
  await withDeadline(feed.attend(signal), ATTEND_MS, 'Beginning to tell of messages').catch((thrown) =>
    log.warn('A Socket.IO client was let in that hears of messages later', {
      error: toError(thrown).message,
    }),
  );
  await rooms.admit(socket, principal);
}

async function announce(io: RealtimeServer, announcement: Announcement): Promise<void> {
  emit(io, announcement, await announcementToEvent(announcement));
}

interface ToClients {
  readonly io: RealtimeServer;
  readonly db: Executor;
  readonly adapter: StreamAdapter;
}

/** Tells clients what changes of messages come to. What cannot be read is told to nobody: then all begin anew. */
async function tellMessages(changes: readonly FeedChange[], to: ToClients): Promise<void> {
  try {
    await tellPortions(changes, to);
  } catch (thrown) {
    await to.adapter.tellNobody();
    throw thrown;
  }
}

async function tellPortions(changes: readonly FeedChange[], to: ToClients): Promise<void> {
  const accounts = new Map(changes.map((change) => [change.messageId, change]));
  const news = changesToNews(changes);
  for (let at = 0; at < news.length; at += PORTION) {
    const portion = news.slice(at, at + PORTION);
    const found = await listMessagesOfAny(
      to.db,
      portion.map(({ messageId }) => messageId),
    );
    const messages = new Map(found.map((message) => [message.id, message]));
    for (const each of portion) {
      const [message, account] = [messages.get(each.messageId), accounts.get(each.messageId)];
      // It may have been deleted since.
      if (message !== undefined && account !== undefined) emit(to.io, account, newsToEvent(each, message));
    }
    await to.adapter.settled();
  }
}

function emit(
  io: RealtimeServer,
  account: { readonly tenantId: TenantId; readonly accountId: AccountId },
  { name, payload }: RealtimeEvent,
): void {
  // The union of events is wider than any one of them; the pair was made together.
  io.to(roomsOfAccount(account)).emit(name, payload as never);
}

/**
 * Sends a client away. One that is refused gets a `connect_error`, with the code and its words in `data`, as HTTP has them, and
 * stays away: so does the library. Where the reason passes it is cut off instead, and comes again by itself.
 */
function refuse(
  socket: RealtimeSocket,
  {
    thrown,
    next,
    log,
  }: { readonly thrown: unknown; readonly next: (error: Error) => void; readonly log: RealtimeDeps['log'] },
): void {
  const { code, message, details, status } = toClientError(thrown);
  if (status >= 500) {
    log.warn('A Socket.IO client could not be let in now', { code, error: toError(thrown).message });
  }
  if (status >= 500 || status === 429) socket.conn.close();
  const data = { code, message, ...(details === undefined ? {} : { details }) };
  // To a connection that is closed the library says nothing.
  next(Object.assign(new Error(`${code}: ${message}`), { data }));
}
