import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Wake } from '../../../src/lib/wake.ts';

let controller: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  controller = new AbortController();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** Whether the promise has settled by now. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  await vi.advanceTimersByTimeAsync(0);
  return settled;
}

it('wakes whoever waits', async () => {
  const wake = new Wake();
  const waiting = wake.wait(controller.signal);
  expect(await hasSettled(waiting)).toBe(false);
  wake.wake();
  await waiting;
});

it('keeps a wake-up that comes while nobody waits, once', async () => {
  const wake = new Wake();
  wake.wake();
  wake.wake();
  await wake.wait(controller.signal);
  expect(await hasSettled(wake.wait(controller.signal))).toBe(false);
});

it('wakes all who wait', async () => {
  const wake = new Wake();
  const waiting = [wake.wait(controller.signal), wake.wait(controller.signal)];
  wake.wake();
  await Promise.all(waiting);
});

it('wakes by itself after the time given', async () => {
  const wake = new Wake();
  const waiting = wake.wait(controller.signal, 1_000);
  await vi.advanceTimersByTimeAsync(999);
  expect(await hasSettled(waiting)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
});

it('says whether it was woken, or the time was over', async () => {
  const wake = new Wake();
  const late = wake.wait(controller.signal, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await late).toBe(false);
  const early = wake.wait(controller.signal, 1_000);
  wake.wake();
  expect(await early).toBe(true);
  wake.wake();
  expect(await wake.wait(controller.signal, 1_000)).toBe(true);
});

it('does not wake those without a time when the time of another is over', async () => {
  const wake = new Wake();
  const patient = wake.wait(controller.signal);
  const hasty = wake.wait(controller.signal, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  await hasty;
  expect(await hasSettled(patient)).toBe(false);
  wake.wake();
  await patient;
});

it('ends with the reason of the signal', async () => {
  const wake = new Wake();
  const reason = new Error('stop');
  const waiting = expect(wake.wait(controller.signal, 1_000)).rejects.toBe(reason);
  controller.abort(reason);
  await waiting;
});

it('keeps a wake-up that nobody took because of an abort', async () => {
  const wake = new Wake();
  const waiting = expect(wake.wait(controller.signal)).rejects.toThrow();
  controller.abort();
  await waiting;
  wake.wake();
  await wake.wait(new AbortController().signal);
});
