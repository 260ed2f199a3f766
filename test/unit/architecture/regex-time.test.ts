import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRegexLiterals, type RegexLiteral } from '../../support/regex-literals.ts';

const ROOT = join(import.meta.dirname, '../../../src');
/** Rooms that look at what clients send. */
const ROOMS = ['http', 'messages', 'lib', 'vault', 'accounts'];

const SHORT = 500;
const FACTOR = 32;
/**
 * How much longer the long text may take than as many short ones as make up its length. A linear search takes as long, a
 * quadratic one 32 times: so both are of about one length, and a busy machine adds to both alike.
 */
const MOST = 8;
const TRIES = 5;
/** What is slow is so each time that it is looked at. */
const LOOKS = 3;

/** What is repeated, and what stands around it so that a match fails late. */
const PUMPS = [
  'a',
  '0',
  ' ',
  '\t',
  '-',
  '.',
  '_',
  ':',
  '/',
  '"',
  ';',
  '=',
  ',',
  '+',
  '%',
  '\n',
  'a.',
  'a ',
  '0 ',
  ' ;',
  ';a=',
  'a@',
  '@',
  '0:',
  'a/',
  'é',
  '👍',
  '\\',
  'aA0',
];
const HEADS = ['', 'a', '+', '0', 'a/a', 'a@', 'true_', 'BEGIN:VCARD\n', '"', 'http://'];
const TAILS = ['\u0000', '!', ''];

function textsOf(length: number): readonly string[] {
  return PUMPS.flatMap((pump) =>
    HEADS.flatMap((head) => TAILS.map((tail) => head + pump.repeat(Math.ceil(length / pump.length)) + tail)),
  );
}

const shortTexts = textsOf(SHORT);
const longTexts = textsOf(SHORT * FACTOR);

const literals = ROOMS.flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => findRegexLiterals(`${room}/${name}`, readFileSync(join(ROOT, room, name), 'utf8'))),
);

function timeOf(regex: RegExp, text: string, times = 1): number {
  const since = performance.now();
  for (let time = 0; time < times; time += 1) regex.test(text);
  return performance.now() - since;
}

/** The least of some tries of each, in milliseconds: what else the machine does only adds. By turns, so that it adds to all. */
function leastTimesOf(works: readonly (() => number)[]): number[] {
  const tries = Array.from({ length: TRIES }, () => works.map((work) => work()));
  return works.map((_work, nth) => Math.min(...tries.map((times) => times[nth] ?? 0)));
}

/** To look at each character of a long text a few times takes no longer than this. */
const [oneLook = 0] = leastTimesOf([() => timeOf(/^\w*$/, 'a'.repeat(SHORT * FACTOR))]);
const notable = oneLook * 8;

function isSlow(regex: RegExp, { short, long }: { readonly short: string; readonly long: string }): boolean {
  for (let look = 0; look < LOOKS; look += 1) {
    // Most take no time at all; only of the others is the growth looked at.
    if (timeOf(regex, long) <= notable) return false;
    const [shorts = 0, longer = 0] = leastTimesOf([
      () => timeOf(regex, short, FACTOR),
      () => timeOf(regex, long),
    ]);
    if (longer <= shorts * MOST) return false;
  }
  return true;
}

/** The texts for which the time grows faster than the length does. */
function findSlow({ regex }: RegexLiteral): readonly string[] {
  return longTexts.filter((long, index) => isSlow(regex, { short: shortTexts[index] ?? '', long }));
}

describe('regular expressions over what clients send', () => {
  it('are found in the source', () => {
    const sources = literals.map(({ regex }) => regex.source);
    expect(sources).toContain('^\\+\\d{7,15}$');
    expect(sources.length).toBeGreaterThan(60);
  });

  it.each([
    [/\s+$/, ' ', true],
    [/^[\w-]+$/, 'a', false],
  ])('are told apart by how their time grows: %s', { timeout: 30_000 }, (regex, pump, expected) => {
    const [short = '', long = ''] = [SHORT, SHORT * FACTOR].map((length) => `${pump.repeat(length)}!`);
    expect(isSlow(regex, { short, long })).toBe(expected);
  });

  it('take a time that grows with the length and no faster', { timeout: 30_000 }, () => {
    const slow = literals.flatMap((literal) => {
      const [text] = findSlow(literal);
      return text === undefined
        ? []
        : [`${literal.path}: ${literal.regex} on ${JSON.stringify(text.slice(0, 20))}…`];
    });
    expect(slow).toEqual([]);
  });
});
