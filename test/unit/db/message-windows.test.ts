import { describe, expect, it } from 'vitest';
import { makeWindows, type Window } from '../../../src/db/message-windows.ts';

const NOW = new Date('2026-03-10T12:00:00Z');
const ALL: Window = { from: null, before: null };
const month = (text: string) => new Date(`${text}-01T00:00:00Z`);

describe('the windows of a listing', () => {
  it('begin with the month and what is dated ahead, and are ever longer', () => {
    expect(makeWindows(ALL, NOW)).toEqual([
      { from: month('2026-03'), before: null },
      { from: month('2026-02'), before: month('2026-03') },
      { from: month('2025-12'), before: month('2026-02') },
      { from: month('2025-08'), before: month('2025-12') },
      { from: month('2024-12'), before: month('2025-08') },
      { from: month('2023-08'), before: month('2024-12') },
      { from: null, before: month('2023-08') },
    ]);
  });

  it.each<[string, Window]>([
    ['everything', ALL],
    ['what was before', { from: null, before: new Date('2025-01-01T00:00:00.000Z') }],
    [
      'what was before an instant within a month',
      { from: null, before: new Date('2025-01-01T00:00:00.001Z') },
    ],
    ['what came since', { from: new Date('2020-05-05'), before: null }],
    ['what is ahead', { from: new Date('2027-01-01'), before: new Date('2028-01-01') }],
    ['some days', { from: new Date('2025-12-30'), before: new Date('2026-01-02') }],
  ])('meet without a gap and cover %s', (_name, range) => {
    const windows = makeWindows(range, NOW);
    expect(windows[0]?.before).toEqual(range.before);
    expect(windows.at(-1)?.from).toEqual(range.from);
    for (const [index, { before }] of windows.slice(1).entries())
      expect(before).toEqual(windows[index]?.from);
  });

  it('of a range that ended long ago begin in its last month', () => {
    const range = { from: null, before: month('2024-01') };
    expect(makeWindows(range, NOW)[0]).toEqual({ from: month('2023-12'), before: month('2024-01') });
  });

  it('of an empty range are none', () => {
    expect(makeWindows({ from: NOW, before: NOW }, NOW)).toEqual([]);
  });
});
