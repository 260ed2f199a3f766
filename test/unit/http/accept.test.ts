import { expect, it } from 'vitest';
import { chooseType } from '../../../src/http/accept.ts';

const OFFERED = ['application/json', 'image/png', 'image/svg+xml', 'text/plain'] as const;

it.each([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['image/png', 'image/png'],
  ['IMAGE/PNG', 'image/png'],
  ['image/*', 'image/png'],
  ['text/plain', 'text/plain'],
  ['text/html, */*;q=0.8', 'application/json'],
  ['image/svg+xml,image/*,*/*;q=0.8', 'image/svg+xml'],
  ['image/png;q=0.5, text/plain;q=0.9', 'text/plain'],
  ['image/png;q=0, image/*', 'image/svg+xml'],
  ['application/xml', 'application/json'],
  ['image/png;q=nonsense', 'application/json'],
])('%s gets %s', (accept, type) => {
  expect(chooseType(accept, OFFERED)).toBe(type);
});
