import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { makeWebhookFanOut } from '../../../src/assembly/webhooks.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { openChangeFeed } from '../../../src/messages/change-feed.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { openTestRedis } from '../../support/redis.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openWebhookInstance } from '../../support/webhook-instance.ts';

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

it('webhooks are owed what happens while nobody tells clients, and leave it to be read by who tells them', async () => {
  const { connection } = stack.use(await openTestDatabase());
  const { connection: redis, prefix } = stack.use(openTestRedis());
  const key = randomBytes(32).toString('hex');
  const places = { connection, redis, prefix, name: 'starting', key, tellsClients: false };
  const { db, make } = stack.use(await openWebhookInstance(places, silentLog));
  const account = await insertTestAccount(db);
  await make('https://shop.example/');
  // Of a daemon that was killed.
  await sql`update change_feed set taken = taken + 1`.execute(db);
  await ingestEvents(db, account, [messageEvent('A1')], new Date());

  const heard: string[] = [];
  const told = Promise.withResolvers<void>();
  const subscriptions = makeWebhookFanOut(systemClock);
  const feed = stack.use(
    openChangeFeed({ db, connection, subscriptions, clock: systemClock, log: silentLog }),
  );
  stack.defer(
    feed.subscribe({
      isListening: () => true,
      async tell({ changes }) {
        heard.push(...changes.map(({ kind }) => kind));
        told.resolve();
      },
      tellLoss: async () => void heard.push('loss'),
    }),
  );
  await told.promise;
  expect(heard).toEqual(['loss', 'message']);
  expect(await db.selectFrom('webhook_deliveries').select('type').execute()).toEqual([
    { type: 'message.received' },
  ]);
});
