import { expect, it } from 'vitest';
import { addressToUrl } from '../../../src/cli/daemon-address.ts';

it.each([
  ['127.0.0.1', 3000, 'http://127.0.0.1:3000'],
  ['0.0.0.0', 80, 'http://127.0.0.1:80'],
  ['::', 3000, 'http://[::1]:3000'],
  ['::1', 3000, 'http://[::1]:3000'],
  ['box.lan', 3000, 'http://box.lan:3000'],
])('a daemon on %s port %i is reached at %s', (host, port, url) => {
  expect(addressToUrl(host, port)).toBe(url);
});
