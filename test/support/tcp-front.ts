import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port before servers, as a load balancer: it can cut its connections off and send the next ones elsewhere. */
export interface TcpFront extends AsyncDisposable {
  readonly url: string;
  /** Cuts every connection off; new ones go to this port, or are refused until there is one. */
  turn(port: number | null): void;
}

export async function openTcpFront(port: number): Promise<TcpFront> {
  let target: number | null = port;
  const sockets = new Set<Socket>();
  const server: Server = createServer((outer) => {
    if (target === null) {
      outer.destroy();
      return;
    }
    const inner = connect(target, '127.0.0.1');
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
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${own}`,
    turn(next) {
      target = next;
      cut();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
