import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SessionJournal } from '../../../../src/channels/whatsapp-web/session-journal.ts';
import { silentLog } from '../../../support/silent-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = () => new Promise<void>(() => undefined);

function open() {
  const stop = new AbortController();
  return { stop, journal: new SessionJournal(silentLog, stop.signal) };
}

it('gives up a write that is never answered, and stores it and what follows by another', async () => {
  const { journal } = open();
  const signals: AbortSignal[] = [];
  const stored: string[] = [];
  const first = journal.write('state', async (signal) => {
    signals.push(signal);
    if (signals.length === 1) await never();
    // Nobody may be able to undo it from now on.
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    stored.push('first');
  });
  const second = journal.write('state', async () => void stored.push('second'));
  await vi.advanceTimersByTimeAsync(9_000);
  expect(stored).toEqual([]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await first).toBe(true);
  expect(await second).toBe(true);
  expect(stored).toEqual(['first', 'second']);
});

it('keeps no session that stops waiting for a write that is never answered', async () => {
  const { journal, stop } = open();
  const written = journal.write('state', never);
  const flushed = journal.flush();
  await vi.advanceTimersByTimeAsync(1_000);
  stop.abort(new Error('stopped'));
  await vi.advanceTimersByTimeAsync(2_001);
  await flushed;
  expect(await written).toBe(false);
});
