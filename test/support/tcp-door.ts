import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';

/** The server of the tests behind a TCP port of its own, that can be shut and opened again. */
export interface TcpDoor extends AsyncDisposable {
  readonly port: number;
  /** Cuts every connection and refuses new ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** From now on nothing passes on the connections that there are, of which neither side hears; new ones work. */
  silence(): void;
}

export async function openTcpDoor({ host, port }: PostgresConnection): Promise<TcpDoor> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((outer) => {
    const inner = connect(`${host}/.s.PGSQL.${port}`);
    outer.pipe(inner).pipe(outer);
    for (const socket of [outer, inner]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        outer.destroy();
        inner.destroy();
      });
    }
  });
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  const shut = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  const silence = () => {
    for (const socket of sockets) socket.unpipe().on('data', () => undefined);
  };
  await listen(0);
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  return { port: own, shut, open: () => listen(own), silence, [Symbol.asyncDispose]: shut };
}
