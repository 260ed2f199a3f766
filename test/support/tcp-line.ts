import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A server's way to one client, through a port of its own, as a network that can be cut. */
export interface TcpLine extends AsyncDisposable {
  readonly port: number;
  /**
   * Nothing passes any more, and neither side hears of it: what is sent, also by who connects meanwhile, lies in the line
   * until it is healed, and arrives then, as from a network whose packets are sent again.
   */
  cut(): void;
  /** Everything passes again, what was sent meanwhile first. */
  heal(): void;
}

/** Opens a line to a server, by its port or the path of its socket. */
export async function openTcpLine(target: NetConnectOpts): Promise<TcpLine> {
  const pairs = new Map<Socket, Socket>();
  let isCut = false;
  const hold = (from: Socket, to: Socket) => from.unpipe(to).pause();
  const pass = (from: Socket, to: Socket) => from.pipe(to);
  const server = createServer({ pauseOnConnect: true }, (outer) => {
    const inner = connect(target);
    pairs.set(outer, inner);
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(outer);
        other.destroy();
      });
      (isCut ? hold : pass)(socket, other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const each = (act: (from: Socket, to: Socket) => void) => {
    for (const [outer, inner] of pairs) {
      act(outer, inner);
      act(inner, outer);
    }
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut() {
      isCut = true;
      each(hold);
    },
    heal() {
      isCut = false;
      each(pass);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const [outer, inner] of pairs) {
        outer.destroy();
        inner.destroy();
      }
      await once(server, 'close');
    },
  };
}
