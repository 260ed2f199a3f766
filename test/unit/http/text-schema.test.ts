import { describe, expect, it } from 'vitest';
import { instantFromQuery, instantSchema } from '../../../src/http/text-schema.ts';

describe('an instant', () => {
  it.each([
    ['2026-01-31T08:00:00Z', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31t08:00:00z', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31T08:00+02:00', '2026-01-31T06:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2026-01-31T24:00:00Z', '2026-02-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, expected) => {
    expect(instantSchema.parse(text).toISOString()).toBe(expected);
  });

  it.each([
    ['2026-02-30'],
    ['2026-02-29T08:00:00Z'],
    ['2026-06-31T08:00:00+01:00'],
    ['2026-13-01'],
    ['0000-06-01'],
    ['0000-12-31T23:59:59-23:59'],
    ['0001-01-01T00:00:00+00:01'],
    ['9999-12-31T23:59:59-23:59'],
    ['2026-01-31T08:00:00'],
    ['2026-01-31T25:00:00Z'],
  ])('%s is none', (text) => {
    expect(instantSchema.safeParse(text).success).toBe(false);
    expect(instantFromQuery.safeParse(text).success).toBe(false);
  });
});
