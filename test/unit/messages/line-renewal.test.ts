import { expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { LineRenewal } from '../../../src/messages/line-renewal.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const { signal } = new AbortController();

/** A line of which the clock says that it is a minute old. */
function openLine() {
  const clock = new ManualClock();
  let renewed = 0;
  const session = {
    async renewLine() {
      renewed += 1;
    },
  };
  const line = new LineRenewal(session, clock, new RecordingLogger());
  const ask = (to: string = crypto.randomUUID()) => {
    const answer = Promise.withResolvers<void>();
    const done = line.watch(to, () => answer.promise, signal).catch(() => undefined);
    return {
      async end(code?: 'SESSION_DEADLINE' | 'SESSION_FAULT' | 'NOT_ON_WHATSAPP') {
        if (code === undefined) answer.resolve();
        else answer.reject(new AppError(code));
        await done;
        return renewed;
      },
    };
  };
  clock.advance(60_000);
  return { clock, ask };
}

it('does not hold against a new line what was asked over the one before (F36)', async () => {
  const { clock, ask } = openLine();
  const [first, second, third, fourth] = [ask(), ask(), ask(), ask()];
  expect(await first.end('SESSION_DEADLINE')).toBe(0);
  clock.advance(1);
  expect(await second.end('SESSION_DEADLINE')).toBe(1);
  clock.advance(3_600_000);
  await third.end('SESSION_DEADLINE');
  expect(await fourth.end('SESSION_DEADLINE')).toBe(1);
  await ask().end('SESSION_DEADLINE');
  expect(await ask().end('SESSION_DEADLINE')).toBe(2);
});

it.each([
  ['is found', undefined, 0],
  ['is told to be missing', 'NOT_ON_WHATSAPP', 0],
  ['meets another fault', 'SESSION_FAULT', 1],
] as const)(
  'judges the line by the look-ups in turn if between them a recipient %s (F36)',
  async (_title, code, renewed) => {
    const { ask } = openLine();
    await ask().end('SESSION_DEADLINE');
    await ask().end(code);
    expect(await ask().end('SESSION_DEADLINE')).toBe(renewed);
  },
);

it('does not judge a line that answers by one recipient alone (F36)', async () => {
  const { ask } = openLine();
  await ask().end();
  await ask('lost').end('SESSION_DEADLINE');
  expect(await ask('lost').end('SESSION_DEADLINE')).toBe(0);
  expect(await ask('another').end('SESSION_DEADLINE')).toBe(1);
  await ask('lost').end('SESSION_DEADLINE');
  expect(await ask('lost').end('SESSION_DEADLINE')).toBe(1);
});

it('makes its line anew more and more seldom until somebody is found who was not (F36)', async () => {
  const { clock, ask } = openLine();
  const missBoth = async () => {
    await ask('lost').end('SESSION_DEADLINE');
    return ask('too').end('SESSION_DEADLINE');
  };
  expect(await missBoth()).toBe(1);
  await ask('known').end();
  clock.advance(119_999);
  expect(await missBoth()).toBe(1);
  clock.advance(1);
  expect(await missBoth()).toBe(2);
  await ask('lost').end();
  clock.advance(60_000);
  expect(await missBoth()).toBe(3);
});
