import { expect, it } from 'vitest';
import { RateLimitCounter } from '../../../src/http/rate-limit-counter.ts';
import type { CallCount, SharedCalls } from '../../../src/queue/rate-limit-calls.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const QUOTAS = [{ caller: 'a', limit: 1 }];
const FROM_REDIS: CallCount = { allowed: true, standings: [{ remaining: 77, waitSeconds: 60 }] };

/** A Redis whose answers the test gives. */
class ScriptedCalls implements SharedCalls {
  connected = true;
  counts = 0;
  answer: () => Promise<CallCount> = async () => FROM_REDIS;
  readonly pings: PromiseWithResolvers<void>[] = [];

  isConnected(): boolean {
    return this.connected;
  }

  count(): Promise<CallCount> {
    this.counts += 1;
    return this.answer();
  }

  ping(): Promise<void> {
    const ping = Promise.withResolvers<void>();
    this.pings.push(ping);
    return ping.promise;
  }
}

function open() {
  const shared = new ScriptedCalls();
  const clock = new ManualClock();
  const log = new RecordingLogger();
  const counter = new RateLimitCounter({ shared, clock, log });
  const remaining = async () => (await counter.count(QUOTAS, 60)).standings[0]?.remaining;
  const levels = () => log.lines.map(({ level }) => level);
  return { shared, clock, remaining, levels };
}

/** Runs what promises that have settled lead to. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

it('counts in Redis while it answers', async () => {
  const { shared, remaining, levels } = open();
  expect([await remaining(), await remaining()]).toEqual([77, 77]);
  expect([shared.counts, levels()]).toEqual([2, []]);
});

it('counts in its own memory, told once, while Redis is away, and comes back with it', async () => {
  const { shared, remaining, levels } = open();
  shared.connected = false;
  expect([await remaining(), await remaining()]).toEqual([0, 0]);
  expect([shared.counts, shared.pings.length, levels()]).toEqual([0, 1, ['warn']]);
  shared.connected = true;
  shared.pings[0]?.resolve();
  await settled();
  expect(await remaining()).toBe(77);
  expect(levels()).toEqual(['warn', 'info']);
});

it('lets one request wait for a Redis that hangs, and none after it', async () => {
  const { shared, remaining, levels } = open();
  shared.answer = () => new Promise(() => undefined);
  expect(await remaining()).toBe(0);
  expect(await remaining()).toBe(0);
  expect([shared.counts, levels()]).toEqual([1, ['warn']]);
});

it('stays alone while Redis is slow or answers with errors', async () => {
  const { shared, clock, remaining, levels } = open();
  shared.answer = () => Promise.reject(new Error('LOADING'));
  await remaining();
  clock.advance(101);
  shared.pings[0]?.resolve();
  await settled();
  expect([await remaining(), shared.pings.length]).toEqual([0, 2]);
  shared.pings[1]?.reject(new Error('LOADING'));
  await settled();
  expect([await remaining(), shared.pings.length]).toEqual([0, 3]);
  expect([shared.counts, levels()]).toEqual([1, ['warn', 'debug']]);
  shared.answer = async () => FROM_REDIS;
  shared.pings[2]?.resolve();
  await settled();
  expect(await remaining()).toBe(77);
});
