/**
 * Lets a client in where its last connection ended. That client names its session, which says nothing of who it is: so it is
 * admitted first like any other, as whoever its token names, and only then its session is looked up. It is taken up if it was
 * the same holder's, if it was in all the rooms already that it is in now, and if everything is still known that was told since;
 * else the client begins anew, under another name for its session, by which its library sees that it missed something.
 *
 * The client gets what it missed of the rooms that it is in now. It is connected in the same turn of the stream in which the
 * last of that is read: so nothing falls between what it missed and what it is told.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DefaultEventsMap, Socket } from 'socket.io';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { type KeptSession, type KeptSessions, pidOf } from './kept-sessions.ts';
import type { MissedPacket } from './missed-packets.ts';
import type { StreamAdapter } from './realtime-adapter.ts';
import { isOver } from './realtime-event.ts';
import { isOurs, isSameHolder } from './realtime-rooms.ts';

type RealtimeSocket = Socket<DefaultEventsMap, DefaultEventsMap>;

/** Where a client says that its last connection ended. */
interface Place {
  readonly pid: string;
  readonly offset: string;
}

const PRIVATE_ID = /^[\w-]{1,64}$/;
const OFFSET = /^\d{1,20}-\d{1,20}$/;
/** A packet of Socket.IO that carries an event. */
const EVENT = 2;

export interface ResumptionDeps {
  readonly adapter: StreamAdapter;
  readonly sessions: KeptSessions;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
}

export class Resumption {
  readonly #adapter: StreamAdapter;
  readonly #sessions: KeptSessions;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Logger;

  constructor({ adapter, sessions, clock, log }: ResumptionDeps) {
    this.#adapter = adapter;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#log = log;
  }

  /** Lets an admitted client in, which is in its rooms already: calls `connect` once, in any case. Never rejects. */
  async enter(socket: RealtimeSocket, connect: () => void): Promise<void> {
    const place = findPlace(socket.handshake.auth);
    const isTakenUp = place !== undefined && (await this.#takeUp(socket, place, connect));
    if (!isTakenUp) connect();
  }

  /** True if the client was let in; then everything it missed was sent to it. Never rejects. */
  async #takeUp(socket: RealtimeSocket, { pid, offset }: Place, connect: () => void): Promise<boolean> {
    try {
      const session = await this.#sessions.find(pid);
      if (session === undefined || !isSameHolder(session.data, socket.data)) return false;
      if (await this.#adapter.isGapOpen()) return false;
      return await this.#adapter.enterBehind(offset, (missed) =>
        this.#connect(socket, session, { missed, connect }),
      );
    } catch (thrown) {
      this.#log.debug('A session could not be taken up', { error: toError(thrown).message });
      return false;
    }
  }

  /** False, and not connected, if it hears of more now than it did. */
  async #connect(
    socket: RealtimeSocket,
    { pid, rooms }: KeptSession,
    { missed, connect }: { readonly missed: readonly MissedPacket[]; readonly connect: () => void },
  ): Promise<boolean> {
    const heard = [...socket.rooms].filter(isOurs);
    if (!heard.every((room) => rooms.includes(room))) return false;
    endFormer(socket, pid);
    Object.assign(socket, { pid });
    connect();
    // The library connects at the next tick, before anything else is read.
    await nextTurn();
    if (!this.#adapter.isWhole) {
      // Told past the stream at this very moment, perhaps just before it was connected: it comes again, and begins anew.
      // What another daemon tells past it from now on is not asked for, while all wait: by the mark of it this one is cut off.
      socket.conn.close();
      return true;
    }
    const own = { rooms: new Set([socket.id]), except: new Set<string>(), flags: { local: true } };
    for (const { data, opts } of missed) {
      if (isFor(heard, opts) && !isOver(data, this.#clock.now()))
        void this.#adapter.broadcast({ type: EVENT, data: [...data] }, own);
    }
    return true;
  }
}

function findPlace({ pid, offset }: Record<string, unknown>): Place | undefined {
  if (typeof pid !== 'string' || typeof offset !== 'string') return undefined;
  return PRIVATE_ID.test(pid) && OFFSET.test(offset) ? { pid, offset } : undefined;
}

function isFor(heard: readonly string[], { rooms, except }: MissedPacket['opts']): boolean {
  const isTold = rooms.length === 0 || rooms.some((room) => heard.includes(room));
  return isTold && !except.some((room) => heard.includes(room));
}

/** Ends the connection that the client has lost, if it is still held here. */
function endFormer(socket: RealtimeSocket, pid: string): void {
  for (const former of socket.nsp.sockets.values()) {
    if (pidOf(former) === pid) former.conn.close(true);
  }
}
