import { expect, it } from 'vitest';
import { isDatabaseAway } from '../../../src/db/outage.ts';

it.each([
  [Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect' }), true],
  [Object.assign(new Error('no socket'), { code: 'ENOENT', syscall: 'connect' }), true],
  [Object.assign(new Error('no file'), { code: 'ENOENT', syscall: 'open' }), false],
  [Object.assign(new Error('shutdown'), { code: '57P01' }), true],
  [Object.assign(new Error('too many'), { code: '53300' }), true],
  [Object.assign(new Error('lost'), { code: '08006' }), true],
  [Object.assign(new Error('cancelled'), { code: '57014' }), false],
  [Object.assign(new Error('unique'), { code: '23505' }), false],
  [new Error('Connection terminated unexpectedly'), true],
  [new Error('timeout exceeded when trying to connect'), true],
  [new TypeError('x is undefined'), false],
  ['a string', false],
])('%s: %s', (thrown, away) => {
  expect(isDatabaseAway(thrown)).toBe(away);
});
