import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port before servers, as a load balancer: it can cut its connections off and send the next ones elsewhere. */
export interface TcpFront extends AsyncDisposable {
  readonly url: string;
  /** Cuts every connection off; new ones go to this port, or are refused until there is one. */
  turn(port: number | null): void;
  /** Cuts every client off, of which the servers hear nothing before the returned function is called. */
  strand(): () => void;
  /** From now on nothing passes on the connections that there are, of which neither side hears; new ones work. */
  silence(): void;
}

export async function openTcpFront(port: number): Promise<TcpFront> {
  let target: number | null = port;
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const server: Server = createServer((outer) => {
    if (target === null) {
      outer.destroy();
      return;
    }
    const inner = connect(target, '127.0.0.1');
    clients.add(outer);
    outer.pipe(inner, { end: false }).pipe(outer);
    for (const socket of [outer, inner]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    inner.on('close', () => outer.destroy());
    outer.on('close', () => {
      if (clients.delete(outer)) inner.destroy();
      else inner.resume();
    });
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
    strand() {
      const stranded = [...sockets].filter((socket) => !clients.has(socket));
      const all = [...clients];
      clients.clear();
      for (const client of all) client.destroy();
      return () => {
        for (const socket of stranded) socket.destroy();
      };
    },
    silence() {
      for (const socket of sockets) socket.unpipe().on('data', () => undefined);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
