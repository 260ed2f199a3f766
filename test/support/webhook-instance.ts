import { parseInstanceId } from '../../src/accounts/ids.ts';
import { makeWebhookFanOut } from '../../src/assembly/webhooks.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { insertWebhook, type NewWebhook, type Webhook } from '../../src/db/webhook-store.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { Logger } from '../../src/lib/logger.ts';
import { openChangeFeed } from '../../src/messages/change-feed.ts';
import { openRedis, type RedisLocation } from '../../src/queue/connection.ts';
import { openQueues } from '../../src/queue/producer.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import { makeSecret } from '../../src/webhooks/signature.ts';
import { openWebhooks, type WebhookDesk } from '../../src/webhooks/webhooks.ts';

/** Where an instance finds the stores that it shares with others. */
export interface WebhookPlaces {
  readonly connection: PostgresConnection;
  readonly redis: RedisLocation;
  readonly prefix: string;
  readonly name: string;
  /** Of the encryption key, as hexadecimal digits. */
  readonly key: string;
  readonly previousKey?: string;
  /** A request that takes longer has failed, in milliseconds; DEADLINE_MS unless it is given. */
  readonly deadlineMs?: number;
  /** False for a daemon that starts or stops: there is nobody yet, or no longer, who tells Socket.IO clients. */
  readonly tellsClients?: boolean;
}

/** As much of a daemon as delivers webhooks. */
export interface WebhookInstance extends AsyncDisposable {
  readonly db: Executor;
  readonly desk: WebhookDesk;
  /** Makes a webhook for all events of tenant `default`; what matters to a test is given. */
  make(url: string, given?: Partial<NewWebhook>): Promise<Webhook & { readonly secret: string }>;
}

/** A request that takes longer than this has failed, unless another time is given. Milliseconds. */
export const DEADLINE_MS = 500;

export async function openWebhookInstance(
  places: WebhookPlaces,
  log: Logger,
  clock: Clock = systemClock,
): Promise<WebhookInstance> {
  await using stack = new AsyncDisposableStack();
  const instanceId = parseInstanceId(places.name);
  const { db } = stack.use(openDatabase({ connection: places.connection, log, poolSize: 4 }));
  const redis = stack.use(await openRedis({ location: places.redis, prefix: places.prefix, log }));
  const queues = stack.use(await openQueues({ redis, instanceId, log }));
  const fanOut = makeWebhookFanOut(clock);
  const { connection } = places;
  const feed = stack.use(openChangeFeed({ db, connection, subscriptions: fanOut, clock: systemClock, log }));
  const previous = places.previousKey === undefined ? [] : [Buffer.from(places.previousKey, 'hex')];
  const keyRing = stack.use(makeKeyRing({ current: Buffer.from(places.key, 'hex'), previous }));
  const endpoint = { allowPrivate: true, deadlineMs: places.deadlineMs ?? DEADLINE_MS };
  const onOutcome = () => undefined;
  const desk = stack.use(
    await openWebhooks({
      db,
      redis,
      queues,
      fanOut,
      keyRing,
      instanceId,
      endpoint,
      clock,
      log,
      onOutcome,
    }),
  );
  const tell = async () => undefined;
  if (places.tellsClients !== false)
    stack.defer(feed.subscribe({ isListening: () => false, tell, tellLoss: tell }));
  const opened = stack.move();
  return {
    db,
    desk,
    async make(url, given = {}) {
      const secret = makeSecret();
      const webhook = await insertWebhook(db, {
        tenantId: 'default' as NewWebhook['tenantId'],
        accountId: null,
        url,
        description: null,
        events: ['message.received', 'message.status', 'account.reconnecting', 'webhook.disabled'],
        createdBy: 'test',
        sealSecret: (id) => desk.secrets.seal(id, secret),
        ...given,
      });
      feed.wake();
      return { ...webhook, secret };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
