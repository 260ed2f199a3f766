import type { SessionChange } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { REASONS } from '../accounts/reason.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { PacingConfig } from '../config/config.ts';
import { findHeldElsewhere } from '../db/account-holder.ts';
import type { OpenDatabase } from '../db/database.ts';
import { forgetLeftQueue, listLeftQueues } from '../db/inbound-queue-store.ts';
import type { LeaseFence } from '../db/lease-fence.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from '../queue/connection.ts';
import { countUndone, openConsumer } from '../queue/consumer.ts';
import type { OpenQueues } from '../queue/producer.ts';
import { openCampaignFeeder } from './campaign-feeder.ts';
import { type Campaigns, makeCampaigns } from './campaigns.ts';
import { openCatchUp } from './catch-up.ts';
import { openDirectory } from './directory.ts';
import { makeHolderWake } from './holder-wake.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import type { InboundEvent } from './inbound-event.ts';
import { openInboundLanes } from './inbound-lane.ts';
import { makeIngest } from './ingest.ts';
import { openLeftInbound } from './left-inbound.ts';
import { openLiveGate } from './live-gate.ts';
import { openMediaFetch } from './media-fetch.ts';
import { type MediaIntake, makeMediaIntake } from './media-intake.ts';
import type { MediaStore } from './media-store.ts';
import { makeFetchUrl } from './media-url.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import { makeMovedAccounts } from './moved-accounts.ts';
import { makeOutbox, type Outbox, wakeSender } from './outbox.ts';
import { makeOutboundProcessor, openSender } from './sender.ts';

