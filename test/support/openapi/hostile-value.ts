import fc, { type Arbitrary } from 'fast-check';

/** Texts that have broken something somewhere. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e\u2066',
  '\ufeff',
  '🏴\u200d☠️',
  'e\u0301'.repeat(50),
  '../../etc/passwd',
  "'; drop table messages; --",
  '%00%0d%0a',
  '{{7*7}}',
  'null',
  '-1',
  'NaN',
  '1e309',
  '00000000-0000-0000-0000-000000000000',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999+14:00',
  'x'.repeat(5_000),
  'ä'.repeat(70_000),
];

/** What looks like an instant of a cursor; the first is one. */
const CURSOR_INSTANTS = [
  '2026-01-31T08:00:00.000000Z',
  '2026-02-30T00:00:00.000000Z',
  '2026-06-31T23:59:59.999999Z',
  '0000-01-01T00:00:00.000000Z',
  '0001-01-01T00:00:00.000000Z',
  '9999-12-31T23:59:59.999999Z',
  '2026-01-31T24:00:00.000000Z',
  '2026-01-31T08:00:60.000000Z',
  '-',
  'infinity',
];

/** What looks like the place among those of one instant. */
const CURSOR_TIES = [
  '17',
  '999999999999999999',
  '9223372036854775808',
  '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10',
  '1@c.us',
  '1\u0000@c.us',
];

/** Cursors that decode to something, some of which a list may have handed out. */
export const MADE_UP_CURSORS: readonly string[] = CURSOR_INSTANTS.flatMap((at) =>
  CURSOR_TIES.map((tie) => Buffer.from(`${at} ${tie}`).toString('base64url')),
);

const NUMBERS = [0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, Number.MIN_VALUE];

/** A value where another was expected: of any type, at its edges, large, deep, and of any script. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, [], {}, [[]], [null], { length: 1 }, { toString: 1 }),
  fc.constantFrom<unknown>(...HOSTILE_TEXTS),
  fc.constantFrom<unknown>(...NUMBERS),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.jsonValue({ maxDepth: 4 }),
  fc.integer({ min: 100, max: 2_000 }).map((depth) => nest(depth)),
  fc.integer({ min: 13, max: 3_000 }).map((length) => Array.from({ length }, (_, index) => index)),
);

export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

/** Names of fields that nobody knows, among them those that every object has. */
export const strangeName: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '',
    '0',
    'id',
    'tenantId',
    '$where',
    'a.b',
    'a[]',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
);

function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let at = 0; at < depth; at += 1) value = at % 2 === 0 ? [value] : { a: value };
  return value;
}
