import type { Attributes, Json, PageFrame, ServerFrame } from '../protocol.ts';

type Handlers = {
  readonly opened: () => void;
  readonly frame: (frame: ServerFrame) => void;
  readonly closed: () => void;
};

const RETRY_MS = 200;
const QUERY_MS = 60_000;

/**
 * The page's line to the network. It reconnects until told to stop; queries made while the line is down wait for
 * it, and those cut off by a drop are asked again.
 */
export class PageSocket {
  #socket: WebSocket | undefined;
  #handlers: Handlers;
  #ready = false;
  #stopped = false;
  #lastRid = 0;
  #queries = new Map<
    number,
    { frame: PageFrame; resolve: (value: Json) => void; reject: (error: Error) => void }
  >();

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  connect(): void {
    this.#stopped = false;
    this.#ready = false;
    const socket = new WebSocket(`wss://${location.host}/ws`);
    this.#socket = socket;
    socket.onopen = () => this.#handlers.opened();
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(String(event.data)) as ServerFrame);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#ready = false;
      this.#handlers.closed();
      if (!this.#stopped)
        setTimeout(() => socket === this.#socket && !this.#stopped && this.connect(), RETRY_MS);
    };
  }

  /** Closes the line for good (until `connect`). */
  stop(): void {
    this.#stopped = true;
    this.#socket?.close();
  }

  /** Drops the line and dials again at once. */
  restart(): void {
    const old = this.#socket;
    this.#socket = undefined;
    old?.close();
    this.connect();
  }

  /** Called when the login is through: from here on queries flow. */
  markReady(): void {
    this.#ready = true;
    for (const query of this.#queries.values()) this.send(query.frame);
  }

  /** Sends a frame if the line is open; whoever needs more than that keeps an outbox. */
  send(frame: PageFrame): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  query(op: string, args: Attributes): Promise<Json> {
    this.#lastRid += 1;
    const rid = this.#lastRid;
    const frame: PageFrame = { type: 'query', rid, op, args };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#queries.delete(rid);
        reject(new Error(`query timed out: ${op}`));
      }, QUERY_MS);
      const settle =
        <T>(done: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          this.#queries.delete(rid);
          done(value);
        };
      this.#queries.set(rid, { frame, resolve: settle(resolve), reject: settle(reject) });
      if (this.#ready) this.send(frame);
    });
  }

  #receive(frame: ServerFrame): void {
    if (frame.type === 'result') this.#queries.get(frame.rid)?.resolve(frame.value);
    else if (frame.type === 'failed') this.#queries.get(frame.rid)?.reject(new Error(frame.message));
    else this.#handlers.frame(frame);
  }
}
