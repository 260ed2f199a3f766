import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openTakingUp } from '../../../src/instances/taking-up.ts';
import { silentLog as log } from '../../support/silent-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const silent = () => new Promise<never>(() => undefined);

it('keeps a stop waiting for a second at most while the database is silent, and takes nothing up any more', async () => {
  let tick: () => void = () => undefined;
  const asked = Promise.withResolvers<never[]>();
  const takeUp = vi.fn(async () => undefined);
  const takingUp = openTakingUp({
    leases: {
      onTick: (listener) => {
        tick = listener;
      },
      held: () => [],
      claimable: () => asked.promise,
      drain: silent,
    },
    takeUp,
    log,
  });
  tick();
  const disposed = takingUp[Symbol.asyncDispose]();
  await vi.advanceTimersByTimeAsync(1_000);
  await disposed;
  asked.resolve([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(takeUp).not.toHaveBeenCalled();
});
