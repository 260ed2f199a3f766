import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { openCatchUp } from '../../../src/messages/catch-up.ts';
import { openInboundLanes } from '../../../src/messages/inbound-lane.ts';
import { makeIngest } from '../../../src/messages/ingest.ts';
import { openLiveGate } from '../../../src/messages/live-gate.ts';
import { MESSAGE_STEPS, type MessageStep } from '../../../src/messages/message-step.ts';
import { makeOutbox } from '../../../src/messages/outbox.ts';
import { openSender } from '../../../src/messages/sender.ts';
import type { InboundJob } from '../../../src/queue/table.ts';
import { openTestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession } from '../../support/fake-network.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { openMedia } from '../../support/local-media.ts';
import { makeMessage, ScriptedSession } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';

const CHAT = '491700000001@c.us';
const stack = new AsyncDisposableStack();
let db: Executor;
let account: Account;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = { id: await insertTestAccount(db) } as Account;
});

/** Records steps; `done` resolves with `last`. */
function recorder(last: MessageStep) {
  const steps: MessageStep[] = [];
  const done = Promise.withResolvers<void>();
  const onStep = (step: MessageStep) => {
    steps.push(step);
    if (step === last) done.resolve();
  };
  return { steps, onStep, done: done.promise };
}

/** The steps of the table from one to another, both included. */
function stepsBetween(first: MessageStep, last: MessageStep): readonly MessageStep[] {
  return MESSAGE_STEPS.slice(MESSAGE_STEPS.indexOf(first), MESSAGE_STEPS.indexOf(last) + 1);
}

const common = { clock: systemClock, log: silentLog };

it('tells each step of a message on its way out, in their order', async () => {
  const { steps, onStep, done } = recorder('ack-written');
  const outbox = makeOutbox({
    ...common,
    db,
    instanceId: parseInstanceId('one'),
    takeMedia: () => Promise.reject(new Error('There is no media here.')),
    wake: () => false,
    enqueue: async () => undefined,
    onStep,
  });
  const content = { kind: 'text', text: 'hi' } as const;
  const request = { to: CHAT, content, replyTo: null, onLimit: 'reject' } as const;
  await outbox.accept(account, request, { idempotencyKey: 'k', requestHash: 'h' });

  await using sender = openSender({
    ...common,
    db,
    openMedia,
    instanceId: parseInstanceId('one'),
    messageRateLimit: 0,
    onStep,
  });
  const session = new NetworkSession(account.id, { network: new FakeNetwork(), page: new Map() });
  void sender.run(session, new AbortController().signal);
  await done;
  expect(steps).toEqual(stepsBetween('accept-claimed', 'ack-written'));
});

it('tells each step of a message on its way in, in their order', async () => {
  const { steps, onStep, done } = recorder('lane-added');
  const jobs: InboundJob[] = [];
  const lanes = stack.use(
    openInboundLanes({
      add: async (job) => void jobs.push(job),
      onGap: () => undefined,
      log: silentLog,
      onStep,
    }),
  );
  lanes.accept(account.id, [messageEvent('A')]);
  await done;
  const ingest = makeIngest({ ...common, db, onStep });
  for (const job of jobs) await ingest(job, new AbortController().signal);
  expect(steps).toEqual(stepsBetween('lane-added', 'ingest-committed'));
});

it('tells each step of a catch-up, in their order', async () => {
  const { steps, onStep, done } = recorder('watermark-saved');
  const gate = openLiveGate({ emit: () => undefined, onGap: () => undefined, log: silentLog });
  const catchUp = stack.use(
    openCatchUp({
      gate,
      ...common,
      db,
      emit: () => undefined,
      laneIdle: async () => undefined,
      committed: async () => undefined,
      onStep,
    }),
  );
  const session = new ScriptedSession(account.id);
  session.receive(makeMessage(CHAT, 'A', systemClock.now()));
  const connection = new AbortController();
  const ended = catchUp.run(session, { signal: connection.signal });
  await done;
  connection.abort();
  await ended;
  expect(steps).toEqual(stepsBetween('page-read', 'watermark-saved'));
});
