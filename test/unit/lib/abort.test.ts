import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { orAborted, untilAborted, waitMs, withDeadline } from '../../../src/lib/abort.ts';

const reason = new Error('stop');
let controller: AbortController;

beforeEach(() => {
  controller = new AbortController();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a wait', () => {
  it('ends after its time', async () => {
    await expect(waitMs(1, controller.signal)).resolves.toBeUndefined();
  });

  it('ends with the reason of the signal, before and while it waits', async () => {
    const waiting = waitMs(60_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(waitMs(60_000, controller.signal)).rejects.toBe(reason);
  });
});

describe('work that may be abandoned', () => {
  it('settles as the work does', async () => {
    await expect(orAborted(Promise.resolve(1), controller.signal)).resolves.toBe(1);
    await expect(orAborted(Promise.reject(reason), controller.signal)).rejects.toBe(reason);
  });

  it('is abandoned with the reason of the signal', async () => {
    const work = Promise.withResolvers<void>();
    const waiting = orAborted(work.promise, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    // Nobody listens any more: this must not become an unhandled rejection.
    work.reject(new Error('late'));
  });

  it('leaves no unhandled rejection when the signal had aborted before', async () => {
    controller.abort(reason);
    await expect(orAborted(Promise.reject(new Error('unheard')), controller.signal)).rejects.toBe(reason);
  });

  it('leaves no listener on the signal', async () => {
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    await orAborted(Promise.resolve(), controller.signal);
    expect(remove).toHaveBeenCalledOnce();
  });
});

describe('pieces until a signal', () => {
  async function* pieces(...hang: readonly Promise<never>[]) {
    yield 1;
    yield 2;
    await Promise.all(hang);
  }
  async function collect(of: AsyncIterable<number>): Promise<number[]> {
    const all: number[] = [];
    for await (const piece of of) all.push(piece);
    return all;
  }

  it('are all of them while it does not abort', async () => {
    expect(await collect(untilAborted(pieces(), controller.signal))).toEqual([1, 2]);
    expect(await collect(untilAborted(pieces()))).toEqual([1, 2]);
  });

  it('end with its reason, also where the next one never comes', async () => {
    const all = collect(untilAborted(pieces(new Promise<never>(() => undefined)), controller.signal));
    setImmediate(() => controller.abort(reason));
    await expect(all).rejects.toBe(reason);
  });
});

describe('work with a deadline', () => {
  it('settles as the work does and leaves no timer', async () => {
    vi.useFakeTimers();
    await expect(withDeadline(Promise.resolve(1), 1_000, 'It')).resolves.toBe(1);
    await expect(withDeadline(Promise.reject(reason), 1_000, 'It')).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is abandoned when the time is over', async () => {
    vi.useFakeTimers();
    const late = expect(withDeadline(new Promise(() => undefined), 1_000, 'Loading')).rejects.toMatchObject({
      code: 'SESSION_DEADLINE',
      message: 'Loading took longer than 1000 ms.',
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
  });

  it('is in time if it was done while the process stood still', async () => {
    const done = withDeadline(stat('/'), 1, 'Looking');
    const stoodUntil = performance.now() + 50;
    while (performance.now() < stoodUntil);
    await expect(done).resolves.toBeDefined();
  });
});
