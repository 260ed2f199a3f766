import { afterEach, beforeEach, expect, it } from 'vitest';
import { DEFAULT_TIMINGS } from '../../../src/config/session-timings.ts';
import { openEventLoopWatch } from '../../../src/observability/event-loop.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const { eventLoopQuietMs, eventLoopStallMs } = DEFAULT_TIMINGS;

const MESSAGE = 'The event loop stood still';

let log: RecordingLogger;
let now: number;
let watch: Disposable;

beforeEach(() => {
  log = new RecordingLogger();
  now = 0;
  watch = openEventLoopWatch({ log, clock: { monotonic: () => now } });
});

afterEach(() => watch[Symbol.dispose]());

/** Blocks the event loop, as a long computation does. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until) JSON.stringify(until);
}

/** The watch has looked at least once meanwhile. */
async function looked(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1_400));
}

it('warns of a stand-still with its length, and not again within a minute', async () => {
  const told = log.next(MESSAGE);
  await looked();
  stall(eventLoopStallMs + 300);
  const { level, fields } = await told;
  expect(level).toBe('warn');
  expect(fields.longestMs).toBeGreaterThanOrEqual(eventLoopStallMs);
  expect(fields.longestMs).toBeLessThan(10 * eventLoopStallMs);
  expect(fields).toMatchObject({ p99Ms: expect.any(Number), meanMs: expect.any(Number) });
  await looked();
  stall(eventLoopStallMs + 300);
  await looked();
  expect(log.lines).toHaveLength(1);
  now += eventLoopQuietMs;
  const again = log.next(MESSAGE);
  expect((await again).fields.longestMs).toBeGreaterThanOrEqual(eventLoopStallMs);
});

it('says nothing of ordinary load', async () => {
  for (let round = 0; round < 8; round += 1) {
    stall(eventLoopStallMs / 5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await looked();
  expect(log.lines).toEqual([]);
});

it('is silent once it is disposed', async () => {
  watch[Symbol.dispose]();
  stall(eventLoopStallMs + 300);
  await looked();
  expect(log.lines).toEqual([]);
});
