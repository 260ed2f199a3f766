import type { Session } from 'socket.io-adapter';
import { waitMs } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { EventStream } from '../queue/event-stream.ts';

/** How long after its end a connection can be taken up again, in milliseconds. */
export const RECOVERY_MS = 120_000;
/** How often the sessions of connected clients are put down: who is killed cannot do it at the end. Milliseconds. */
const KEEP_EVERY_MS = 60_000;

/** What is kept of a client for the time that it is cut off: its rooms, and in `data` who it was let in as. */
export type KeptSession = Omit<Session, 'missedPackets'>;

/** A client, as far as it is kept. */
export interface KeptClient {
  readonly id: string;
  readonly rooms: ReadonlySet<string>;
  readonly data: unknown;
}

/** Sessions of clients, beside the stream of events, where every daemon finds them. */
export class KeptSessions {
  readonly #stream: EventStream;
  readonly #log: Logger;

  constructor(stream: EventStream, log: Logger) {
    this.#stream = stream;
    this.#log = log;
  }

  /** What was kept of a client under this name for its session. @throws AppError UNAVAILABLE */
  async find(pid: string): Promise<KeptSession | undefined> {
    const text = await this.#stream.find(keyOf(pid));
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** Keeps the session of a connection that has ended. */
  keepEnded(session: KeptSession): void {
    this.#put(session, RECOVERY_MS);
  }

  /** Keeps the session of a connected client, so that it is there whatever becomes of this daemon. */
  keep(client: KeptClient): void {
    const session = { sid: client.id, pid: pidOf(client), rooms: [...client.rooms], data: client.data };
    this.#put(session, KEEP_EVERY_MS + RECOVERY_MS);
  }

  /** Keeps those of all connected clients, again and again. Never rejects; ends with the signal. */
  async keepAll(clients: () => Iterable<KeptClient>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await waitMs(KEEP_EVERY_MS, signal).catch(() => undefined);
      for (const client of clients()) this.keep(client);
    }
  }

  #put(session: KeptSession, ttlMs: number): void {
    this.#stream
      .put(keyOf(session.pid), JSON.stringify(session), ttlMs)
      .catch((thrown) =>
        this.#log.debug('A session could not be put down', { error: toError(thrown).message }),
      );
  }
}

/** The name of a client's session, which the library tells nobody but the client. */
export function pidOf(client: object): string {
  return (client as { readonly pid: string }).pid;
}

function keyOf(pid: string): string {
  return `session:${pid}`;
}
