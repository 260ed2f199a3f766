import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { PacingConfig } from '../config/config.ts';
import type { OpenDatabase } from '../db/database.ts';
import type { LeaseFence } from '../db/lease-fence.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from '../queue/connection.ts';
import { openConsumer } from '../queue/consumer.ts';
import type { OpenQueues } from '../queue/producer.ts';
import { openCampaignFeeder } from './campaign-feeder.ts';
import { type Campaigns, makeCampaigns } from './campaigns.ts';
import { makeHolderWake } from './holder-wake.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { type MediaIntake, makeMediaIntake } from './media-intake.ts';
import type { MediaStore } from './media-store.ts';
import { makeFetchUrl } from './media-url.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import { makeOutbox, type Outbox, wakeSender } from './outbox.ts';
import { makeOutboundProcessor, openSender, type Sender } from './sender.ts';

export interface OutboundDeps {
  readonly database: Pick<OpenDatabase, 'db'>;
  readonly redis: OpenRedis;
  readonly queues: OpenQueues;
  readonly store: MediaStore;
  readonly instanceId: InstanceId;
  readonly fence: LeaseFence;
  /** Outgoing messages a minute an account; 0 means no limit. */
  readonly messageRateLimit: number;
  readonly pacing: PacingConfig;
  /** Called when a message was counted as sent today; returns at once. */
  readonly onCounted: (accountId: AccountId) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStep: OnMessageStep;
  readonly meter: MessageMeter;
}

/** The way of what is to be sent, out of the database to a page. */
export interface Outbound extends AsyncDisposable {
  readonly outbox: Outbox;
  readonly campaigns: Campaigns;
  readonly intake: MediaIntake;
  /** The line of the account, which was down, is up again: what waits to be sent waits no longer. */
  hearLineBack(accountId: AccountId): void;
  /** Sends what waits, until the signal aborts. Returns at once. */
  serve(session: ConnectedSession, connected: AbortSignal): void;
}

/**
 * Each closes before what it calls: the consumer before the sender that it wakes, the sender before the feeder that it tells
 * what has left. What is accepted wakes them all; the wait for another instance's queue is given up first. Only the feeder
 * wakes what is opened after it, and it feeds nothing before a page is served.
 */
export async function openOutbound(deps: OutboundDeps): Promise<Outbound> {
  await using stack = new AsyncDisposableStack();
  const { database, redis, queues, store, instanceId, fence, clock, log, onStep, meter } = deps;
  const { messageRateLimit, pacing, onCounted } = deps;
  const { db } = database;
  const intake = makeMediaIntake({ db, store, fetchUrl: makeFetchUrl() });
  const takeMedia = intake.takeMedia.bind(intake);
  let wakeOwn: Sender['wake'] = () => false;
  const feeder = stack.use(
    openCampaignFeeder({
      db,
      takeMedia,
      clock,
      log,
      meter,
      onFed: (accountId) => void wakeOwn(accountId),
    }),
  );
  const openMedia = store.openLocal.bind(store);
  const sender = stack.use(
    openSender({
      db,
      openMedia,
      instanceId,
      fence,
      clock,
      log,
      messageRateLimit,
      pacing,
      onCounted(accountId) {
        onCounted(accountId);
        feeder.hearHanded(accountId);
      },
      onStep,
      meter,
    }),
  );
  wakeOwn = sender.wake.bind(sender);
  const process = makeOutboundProcessor(sender, feeder);
  stack.use(await openConsumer({ redis, queue: 'outbound', instanceId, process, log }));

  const closing = new AbortController();
  stack.defer(() => closing.abort());
  const keys = new IdempotencyKeys({ db, instanceId, log });
  const waking = {
    wake: wakeOwn,
    enqueue: makeHolderWake({ db, queues, instanceId, signal: closing.signal }),
    log,
  };
  const outbox = makeOutbox({
    db,
    instanceId,
    takeMedia,
    ...waking,
    clock,
    onStep,
    meter,
    keys,
  });
  const wake = (accountId: AccountId) => {
    feeder.wake(accountId);
    wakeSender(waking, { accountId });
  };
  const campaigns = makeCampaigns({ db, keys, keepData: intake.keepData.bind(intake), wake, clock });
  const opened = stack.move();
  return {
    outbox: { ...outbox, wake },
    campaigns,
    intake,
    hearLineBack: sender.hearLineBack.bind(sender),
    serve(session, connected) {
      void sender.run(session, connected);
      void feeder.run(session.accountId, connected);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
