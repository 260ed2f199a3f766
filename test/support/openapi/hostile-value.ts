import fc, { type Arbitrary } from 'fast-check';

/** Texts that have broken something somewhere. */
const TEXTS = [
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

const NUMBERS = [0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, Number.MIN_VALUE];

/** A value where another was expected: of any type, at its edges, large, deep, and of any script. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, [], {}, [[]], [null], { length: 1 }, { toString: 1 }),
  fc.constantFrom<unknown>(...TEXTS),
  fc.constantFrom<unknown>(...NUMBERS),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.jsonValue({ maxDepth: 4 }),
  fc.integer({ min: 100, max: 2_000 }).map((depth) => nest(depth)),
  fc.integer({ min: 13, max: 3_000 }).map((length) => Array.from({ length }, (_, index) => index)),
);

export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...TEXTS),
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
