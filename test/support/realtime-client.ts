import { io, type Socket } from 'socket.io-client';

/** What a Socket.IO client was told. */
export interface HeardEvent {
  readonly name: string;
  readonly accountId: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** A Socket.IO client of a daemon that keeps what it is told, and lets a test wait for it. */
export class RealtimeClient implements Disposable {
  readonly events: HeardEvent[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.onAny((name: string, payload: HeardEvent['payload'] & { accountId: string }) => {
      this.events.push({ name, accountId: payload.accountId, payload });
      for (const look of this.#waiting) look();
      this.#waiting.clear();
    });
  }

  static async open(daemon: { readonly url: string; readonly ownerKey: string }): Promise<RealtimeClient> {
    const socket = io(daemon.url, { auth: { token: daemon.ownerKey }, transports: ['websocket'] });
    const client = new RealtimeClient(socket);
    await new Promise<void>((resolve) => void socket.once('connect', resolve));
    return client;
  }

  /** Resolves with the next connection: whether it took the last one up where that ended. */
  async connected(): Promise<boolean> {
    await new Promise<void>((resolve) => void this.#socket.once('connect', resolve));
    return this.#socket.recovered;
  }

  /** Goes, and does not come back by itself. */
  leave(): void {
    this.#socket.disconnect();
  }

  /** Comes back with another key, and still offers the session that it has. */
  return(key: string): void {
    this.#socket.auth = { token: key };
    this.#socket.connect();
  }

  /** What the library offers by itself when it comes back. */
  get session(): { readonly pid: string; readonly offset: string } {
    const { _pid: pid, _lastOffset: offset } = this.#socket as unknown as Record<string, string>;
    return { pid: String(pid), offset: String(offset) };
  }

  /** Resolves when the connection ends. */
  async cutOff(): Promise<void> {
    await new Promise<void>((resolve) => void this.#socket.once('disconnect', () => resolve()));
  }

  /** Resolves with the code for which the next connection is refused. */
  async refused(): Promise<string> {
    const error = await new Promise<Error & { data?: { code?: string } }>(
      (resolve) => void this.#socket.once('connect_error', resolve),
    );
    return error.data?.code ?? error.message;
  }

  get isConnected(): boolean {
    return this.#socket.connected;
  }

  /** Texts of the messages that it heard were received. */
  get received(): unknown[] {
    return this.events.filter(({ name }) => name === 'message:received').map(({ payload }) => payload.text);
  }

  /** Resolves once it has heard that a message with this text was received. */
  async hears(text: string): Promise<void> {
    await this.heard(({ name, payload }) => name === 'message:received' && payload.text === text);
  }

  /** The first event that passes, among those that came and those to come; the test's own timeout bounds the wait. */
  async heard(passes: (event: HeardEvent) => boolean): Promise<HeardEvent> {
    for (;;) {
      const found = this.events.find(passes);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => void this.#waiting.add(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
