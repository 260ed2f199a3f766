/**
 * Fans events out to the clients of all daemons. Every broadcast goes through the shared stream, and each daemon tells its
 * clients of an entry when it reads it there, of its own as well: so all of them hear everything in one order, and what a
 * client has heard is an id in that order. A client that comes back is put between two entries: what lies before is read for
 * it, what lies behind it hears.
 *
 * While Redis is away, or too slow, a daemon tells its own clients past the stream. Then it marks the gap there, before its
 * next entry; nobody is put behind anything before that mark, nor here at all until the mark was read back. Where the clients
 * of other daemons may have missed something, the mark says so too, and they are cut off when it is read: they come back by
 * themselves, with a place before the mark, and so begin anew and know it.
 */
import {
  Adapter,
  type BroadcastFlags,
  type BroadcastOptions,
  ClusterAdapter,
  type ClusterMessage,
  MessageType,
} from 'socket.io-adapter';
import type { Executor } from '../db/database.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { EventStream, StreamEntry } from '../queue/event-stream.ts';
import type { KeptSession, KeptSessions } from './kept-sessions.ts';
import { LastNumbers } from './last-numbers.ts';
import { type MissedPacket, type PlainOptions, type ReadEntry, toMissed } from './missed-packets.ts';
import type { EntryCodec, GapMark, Numbered, Packet } from './realtime-entry.ts';
import { GapNote } from './realtime-gap.ts';

/** How long an entry may take to be read back before its own clients are told without it; milliseconds. */
const READ_BACK_MS = 1_000;
/** Daemons whose entries and losses are known by number. */
const MAX_SOURCES = 100;

/** The pause before a gap that could not be marked is marked again; milliseconds. */
const MARK_AGAIN_MS = 200;

interface Own {
  readonly packet: Packet;
  readonly opts: BroadcastOptions;
  readonly told: PromiseWithResolvers<void>;
  offset?: string;
}

export interface StreamAdapterDeps {
  readonly stream: EventStream;
  readonly sessions: KeptSessions;
  readonly codec: EntryCodec;
  readonly db: Executor;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

export class StreamAdapter extends ClusterAdapter {
  readonly #deps: StreamAdapterDeps;
  readonly #note: GapNote;
  readonly #closing = new AbortController();
  /** Own broadcasts that this daemon's clients were not told of yet, in their order. */
  readonly #untold = new Map<number, Own>();
  /** Of each other daemon: its last entry, and the last of its losses. */
  readonly #entries = new LastNumbers(MAX_SOURCES);
  readonly #losses = new LastNumbers(MAX_SOURCES);
  #count = 0;
  /** How often clients were told past the stream, and how much of that is marked in what was read of it. */
  #alone = 0;
  #marked = 0;
  /** How often the clients of others may have missed something by that. */
  #lost = 0;
  /** The last entry that the clients were told of. */
  #at: string;
  #turn: Promise<unknown> = Promise.resolve();

  // biome-ignore lint/suspicious/noExplicitAny: what the library hands over
  constructor(nsp: any, deps: StreamAdapterDeps) {
    super(nsp);
    this.#deps = deps;
    const { db, clock, log } = deps;
    this.#note = new GapNote({ uid: this.uid, isNeeded: () => !this.isWhole, db, clock, log });
    this.#at = deps.stream.start;
    deps.stream.follow((entries) => this.#inTurn(async () => this.#deliver(entries)));
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
    if (!this.isWhole) void this.#markGap();
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
      // Before it is told: whoever comes to another daemon afterwards is to be known to have missed it.
      const release = await this.#note.hold();
      this.#tellAlone(n);
      release();
    }
  }

  /** Says that something could not be told to anybody: all clients, wherever they are, begin anew. Never rejects. */
  async tellNobody(): Promise<void> {
    const release = await this.#note.hold();
    this.#markAnother(true);
    this.#cutOff();
    release();
  }

  override persistSession(session: KeptSession): void {
    this.#deps.sessions.keepEnded(session);
  }

