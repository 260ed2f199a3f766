import { describe, expect, it } from 'vitest';
import { AppError, errnoOf, isAppError, toError } from '../../../src/lib/errors.ts';

describe('an AppError', () => {
  it('takes message, status and retry from the catalogue', () => {
    const error = new AppError('POOL_FULL');
    expect(error).toMatchObject({ code: 'POOL_FULL', status: 503, retry: 'backoff' });
    expect(error.message).toMatch(/session slots/);
  });

  it('keeps a more precise message, the details and the cause', () => {
    const cause = new Error('below');
    const error = new AppError('INTERNAL', { message: 'precise', details: [1], cause });
    expect(error).toMatchObject({ message: 'precise', details: [1], cause });
  });

  it('is told from others by its code', () => {
    const error: unknown = new AppError('NOT_FOUND');
    expect(isAppError(error)).toBe(true);
    expect(isAppError(error, 'NOT_FOUND')).toBe(true);
    expect(isAppError(error, 'INTERNAL')).toBe(false);
    expect(isAppError(new Error('x'))).toBe(false);
  });
});

describe('errnoOf', () => {
  it.each([
    [Object.assign(new Error('no such file'), { code: 'ENOENT' }), 'ENOENT'],
    [new Error('ENOENT'), undefined],
    ['ENOENT', undefined],
    [null, undefined],
  ])('of %s is %s', (thrown, code) => {
    expect(errnoOf(thrown)).toBe(code);
  });
});

describe('whatever was thrown', () => {
  const looped: Record<string, unknown> = {};
  looped.self = looped;

  it('is the same error if it was one', () => {
    const error = new Error('x');
    expect(toError(error)).toBe(error);
  });

  it.each([
    ['a string', 'auth timeout', 'auth timeout'],
    ['an object', { a: 1 }, 'A non-error was thrown: { a: 1 }'],
    ['nothing', undefined, 'A non-error was thrown: undefined'],
  ])('is an error that says so: %s', (_, thrown, message) => {
    expect(toError(thrown).message).toBe(message);
  });

  it.each([
    ['a loop', looped],
    ['a bigint', 1n],
  ])('is an error even if it cannot be written down: %s', (_, thrown) => {
    expect(toError(thrown)).toBeInstanceOf(Error);
  });
});
