import { expect, it } from 'vitest';
import { toStorable } from '../../../src/db/storable-text.ts';

it('replaces what PostgreSQL cannot hold, at any depth, in keys too', () => {
  const value = { text: 'a\0b', list: ['\ud800', { 'k\0': '\udc00x' }], size: 1, none: null };
  expect(toStorable(value)).toEqual({
    text: 'a\uFFFDb',
    list: ['\uFFFD', { 'k\uFFFD': '\uFFFDx' }],
    size: 1,
    none: null,
  });
});

it('leaves everything else as it is', () => {
  const value = { text: 'emoji 🎉, backslash \\u0000, quote "', nested: [{ deep: 'é' }] };
  expect(toStorable(value)).toEqual(value);
});