  /**
   * Calls `enter` with what was told behind `offset`; nothing is told until it is through. False if that is, or, without the
   * call, if not all of that is known any more. @throws AppError UNAVAILABLE, and what `enter` throws
   */
  async enterBehind(
    offset: string,
    enter: (missed: readonly MissedPacket[]) => Promise<boolean>,
  ): Promise<boolean> {
    const { stream } = this.#deps;
    // Most of it is read while the others are still told.
    const near = this.#at;
    const most = await stream.read(offset, near);
    if (most === undefined) return false;
    return this.#inTurn(async () => {
      const rest = near === this.#at ? [] : await stream.read(near, this.#at);
      const missed = rest && toMissed([...most, ...rest].map(this.#parse));
      if (missed === undefined || !this.isWhole) return false;
      return enter(missed);
    });
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
    return this.#deps.stream.add(this.#deps.codec.toText(message));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #deliver(entries: readonly StreamEntry[]): void {
    for (const { id, text } of entries) {
      this.#at = id;
      const message = this.#deps.codec.parse(text);
      if (message === undefined) {
        this.#deps.log.warn('Clients are not told a code that no encryption key at hand opens');
      } else if ('gap' in message) {
        this.#onMark(message);
      } else if (message.uid === this.uid) {
        const own = this.#untold.get(message.n);
        if (own !== undefined) this.#tellOwn(message.n, own, id);
      } else if (this.#entries.isNew(message.uid, message.n)) {
        this.onMessage(message, id);
      }
    }
  }

  readonly #parse = ({ id, text }: StreamEntry): ReadEntry => ({
    id,
    message: this.#deps.codec.parse(text),
  });

  #onMark({ uid, gap, lost = 0 }: GapMark): void {
    if (uid === this.uid) {
      this.#marked = gap;
      this.#note.review();
    } else if (this.#losses.isNew(uid, lost)) {
      this.#cutOff();
    }
  }

  /** Clients come back by themselves. */
  #cutOff(): void {
    for (const { conn } of this.nsp.sockets.values()) conn.close();
  }

  /** Tells this daemon's clients of a broadcast that cannot be read back, and of those before it. */
  #tellAlone(n: number): void {
    // It may have been read back after all.
    if (!this.#untold.has(n)) return;
    const alone = [...this.#untold].filter(([each]) => each <= n);
    this.#markAnother(alone.some(([, { offset }]) => offset === undefined));
    for (const [each, own] of alone) this.#tellOwn(each, own, own.offset);
  }

  #markAnother(isLost: boolean): void {
    const isMarking = !this.isWhole;
    this.#alone += 1;
    if (isLost) this.#lost += 1;
    if (!isMarking) void this.#markUntilRead(this.#closing.signal);
  }

  /** True while any daemon told something past the stream that is not marked there, or that is not known. Never rejects. */
  isGapOpen(): Promise<boolean> {
    return this.#note.isOpenAnywhere();
  }

  /** False while clients here were told something of which the stream does not say yet that it is missing there. */
  get isWhole(): boolean {
    return this.#marked === this.#alone;
  }

  /** Never rejects; ends with the signal. */
  async #markUntilRead(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isWhole) {
      await this.#markGap();
      await waitMs(MARK_AGAIN_MS, signal).catch(() => undefined);
    }
  }

  /** Never rejects. What is added after the call stands behind the mark. */
  async #markGap(): Promise<void> {
    const mark: GapMark = { uid: this.uid, gap: this.#alone, lost: this.#lost };
    await this.#deps.stream
      .add(this.#deps.codec.toText(mark))
      .catch((thrown) =>
        this.#deps.log.debug('A gap could not be marked', { error: toError(thrown).message }),
      );
  }

  #tellOwn(n: number, own: Own, offset: string | undefined): void {
    this.#untold.delete(n);
    this.#tell(offset === undefined ? own.packet : withOffset(own.packet, own.opts.flags, offset), own.opts);
    own.told.resolve();
  }

  #tell(packet: Packet, opts: BroadcastOptions): void {
    Adapter.prototype.broadcast.call(this, packet, opts);
  }
}

function toPlain({ rooms, except, flags }: BroadcastOptions): PlainOptions {
  return { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} };
}

/** The client knows by its last argument how far it has heard. */
function withOffset(packet: Packet, flags: BroadcastFlags | undefined, offset: string): Packet {
  const isKept = packet.id === undefined && flags?.volatile === undefined;
  return isKept ? { ...packet, data: [...packet.data, offset] } : packet;
}
