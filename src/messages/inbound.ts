import type { SessionChange } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { REASONS } from '../accounts/reason.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import { findHeldElsewhere } from '../db/account-holder.ts';
import type { OpenDatabase } from '../db/database.ts';
import { forgetLeftQueue, listLeftQueues } from '../db/inbound-queue-store.ts';
import type { LeaseFence } from '../db/lease-fence.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { OpenRedis } from '../queue/connection.ts';
import { countUndone, openConsumer } from '../queue/consumer.ts';
import type { OpenQueues } from '../queue/producer.ts';
import { type CatchUp, openCatchUp } from './catch-up.ts';
import { openDirectory } from './directory.ts';
import type { InboundEvent } from './inbound-event.ts';
import { openInboundLanes } from './inbound-lane.ts';
import { makeIngest } from './ingest.ts';
import { openLeftInbound } from './left-inbound.ts';
import { openLiveGate } from './live-gate.ts';
import { type MediaFetch, openMediaFetch } from './media-fetch.ts';
import type { MediaStore } from './media-store.ts';
import type { MessageMeter } from './message-meter.ts';
import type { OnMessageStep } from './message-step.ts';
import { makeMovedAccounts } from './moved-accounts.ts';

export interface InboundDeps {
  readonly database: Pick<OpenDatabase, 'db' | 'onRecovered'>;
  readonly redis: OpenRedis;
  readonly queues: OpenQueues;
  readonly store: MediaStore;
  readonly instanceId: InstanceId;
  /** What is read of a page, and how far, is written under the lease of its account; what came by the queue is not. */
  readonly fence: LeaseFence;
  /** The run of this instance, while it has one. */
  readonly findRun: () => number | undefined;
  readonly isHeldHere: (accountId: AccountId) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStep: OnMessageStep;
  readonly meter: MessageMeter;
}

/** The way of what a page tells and holds, into the database. */
export interface Inbound extends AsyncDisposable {
  /** Takes what a page tells, in its order; returns at once. */
  accept(accountId: AccountId, events: readonly InboundEvent[]): void;
  /** Resolves when there is room for more events of the account; never rejects. */
  whenRoom(accountId: AccountId): Promise<void>;
  /** The page dropped events of the account and goes on: reads it back, and keeps what follows behind. */
  hearGap(accountId: AccountId): void;
  /** The account's state has changed: if its link has ended, nothing of its page is read back any more. */
  hearState(accountId: AccountId, change: Pick<SessionChange, 'reason'>): void;
  /**
   * Looks whether another instance has accounts by now of whose page something is held back here, and passes that on. Never
   * rejects; what could not be looked at is looked at the next time.
   */
  hearMoves(): Promise<void>;
  /** Reads back what was missed and fetches media, until the signal aborts. Returns at once. */
  serve(session: ConnectedSession, connected: AbortSignal): void;
}

/** What reads of a page again what was lost on the way from it. */
interface Readers {
  readonly catchUp: CatchUp;
  readonly mediaFetch: MediaFetch;
}

/**
 * The lanes into the queue come first, then the gate and the readers that fill them: what is lost on the way is told to the
 * readers, and there is no page before they are there. The queue is consumed last, once all is open that a stored message wakes.
 */
export async function openInbound(deps: InboundDeps): Promise<Inbound> {
  await using stack = new AsyncDisposableStack();
  const { database, redis, queues, store, fence, findRun, isHeldHere, clock, log, onStep, meter } = deps;
  const { db } = database;
  let readers: Readers | undefined;
  const readGap = (accountId: AccountId) => readers?.catchUp.request(accountId, 'gap');
  const hearLoss = (accountId: AccountId) => {
    readGap(accountId);
    readers?.mediaFetch.startOver(accountId);
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
  const gate = stack.use(openLiveGate({ emit, onGap: readGap, log }));
  const laneIdle = lanes.idle.bind(lanes);
  const committed = lanes.committed.bind(lanes);
  const mediaFetch = stack.use(openMediaFetch({ db, store, emit, committed, log, clock, onStep, meter }));
  const catchUp = stack.use(openCatchUp({ db, fence, emit, gate, laneIdle, committed, log, clock, onStep }));
  readers = { catchUp, mediaFetch };
  const directory = stack.use(openDirectory({ db, fence, log, clock }));
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
  stack.use(await openConsumers(deps, ingest));

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
    accept: gate.accept,
    whenRoom: lanes.room.bind(lanes),
    hearGap(accountId) {
      gate.shut(accountId);
      catchUp.request(accountId, 'gap');
    },
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
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The queue of this instance, and behind it those that instances which are over have left. */
async function openConsumers(
  { database, redis, instanceId, findRun, clock, log }: InboundDeps,
  process: ReturnType<typeof makeIngest>,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const { db } = database;
  const inbound = { redis, queue: 'inbound', log } as const;
  stack.use(await openConsumer({ ...inbound, instanceId, process }));
  stack.use(
    openLeftInbound({
      list: async () => {
        const run = findRun();
        return run === undefined ? [] : await listLeftQueues(db, run);
      },
      forget: (left) => forgetLeftQueue(db, left),
      count: (of) => countUndone({ ...inbound, instanceId: of }),
      consume: (of) => openConsumer({ ...inbound, instanceId: of, process }),
      clock,
      log,
    }),
  );
  return stack.move();
}
