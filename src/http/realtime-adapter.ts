/**
 * Fans events out to the clients of all daemons, and gives a client that was cut off what it missed. Every broadcast goes
 * through the shared stream, and each daemon tells its clients of an entry when it reads it there, of its own as well: so all
 * of them hear everything in one order, and what a client has heard is an id in that order. While Redis is away a daemon tells
 * its own clients directly; then the others miss it, and clients that come back begin anew.
 *
 * A client that comes back is put between two entries: what lies before is read for it, what lies behind it hears.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Adapter,
  type BroadcastFlags,
  type BroadcastOptions,
  ClusterAdapter,
  type ClusterMessage,
  MessageType,
  type Session,
} from 'socket.io-adapter';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { EventStream, StreamEntry } from '../queue/event-stream.ts';

/** How long after its end a connection can be taken up again, in milliseconds. */
export const RECOVERY_MS = 120_000;
/** How often the sessions of connected clients are put down: who is killed cannot do it at the end. Milliseconds. */
const KEEP_EVERY_MS = 60_000;
/** How long an entry may take to be read back before its own clients are told without it; milliseconds. */
const READ_BACK_MS = 1_000;
/** Daemons whose entries are known by number. */
const MAX_SOURCES = 100;

const PRIVATE_ID = /^[\w-]{1,64}$/;
const OFFSET = /^\d{1,20}-\d{1,20}$/;

/** A packet of Socket.IO, as far as this looks at it. */
interface Packet {
  readonly type: number;
  readonly data: unknown[];
  readonly id?: number;
}

interface Own {
  readonly packet: Packet;
  readonly opts: BroadcastOptions;
  readonly told: PromiseWithResolvers<void>;
  offset?: string;
}

/** What an entry of the stream says: the `n`th of its daemon's. Redis may be asked twice for one whose answer was lost. */
type Numbered = ClusterMessage & { readonly n: number };
type Broadcast = Extract<ClusterMessage, { type: MessageType.BROADCAST }>;
type SessionState = Omit<Session, 'missedPackets'>;

export interface StreamAdapterDeps {
  readonly stream: EventStream;
  /** The rooms of which a session with this `data` may hear now; undefined if it may not be taken up any more. */
  readonly findRooms: (data: unknown) => Promise<readonly string[] | undefined>;
  readonly log: Logger;
}

export class StreamAdapter extends ClusterAdapter {
  readonly #deps: StreamAdapterDeps;
  readonly #closing = new AbortController();
  /** Own broadcasts that this daemon's clients were not told of yet, in their order. */
  readonly #untold = new Map<number, Own>();
  /** The last number of each other daemon. */
  readonly #sources = new Map<string, number>();
  #count = 0;
  /** The last entry that the clients were told of. */
  #at: string;
  #turn: Promise<unknown> = Promise.resolve();

