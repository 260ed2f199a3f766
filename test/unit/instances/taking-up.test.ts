import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
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
      freeAndListDue: () => asked.promise,
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

it('looks again while a look does not end, once it had its time', async () => {
  let tick: () => void = () => undefined;
  const freeAndListDue = vi.fn(silent);
  const takingUp = openTakingUp({
    leases: {
      onTick: (listener) => {
        tick = listener;
      },
      held: () => [],
      freeAndListDue,
      drain: async () => undefined,
    },
    takeUp: async () => undefined,
    log,
  });
  tick();
  await vi.advanceTimersByTimeAsync(LEASE_TERMS.roundDeadlineMs - 1);
  tick();
  expect(freeAndListDue).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2);
  await vi.runOnlyPendingTimersAsync();
  tick();
  expect(freeAndListDue).toHaveBeenCalledTimes(2);
  const disposed = takingUp[Symbol.asyncDispose]();
  await vi.advanceTimersByTimeAsync(1_000);
  await disposed;
});
