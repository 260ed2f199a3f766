import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failureToWaitMs } from '../../../src/client/repeat-rule.ts';

const twice = { isRepeatable: true, repetition: 0 };
const once = { isRepeatable: false, repetition: 0 };
const failure = (code: string, status: number | undefined, retryAfterMs?: number) => ({
  code,
  status,
  retryAfterMs,
});

describe('failureToWaitMs', () => {
  it.each([
    ['429, whatever it is', failure('RATE_LIMIT_EXCEEDED', 429, 2_000), once, 2_000],
    ['429 of a read', failure('RATE_LIMIT_EXCEEDED', 429, 2_000), twice, 2_000],
    ['503 of what may be done twice', failure('UNAVAILABLE', 503), twice, 500],
    ['503 that says how long', failure('POOL_FULL', 503, 3_000), twice, 3_000],
    ['no answer', failure('UNREACHABLE', undefined), twice, 500],
    ['no answer in time', failure('TIMEOUT', undefined), twice, 500],
    ['a send that is still being accepted', failure('IDEMPOTENCY_IN_PROGRESS', 409), twice, 500],
  ])('repeats after %s', (_name, error, options, waitMs) => {
    expect(failureToWaitMs(error, options)).toBe(waitMs);
  });

  it.each([
    ['429 that does not say when', failure('RATE_LIMIT_EXCEEDED', 429), twice],
    ['429 that asks for the rest of the day', failure('DAILY_LIMIT_EXCEEDED', 429, 7_200_000), twice],
    ['503 that asks for longer than anybody waits', failure('UNAVAILABLE', 503, 31_000), twice],
    ['503 of what must not be done twice', failure('UNAVAILABLE', 503), once],
    ['no answer to what must not be done twice', failure('UNREACHABLE', undefined), once],
    ['a fault inside', failure('INTERNAL', 500), twice],
    ['a refusal', failure('VALIDATION_FAILED', 400), twice],
    ['a conflict', failure('IDEMPOTENCY_CONFLICT', 409), twice],
    ['something else that answers', failure('NOT_SWITCHBOARD', 502), twice],
  ])('does not repeat after %s', (_name, error, options) => {
    expect(failureToWaitMs(error, options)).toBeUndefined();
  });

  it('waits twice as long each time', () => {
    const waits = [0, 1, 2].map((repetition) =>
      failureToWaitMs(failure('UNAVAILABLE', 503), { isRepeatable: true, repetition }),
    );
    expect(waits).toEqual([500, 1_000, 2_000]);
  });
});

it('the page of the client names what a request is made again after', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/client.md'), 'utf8');
  const [, section = ''] = /\n## What is made again\n(.*?)\n## /s.exec(page) ?? [];
  for (const after of ['429', '503', 'no answer', '`IDEMPOTENCY_IN_PROGRESS`'])
    expect(section).toContain(after);
});
