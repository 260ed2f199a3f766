import { expect, it } from 'vitest';
import { findSqlState, isDataError } from '../../../src/db/data-error.ts';
import { AppError } from '../../../src/lib/errors.ts';

it.each([
  ['a value out of range', { code: '22003' }, true],
  ['a NUL in text', { code: '22P05' }, true],
  ['a broken constraint', { code: '23505' }, true],
  ['an index row that is too long', { code: '54000' }, true],
  ['an event without a shape', new AppError('VALIDATION_FAILED'), true],
  ['a shutdown', { code: '57P01' }, false],
  ['a full disk', { code: '53100' }, false],
  ['a deadlock', { code: '40P01' }, false],
  ['a standby', { code: '25006' }, false],
  ['a missing column', { code: '42703' }, false],
  ['a refused connection', { code: 'ECONNREFUSED' }, false],
  ['a broken connection', new Error('Connection terminated unexpectedly'), false],
  ['a driver that was closed', new TypeError('x'), false],
  ['a string', 'gone', false],
])('blames the data or the store: %s', (_, thrown, blamesData) => {
  expect(isDataError(thrown)).toBe(blamesData);
});

it('finds the SQLSTATE only where there is one', () => {
  expect(findSqlState({ code: '22003' })).toBe('22003');
  expect(findSqlState({ code: 'ECONNREFUSED' })).toBeUndefined();
  expect(findSqlState(null)).toBeUndefined();
});
