import { beforeEach, expect, it } from 'vitest';
import { LaneTimes } from '../../../src/messages/lane-times.ts';
import type { MessageMeter, MessageStage } from '../../../src/messages/message-meter.ts';

let now: number;
let took: [MessageStage, number][];
let times: LaneTimes;

const nothing = () => undefined;
beforeEach(() => {
  now = 0;
  took = [];
  const meter: MessageMeter = {
    now: () => now,
    took: (stage, ms) => void took.push([stage, ms]),
    count: nothing,
    countStatus: nothing,
    delayed: nothing,
  };
  times = new LaneTimes(meter);
});

it('times a job from what it heard first until the queue has it and until it is stored', () => {
  times.made(0, times.now());
  now = 30;
  times.added(0);
  now = 100;
  times.passed(0);
  expect(took).toEqual([
    ['page_to_queue', 30],
    ['page_to_stored', 100],
  ]);
});

it('times nothing of a job that is lost, and each job once', () => {
  times.made(0, 0);
  times.made(2, 10);
  now = 50;
  times.passed(2);
  times.passed(2);
  times.passed(0);
  expect(took).toEqual([['page_to_stored', 40]]);
});

it('times no more than a thousand jobs at once, however many wait', () => {
  for (let n = 0; n < 5_000; n += 1) times.made(n, 0);
  for (let n = 0; n < 5_000; n += 1) times.passed(n);
  expect(took).toHaveLength(1_000);
  times.made(5_000, 0);
  times.passed(5_000);
  expect(took).toHaveLength(1_001);
});

it('does nothing without a meter', () => {
  const none = new LaneTimes(undefined);
  none.made(0, none.now());
  none.added(0);
  none.passed(0);
  expect(took).toEqual([]);
});