  // biome-ignore lint/suspicious/noExplicitAny: what the library hands over
  constructor(nsp: any, deps: StreamAdapterDeps) {
    super(nsp);
    this.#deps = deps;
    this.#at = deps.stream.start;
    deps.stream.follow((entries) => this.#inTurn(async () => this.#deliver(entries)));
    void this.#keepSessions(this.#closing.signal);
  }

  /** Resolves when this daemon's clients were sent everything that was broadcast here so far. */
  async settled(): Promise<void> {
    await Promise.all([...this.#untold.values()].map(({ told }) => told.promise));
  }

  override async broadcast(packet: Packet, opts: BroadcastOptions): Promise<void> {
    if (opts.flags?.local) {
      this.#tell(packet, opts);
      return;
    }
    this.#count += 1;
    const n = this.#count;
    const own: Own = { packet, opts, told: Promise.withResolvers<void>() };
    this.#untold.set(n, own);
    const data = { packet, opts: toPlain(opts) };
    try {
      own.offset = await this.#add({
        type: MessageType.BROADCAST,
        data,
        uid: this.uid,
        nsp: this.nsp.name,
        n,
      });
      await withDeadline(own.told.promise, READ_BACK_MS, 'Reading an event back');
    } catch (thrown) {
      this.#deps.log.debug('Clients are told directly', { error: toError(thrown).message });
      this.#tellAlone(n);
    }
  }

  override persistSession(session: SessionState): void {
    this.#deps.stream
      .put(sessionName(session.pid), JSON.stringify(session), RECOVERY_MS)
      .catch((thrown) =>
        this.#deps.log.debug('A session could not be put down', { error: toError(thrown).message }),
      );
  }

  /** Rejects if the client has to begin anew. */
  override async restoreSession(pid: string, offset: string): Promise<Session> {
    if (!PRIVATE_ID.test(pid) || !OFFSET.test(offset)) throw gone();
    const text = await this.#deps.stream.take(sessionName(pid));
    if (text === undefined) throw gone();
    const kept: SessionState = JSON.parse(text);
    const now = await this.#deps.findRooms(kept.data);
    if (now === undefined) throw gone();
    const rooms = kept.rooms.filter((room) => room === kept.sid || now.includes(room));
    const session = { ...kept, rooms };
    const restored = Promise.withResolvers<Session>();
    await this.#inTurn(async () => {
      try {
        const missed = await this.#deps.stream.read(offset, this.#at);
        if (missed === undefined) throw gone();
        restored.resolve({ ...session, missedPackets: toMissed(missed, rooms) });
      } catch (thrown) {
        restored.reject(thrown);
      }
      // The socket is in its rooms before the next entry is told.
      await nextTurn();
    });
    return restored.promise;
  }

  override close(): void {
    this.#closing.abort(new Error('The adapter is closed.'));
  }

  protected override async doPublish(message: ClusterMessage): Promise<string> {
    this.#count += 1;
    return this.#add({ ...message, n: this.#count });
  }

  protected override async doPublishResponse(): Promise<void> {
    throw new AppError('INTERNAL', { message: 'The daemons do not ask each other for answers.' });
  }

  #add(message: Numbered): Promise<string> {
    return this.#deps.stream.add(JSON.stringify(message));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #deliver(entries: readonly StreamEntry[]): void {
    for (const { id, text } of entries) {
      this.#at = id;
      const message: Numbered = JSON.parse(text);
      if (message.uid === this.uid) {
        const own = this.#untold.get(message.n);
        if (own !== undefined) this.#tellOwn(message.n, own, id);
      } else if (this.#isNew(message)) {
        this.onMessage(message, id);
      }
    }
  }

  #isNew({ uid, n }: Numbered): boolean {
    const last = this.#sources.get(uid) ?? 0;
    if (n <= last) return false;
    this.#sources.delete(uid);
    this.#sources.set(uid, n);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > MAX_SOURCES && oldest !== undefined) this.#sources.delete(oldest);
    return true;
  }

  /** Tells this daemon's clients of a broadcast that cannot be read back, and of those before it. */
  #tellAlone(n: number): void {
    for (const [each, own] of this.#untold) {
      if (each > n) return;
      this.#tellOwn(each, own, own.offset);
    }
  }

  #tellOwn(n: number, own: Own, offset: string | undefined): void {
    this.#untold.delete(n);
    this.#tell(offset === undefined ? own.packet : withOffset(own.packet, own.opts.flags, offset), own.opts);
    own.told.resolve();
  }

  #tell(packet: Packet, opts: BroadcastOptions): void {
    Adapter.prototype.broadcast.call(this, packet, opts);
  }

  /** Never rejects; ends with the signal. */
  async #keepSessions(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await waitMs(KEEP_EVERY_MS, signal).catch(() => undefined);
      for (const socket of this.nsp.sockets.values()) this.keepSession(socket);
    }
  }

  /** Puts the session of a connected client down, so that it is there whatever becomes of this daemon. */
  keepSession(socket: {
    readonly id: string;
    readonly rooms: ReadonlySet<string>;
    readonly data: unknown;
  }): void {
    const { pid } = socket as unknown as { readonly pid: string };
    const session = { sid: socket.id, pid, rooms: [...socket.rooms], data: socket.data };
    this.#deps.stream
      .put(sessionName(pid), JSON.stringify(session), KEEP_EVERY_MS + RECOVERY_MS)
      .catch((thrown) =>
        this.#deps.log.debug('A session could not be put down', { error: toError(thrown).message }),
      );
  }
}

function toPlain({ rooms, except, flags }: BroadcastOptions): Broadcast['data']['opts'] {
  return { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} };
}

/** The client knows by its last argument how far it has heard. */
function withOffset(packet: Packet, flags: BroadcastFlags | undefined, offset: string): Packet {
  const isKept = packet.id === undefined && flags?.volatile === undefined;
  return isKept ? { ...packet, data: [...packet.data, offset] } : packet;
}

/** Packets that a client in these rooms has missed, each with its offset. */
function toMissed(entries: readonly StreamEntry[], rooms: readonly string[]): unknown[][] {
  const seen = new Map<string, number>();
  return entries.flatMap(({ id, text }) => {
    const message: Numbered = JSON.parse(text);
    if (message.n <= (seen.get(message.uid) ?? 0)) return [];
    seen.set(message.uid, message.n);
    if (message.type !== MessageType.BROADCAST) return [];
    const { opts, packet } = message.data;
    const isFor = opts.rooms.length === 0 || opts.rooms.some((room) => rooms.includes(room));
    if (!isFor || opts.except.some((room) => rooms.includes(room))) return [];
    return [[...(packet as Packet).data, id]];
  });
}

function sessionName(pid: string): string {
  return `session:${pid}`;
}

function gone(): AppError {
  return new AppError('UNAVAILABLE', { message: 'The session cannot be taken up again.' });
}
