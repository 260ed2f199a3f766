import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { openNotificationListener } from '../../../src/db/notification-listener.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog as log } from '../../support/silent-log.ts';
import { openTcpDoor } from '../../support/tcp-door.ts';

it('listens anew when its connection has gone silent without an end', async () => {
  await using database = await openTestDatabase();
  await using open = openDatabase({ connection: database.connection, log, poolSize: 2 });
  await using door = await openTcpDoor(database.connection);
  const heard: string[] = [];
  const resumed = Promise.withResolvers<void>();
  let look: () => void = () => undefined;
  await using _listener = await openNotificationListener({
    connection: { ...database.connection, host: '127.0.0.1', port: door.port },
    channel: 'test',
    log,
    onNotification: (payload) => {
      heard.push(payload);
      look();
    },
    onResumed: () => resumed.resolve(),
  });
  door.silence();
  await resumed.promise;
  const told = new Promise<void>((resolve) => {
    look = resolve;
  });
  await sql`select pg_notify('test', 'again')`.execute(open.db);
  await told;
  expect(heard).toEqual(['again']);
}, 30_000);
