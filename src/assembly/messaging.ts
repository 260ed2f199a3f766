import { type Announcer, openAnnouncer } from '../accounts/announcer.ts';
import { readBrowserMemory } from '../channels/whatsapp-web/browser-memory.ts';
import type { Pool } from '../channels/whatsapp-web/pool.ts';
import { DEFAULT_TIMINGS } from '../config/session-timings.ts';
import { countAccountsByState } from '../db/account-directory.ts';
import { countWaitingMessages, findSealedSince, listHealthFacts } from '../db/figure-store.ts';
import { countInstances } from '../db/instance-directory.ts';
import { readWebhookFigures } from '../db/webhook-figures.ts';
import { type ChangeFeed, openChangeFeed } from '../messages/change-feed.ts';
import type { MediaStore } from '../messages/media-store.ts';
import { openPipeline, type Pipeline } from '../messages/pipeline.ts';
import { Metrics } from '../observability/metrics.ts';
import { type EventStream, openEventStream } from '../queue/event-stream.ts';
import { type OpenQueues, openQueues } from '../queue/producer.ts';
import { openWebhooks, type WebhookDesk } from '../webhooks/webhooks.ts';
import type { Leasing, LeasingParts } from './leasing.ts';
import { type FigureSources, measureDaemon } from './measuring.ts';
import { openMedia } from './media.ts';
import { makeWebhookFanOut } from './webhooks.ts';

export interface MessagingParts extends LeasingParts {
  readonly leasing: Leasing;
  /** What the sessions of this instance are doing; of none as long as there are none. */
  readonly findStatus: Pool['findStatus'];
}

/** The way of messages and of what is told of accounts, as sessions, the API and the upkeep use it. */
export interface Messaging extends AsyncDisposable {
  readonly queues: OpenQueues;
  readonly events: EventStream;
  readonly feed: ChangeFeed;
  readonly media: MediaStore;
  readonly announcer: Announcer;
  readonly metrics: Metrics;
  readonly measured: ReturnType<typeof measureDaemon>;
  readonly webhooks: WebhookDesk;
  readonly pipeline: Pipeline;
}

/**
 * What others are told by is there before anything happens that they are to be told of, and the figures before what they count.
 * The pipeline comes last: it begins with what the former run has left in the queues.
 */
export async function openMessaging(parts: MessagingParts): Promise<Messaging> {
  await using stack = new AsyncDisposableStack();
  const { config, edge, log, foundation, stores, findStatus } = parts;
  const { clock } = edge;
  const { instanceId, keys } = foundation;
  const { db, redis, connection } = stores;
  const { leases, fence } = parts.leasing;
  const queues = stack.use(await openQueues({ redis, instanceId, log }));
  const events = stack.use(await openEventStream({ redis, name: 'realtime', log }));
  const fanOut = makeWebhookFanOut(clock);
  const feed = stack.use(openChangeFeed({ db, connection, subscriptions: fanOut, clock, log }));
  const media = stack.use(await openMedia(config.media, { db, log, signal: edge.signal }));
  const announcer = stack.use(await openAnnouncer({ db, findStatus, timings: DEFAULT_TIMINGS, clock, log }));
  const metrics = new Metrics();
  const measured = measureDaemon(metrics, makeFigureSources(parts, queues));
  const webhooks = stack.use(
    await openWebhooks({
      db,
      redis,
      queues,
      fanOut,
      keyRing: keys.keyRing,
      instanceId,
      endpoint: config.webhooks,
      clock,
      log,
      onOutcome: measured.webhooks,
    }),
  );
  const pipeline = stack.use(
    await openPipeline({
      database: stores.database,
      redis,
      queues,
      store: media,
      instanceId,
      fence,
      findRun: () => leases.run,
      isHeldHere: (accountId) => leases.find(accountId) !== undefined,
      messageRateLimit: config.whatsapp.messageRateLimit,
      pacing: config.whatsapp.pacing,
      onCounted: (accountId) => announcer.reviewHealth(accountId),
      clock,
      log,
      onStep: (step) => log.debug('A step of a message was done', { step }),
      meter: measured.messages,
    }),
  );

  const opened = stack.move();
  return {
    queues,
    events,
    feed,
    media,
    announcer,
    metrics,
    measured,
    webhooks,
    pipeline,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Where the figures are read from when somebody asks for them. */
function makeFigureSources(
  { edge, foundation, stores, leasing, findStatus }: MessagingParts,
  queues: OpenQueues,
): FigureSources {
  const { db } = stores;
  const { instanceId } = foundation;
  return {
    states: () => countAccountsByState(db, instanceId),
    health: () => listHealthFacts(db, instanceId),
    failures: (accountId) => findStatus(accountId)?.reconnect?.failures ?? 0,
    waiting: () => countWaitingMessages(db, instanceId),
    sealedSince: () => findSealedSince(db, instanceId),
    jobs: (queue) => queues.counts(queue),
    webhooks: () => readWebhookFigures(db),
    browsers: () => readBrowserMemory(instanceId),
    instances: () => countInstances(db),
    leases: leasing.leases,
    clock: edge.clock,
  };
}
