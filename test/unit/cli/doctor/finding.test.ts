import { describe, expect, it } from 'vitest';
import { judgeClock } from '../../../../src/cli/doctor/clock-check.ts';
import {
  type DaemonAnswer,
  daemonToFinding,
  isOfThisMachine,
  partToFinding,
} from '../../../../src/cli/doctor/daemon-answer.ts';
import { judgeRoom } from '../../../../src/cli/doctor/disk-checks.ts';
import { examineElsewhere } from '../../../../src/cli/doctor/examination.ts';
import {
  bad,
  describeChecks,
  good,
  joinFindings,
  unknown,
  warning,
} from '../../../../src/cli/doctor/finding.ts';

const NOW = Date.UTC(2026, 5, 1);
const READY: DaemonAnswer = { kind: 'daemon', missing: [], at: NOW };
const MIB = 1024 ** 2;

describe('several findings of one check', () => {
  it('are as bad as the worst, and tell each remedy once', () => {
    const joined = joinFindings([good('A.'), warning('B.', 'Do x.'), bad('C.', 'Do y.'), bad('D.', 'Do y.')]);
    expect(joined).toEqual({ outcome: 'bad', found: 'A. B. C. D.', remedy: 'Do x. Do y.' });
  });
});

describe('what is printed', () => {
  it('has a line for each check, its remedy below, and the sum', () => {
    const text = describeChecks([
      { name: 'redis', ...good('It answers.') },
      { name: 'key', ...bad('It is\nread by\x1b[2J others.', 'chmod it.') },
      { name: 'clock', ...unknown('Nobody knows.', 'Look.') },
    ]);
    expect(text).toBe(
      [
        'CHECK       FOUND',
        'redis  ok   It answers.',
        'key    BAD  It is read by[2J others.',
        '            → chmod it.',
        'clock  ?    Nobody knows.',
        '            → Look.',
        '',
        '1 to be mended, 1 not known from here.',
        '',
      ].join('\n'),
    );
    expect(describeChecks([{ name: 'redis', ...good('Fine.') }])).toContain('\nAll is well.\n');
  });
});

it.each([
  [{}, 'unknown'],
  [{ now: Date.UTC(2000, 0, 1) }, 'bad'],
  [{ isSynchronised: true }, 'good'],
  [{ isSynchronised: false }, 'warning'],
  [{ differences: [{ of: 'PostgreSQL', aheadMs: -2_000 }] }, 'good'],
  [{ differences: [{ of: 'PostgreSQL', aheadMs: 30_000 }] }, 'warning'],
  [{ differences: [{ of: 'PostgreSQL', aheadMs: -90_000 }] }, 'bad'],
  [{ isSynchronised: true, differences: [{ of: 'PostgreSQL', aheadMs: 90_000 }] }, 'bad'],
] as const)('judges the clock by %o as %s', (view, outcome) => {
  const finding = judgeClock({ now: NOW, isSynchronised: undefined, differences: [], ...view });
  expect(finding.outcome).toBe(outcome);
  expect(finding.remedy === null).toBe(outcome === 'good');
});

it('says whether the clock is ahead or behind', () => {
  const found = (aheadMs: number) =>
    judgeClock({ now: NOW, isSynchronised: undefined, differences: [{ of: 'PostgreSQL', aheadMs }] }).found;
  expect(found(90_000)).toBe('It is 90 s ahead of that of PostgreSQL.');
  expect(found(-90_000)).toBe('It is 90 s behind that of PostgreSQL.');
});

it.each([
  [{ bytes: 100 * MIB, files: 1_000_000 }, 'bad'],
  [{ bytes: 500 * MIB, files: undefined }, 'warning'],
  [{ bytes: 5_000 * MIB, files: 10 }, 'warning'],
  [{ bytes: 5_000 * MIB, files: undefined }, 'good'],
])('judges a disk with %o as %s', (room, outcome) => {
  expect(judgeRoom('DATA_PATH', room).outcome).toBe(outcome);
});

describe('a daemon', () => {
  const here = { url: 'http://127.0.0.1:3000', place: 'here' } as const;

  it.each([
    [READY, 'good'],
    [{ ...READY, missing: ['database'] }, 'bad'],
    [{ kind: 'stranger', status: 404 }, 'bad'],
    [{ kind: 'none', why: 'refused' }, 'warning'],
  ] as const)('that answers %o is %s', (answer, outcome) => {
    expect(daemonToFinding(answer, here).outcome).toBe(outcome);
  });

  it('that does not answer elsewhere is bad: it is said to be there', () => {
    const there = { url: 'http://192.0.2.1:3000', place: 'elsewhere' } as const;
    expect(daemonToFinding({ kind: 'none', why: 'refused' }, there).outcome).toBe('bad');
  });

  it('elsewhere tells of its stores and its clock, and the rest is not known', () => {
    const answer: DaemonAnswer = { kind: 'daemon', missing: ['queue'], at: Date.now() };
    const { configuration, chromium, key, disk, tmpfs, ...told } = examineElsewhere(
      'http://192.0.2.1:3000',
      answer,
    );
    for (const hidden of [configuration, chromium, key, disk, tmpfs]) expect(hidden?.outcome).toBe('unknown');
    expect(told).toMatchObject({
      daemon: { outcome: 'bad' },
      redis: { outcome: 'bad' },
      postgres: { outcome: 'good' },
      ports: { outcome: 'good' },
      clock: { outcome: 'good' },
    });
  });

  it('that names no part says nothing good of any', () => {
    expect(partToFinding({ ...READY, missing: ['something'] }, 'database')?.outcome).toBe('bad');
    expect(partToFinding({ kind: 'none', why: '' }, 'database')).toBeUndefined();
  });
});

it.each([
  ['http://127.0.0.1:3000', true],
  ['http://127.9.9.9', true],
  ['http://[::1]:3000', true],
  ['http://localhost:3000', true],
  ['http://192.0.2.1:3000', false],
  ['http://[2001:db8::1]', false],
  ['http://no-such-name.invalid', false],
])('takes %s for an address of this machine: %s', async (url, isOurs) => {
  expect(await isOfThisMachine(url)).toBe(isOurs);
});
