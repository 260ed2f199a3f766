import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import type { InboundEvent } from '../../../src/messages/inbound-event.ts';
import { openInboundLanes } from '../../../src/messages/inbound-lane.ts';
import { makeIngest } from '../../../src/messages/ingest.ts';
import type { MessageMeter } from '../../../src/messages/message-meter.ts';
import { measureMessages } from '../../../src/messages/message-metrics.ts';
import { Metrics } from '../../../src/observability/metrics.ts';
import type { InboundJob } from '../../../src/queue/table.ts';
import { ackEvent, makeJobs, messageEvent, ownMessageEvent } from '../../support/inbound-events.ts';
import { countedSeries } from '../../support/metric-series.ts';
import {
  BOB,
  openSenderDatabase,
  RATE_LINE,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';
import { silentLog } from '../../support/silent-log.ts';

let opened: SenderDatabase;
let stage: SenderStage;
let metrics: Metrics;
let meter: MessageMeter;
beforeAll(async () => {
  opened = await openSenderDatabase();
});
afterAll(() => opened[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(opened.db);
  metrics = new Metrics();
  meter = measureMessages(metrics, stage.clock);
  stage.openSender({ meter });
});
afterEach(() => stage[Symbol.asyncDispose]());

const events = async () => countedSeries(await metrics.text(), 'switchboard_messages_total');
const stages = async () => countedSeries(await metrics.text(), 'switchboard_message_stage_seconds_count');
const seconds = async () => countedSeries(await metrics.text(), 'switchboard_message_stage_seconds_sum');
const signal = new AbortController().signal;

function ingest(...told: InboundEvent[]): Promise<void> {
  const process = makeIngest({ db: stage.db, log: silentLog, clock: stage.clock, meter });
  return process(makeJobs(stage.account.id)(...told), signal);
}

describe('a message on its way out', () => {
  it('is counted at each step and timed from its acceptance and from its hand-over', async () => {
    await stage.accept('hello', {}, { meter });
    stage.clock.advance(90_000);
    stage.connect({
      onSend: () => stage.clock.advance(2_000),
      onSent: () => stage.clock.advance(1_000),
    });
    await stage.settled();
    expect(await events()).toEqual({ accepted: 1, handed: 1, sent: 1 });
    expect(await stages()).toEqual({ accepted_to_handed: 1, handed_to_taken: 1, handed_to_acked: 1 });
    expect(await seconds()).toEqual({ accepted_to_handed: 90, handed_to_taken: 3, handed_to_acked: 3 });
  });

  it('is timed once until the ack that comes as an event, and counted once for each status', async () => {
    await stage.accept('hello', {}, { meter });
    stage.connect({ ack: 0 });
    await stage.settled();
    expect(await stages()).toEqual({ accepted_to_handed: 1, handed_to_taken: 1 });
    const [carried] = stage.network.carried;
    const id = carried?.bareId ?? '';
    const at = stage.clock.now();
    await ingest(ackEvent(id, 1, at + 4_000));
    await ingest(ackEvent(id, 1, at + 5_000), ackEvent(id, 2, at + 6_000));
    await ingest(ackEvent(id, 2, at + 7_000), ackEvent(id, 3, at + 7_000));
    expect(await events()).toEqual({ accepted: 1, handed: 1, sent: 1, delivered: 1, read: 1 });
    expect(await seconds()).toMatchObject({ handed_to_acked: 4 });
    expect(await stages()).toMatchObject({ handed_to_acked: 1 });
  });

  it('is counted as failed once, and as unknown once however often it is looked up', async () => {
    await stage.accept('refused', {}, { meter });
    stage.connect({
      onSend: () => {
        throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await stage.settled();
    expect(await events()).toEqual({ accepted: 1, handed: 1, failed: 1 });

    await stage.accept('hangs', { to: BOB }, { meter });
    stage.connect({
      onSend: () => {
        throw new Error('The page broke.');
      },
      onFind: () => {
        throw new Error('It is still broken.');
      },
    });
    await stage.settled();
    await stage.pass(60_000);
    expect(await events()).toEqual({ accepted: 2, handed: 2, failed: 1, unknown: 1 });
  });

  it('is counted as refused or deferred where its day is full', async () => {
    await stage.setDailyLimit(1);
    await stage.accept('first', {}, { meter });
    await expect(stage.accept('second', {}, { meter })).rejects.toThrow(
      expect.objectContaining({ code: 'DAILY_LIMIT_EXCEEDED' }),
    );
    await stage.accept('third', { onLimit: 'defer' }, { meter });
    expect(await events()).toEqual({ accepted: 2, deferred: 1, refused: 1 });
  });

  it('is counted as delayed by the limit a minute once, however often that is looked at', async () => {
    await stage.restart({ messageRateLimit: 1, meter });
    await stage.accept('first');
    await stage.accept('second', { to: BOB });
    const limited = stage.log.next(RATE_LINE);
    stage.connect();
    await limited;
    await stage.settled();
    await stage.settled();
    const delays = async () => countedSeries(await metrics.text(), 'switchboard_send_delays_total');
    expect(await delays()).toEqual({ minute: 1 });
    await stage.pass(60_000);
    expect(await delays()).toEqual({ minute: 1 });
  });
});

describe('messages on their way in', () => {
  it('are counted once, by where they come from, however often they are told', async () => {
    const told = [
      messageEvent('A'),
      messageEvent('B', { recovered: true }),
      ownMessageEvent('C', { ack: 1 }),
    ];
    await ingest(...told);
    await ingest(...told);
    expect(await events()).toEqual({ received: 1, recovered: 1, elsewhere: 1 });
  });

  it('are timed from the page to the queue and to the database, but not what a catch-up finds', async () => {
    const jobs: InboundJob[] = [];
    const lanes = openInboundLanes({
      add: async (job) => {
        stage.clock.advance(1_000);
        jobs.push(job);
      },
      onGap: () => expect.fail('a gap'),
      log: silentLog,
      meter,
    });
    const { id } = stage.account;
    lanes.accept(id, [messageEvent('A'), messageEvent('B')]);
    await lanes.idle(id);
    lanes.accept(id, [messageEvent('C', { recovered: true })], '1');
    await lanes.idle(id);
    const process = makeIngest({
      db: stage.db,
      log: silentLog,
      clock: stage.clock,
      meter,
      onPassed: lanes.passed.bind(lanes),
      onStep: (step) => void (step === 'job-taken' && stage.clock.advance(500)),
    });
    for (const job of jobs) await process(job, signal);
    expect(await stages()).toEqual({ page_to_queue: 1, page_to_stored: 1, job_to_stored: 2 });
    expect(await seconds()).toEqual({ page_to_queue: 1, page_to_stored: 2.5 });
    await lanes[Symbol.asyncDispose]();
  });
});
