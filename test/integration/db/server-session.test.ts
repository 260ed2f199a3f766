import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import type { Executor } from '../../../src/db/database.ts';
import { FeedLine } from '../../../src/db/feed-line.ts';
import { openInstancePresence } from '../../../src/db/instance-presence.ts';
import { openNotificationListener } from '../../../src/db/notification-listener.ts';
import type { PostgresConnection } from '../../../src/embedded/postgres.ts';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog as log } from '../../support/silent-log.ts';

/** A TCP port before the database that keeps what clients say: over a Unix socket the server does not show the setting. */
async function openListeningPort({ host, port }: PostgresConnection) {
  const sockets = new Set<Socket>();
  let said = '';
  const server = createServer((outer) => {
    const inner = connect(`${host}/.s.PGSQL.${port}`);
    outer.on('data', (bytes) => {
      said += bytes.toString('latin1');
    });
    outer.pipe(inner).pipe(outer);
    for (const socket of [outer, inner]) sockets.add(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    said: () => said,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

const ignore = () => undefined;

it.each([
  [
    'shows an instance',
    (connection: PostgresConnection) =>
      openInstancePresence({ connection, instanceId: parseInstanceId('here'), log }),
  ],
  [
    'leads the change feed',
    async (connection: PostgresConnection) => {
      const line = new FeedLine({ connection, onNews: ignore, log });
      expect(await line.lead()).toBe(true);
      return line;
    },
  ],
  [
    'listens',
    (connection: PostgresConnection) =>
      openNotificationListener({
        connection,
        channel: 'test',
        log,
        onNotification: ignore,
        onResumed: ignore,
      }),
  ],
])('the server looks whether a connection is still there that %s', async (_what, open) => {
  await using database = await openTestDatabase();
  await using port = await openListeningPort(database.connection);
  await using _open = await open({ ...database.connection, host: '127.0.0.1', port: port.port });
  expect(port.said()).toContain('set tcp_keepalives_idle = 10');
});

it('lets others at the locks of a daemon that stands still within a transaction of its presence', async () => {
  await using database = await openTestDatabase();
  await using presence = await openInstancePresence({
    connection: database.connection,
    instanceId: parseInstanceId('here'),
    log,
  });
  const readTimeout = (line: Executor) =>
    sql<{ afterMs: number }>`
      select extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval)::integer * 1000
        as "afterMs"`.execute(line);
  const { rows } = await presence.ask(readTimeout, LEASE_TERMS.sharedTermMs);
  expect(rows[0]?.afterMs).toBeGreaterThanOrEqual(10_000);
  expect(rows[0]?.afterMs).toBeLessThan(LEASE_TERMS.sharedTermMs);
});
