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
  #look: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.onAny((name: string, payload: HeardEvent['payload'] & { accountId: string }) => {
      this.events.push({ name, accountId: payload.accountId, payload });
      this.#look();
    });
  }

  static async open(daemon: { readonly url: string; readonly ownerKey: string }): Promise<RealtimeClient> {
    const socket = io(daemon.url, { auth: { token: daemon.ownerKey }, transports: ['websocket'] });
    const client = new RealtimeClient(socket);
    await new Promise<void>((resolve) => void socket.once('connect', resolve));
    return client;
  }

  /** The first event that passes, among those that came and those to come; the test's own timeout bounds the wait. */
  async heard(passes: (event: HeardEvent) => boolean): Promise<HeardEvent> {
    for (;;) {
      const found = this.events.find(passes);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