export interface PipelineDeps {
  readonly database: Pick<OpenDatabase, 'db' | 'onRecovered'>;
  readonly redis: OpenRedis;
  readonly queues: OpenQueues;
  readonly store: MediaStore;
  readonly instanceId: InstanceId;
  readonly fence: LeaseFence;
  /** The run of this instance, while it has one. */
  readonly findRun: () => number | undefined;
  readonly isHeldHere: (accountId: AccountId) => boolean;
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

/** The way of messages in both directions, between the connected sessions and the database. */
export interface Pipeline extends AsyncDisposable {
  readonly outbox: Outbox;
  readonly campaigns: Campaigns;
  readonly intake: MediaIntake;
  /** Takes what a page tells, in its order; returns at once. */
  accept(accountId: AccountId, events: readonly InboundEvent[]): void;
  /** Resolves when there is room for more events of the account; never rejects. */
  whenRoom(accountId: AccountId): Promise<void>;
  /** The page dropped events of the account and goes on: reads it back, and keeps what follows behind. */
  hearGap(accountId: AccountId): void;
  /** The line of the account, which was down, is up again: what waits to be sent waits no longer. */
  hearLineBack(accountId: AccountId): void;
  /** The account's state has changed: if its link has ended, nothing of its page is read back any more. */
  hearState(accountId: AccountId, change: Pick<SessionChange, 'reason'>): void;
  /**
   * Looks whether another instance has accounts by now of whose page something is held back here, and passes that on. Never
   * rejects; what could not be looked at is looked at the next time.
   */
  hearMoves(): Promise<void>;
  /** Reads back what was missed, fetches media and sends what waits, until the signal aborts. Returns at once. */
  serve(session: ConnectedSession, connected: AbortSignal): void;
}

/** Opens the pipeline. Disposing it, once the sessions are closed, leaves what it has taken in Redis. */
export async function openPipeline(deps: PipelineDeps): Promise<Pipeline> {
  await using stack = new AsyncDisposableStack();
  const {
    database,
    redis,
    queues,
    store,
    instanceId,
    fence,
    findRun,
    isHeldHere,
    clock,
    log,
    messageRateLimit,
    pacing,
    onCounted,
    onStep,
    meter,
  } = deps;
  const { db } = database;

  const hearLoss = (accountId: AccountId) => {
    catchUp.request(accountId, 'gap');
    mediaFetch.startOver(accountId);
  };
  const lanes = stack.use(
    openInboundLanes({
      add: (job, signal) => queues.add('inbound', job, { signal }),
      log,
      onGap: hearLoss,
      onStep,
      meter,
    }),
  );
  const emit = lanes.accept.bind(lanes);
  const gate = stack.use(
    openLiveGate({ emit, onGap: (accountId) => catchUp.request(accountId, 'gap'), log }),
  );
  const laneIdle = lanes.idle.bind(lanes);
  const committed = lanes.committed.bind(lanes);
  const mediaFetch = stack.use(openMediaFetch({ db, store, emit, committed, log, clock, onStep, meter }));
  const catchUp = stack.use(openCatchUp({ db, fence, emit, gate, laneIdle, committed, log, clock, onStep }));
  const directory = stack.use(openDirectory({ db, log, clock }));
  const ingest = makeIngest({
    db,
    log,
    clock,
    onStep,
    meter,
    onStored(accountId, { awaitingMedia, awaitedAnew }) {
      if (awaitedAnew > 0) mediaFetch.startOver(accountId);
      else if (awaitingMedia > 0) mediaFetch.wake(accountId);
      directory.wake(accountId);
    },
    onPassed: lanes.passed.bind(lanes),
    onGap: hearLoss,
  });
  redis.onRecovered(() => catchUp.requestAll('redis'));
  database.onRecovered(() => catchUp.requestAll('database'));
  const inbound = { redis, queue: 'inbound', log } as const;
  stack.use(await openConsumer({ ...inbound, instanceId, process: ingest }));
  stack.use(
    openLeftInbound({
      list: async () => {
        const run = findRun();
        return run === undefined ? [] : await listLeftQueues(db, run);
      },
      forget: (left) => forgetLeftQueue(db, left),
      count: (of) => countUndone({ ...inbound, instanceId: of }),
      consume: (of) => openConsumer({ ...inbound, instanceId: of, process: ingest }),
      clock,
      log,
    }),
  );

  const intake = makeMediaIntake({ db, store, fetchUrl: makeFetchUrl() });
  const takeMedia = intake.takeMedia.bind(intake);
  const feeder = stack.use(
    openCampaignFeeder({
      db,
      takeMedia,
      clock,
      log,
      meter,
      onFed: (accountId) => void sender.wake(accountId),
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
  const process = makeOutboundProcessor(sender, feeder);
  stack.use(await openConsumer({ redis, queue: 'outbound', instanceId, process, log }));

  const closing = new AbortController();
  stack.defer(() => closing.abort());
  const keys = new IdempotencyKeys({ db, instanceId, log });
  const waking = {
    wake: sender.wake.bind(sender),
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
  const hearMoves = makeMovedAccounts({
    list: gate.listHeld,
    findRun,
    isHeldHere,
    findHeldElsewhere: (accountIds, run) => findHeldElsewhere(db, accountIds, run),
    onMoved: gate.giveUp,
    log,
  });
  const opened = stack.move();
  return {
    outbox: { ...outbox, wake },
    campaigns,
    intake,
    accept: gate.accept,
    whenRoom: lanes.room.bind(lanes),
    hearGap(accountId) {
      gate.shut(accountId);
      catchUp.request(accountId, 'gap');
    },
    hearLineBack: sender.hearLineBack.bind(sender),
    hearState(accountId, { reason }) {
      if (reason !== null && !REASONS[reason].keepsLink) gate.giveUp(accountId);
    },
    hearMoves,
    serve(session, connected) {
      const { accountId } = session;
      connected.addEventListener('abort', () => gate.shut(accountId), { once: true });
      void directory.run(session, connected);
      void catchUp.run(session, { signal: connected });
      void mediaFetch.run(session, connected);
      void sender.run(session, connected);
      void feeder.run(accountId, connected);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
