import { describe, expect, it } from 'vitest';
import { makeMessageId } from '../../../src/accounts/ids.ts';
import { AppError } from '../../../src/lib/errors.ts';
import {
  type BulkOutcome,
  findCommonError,
  isFault,
  isFinal,
  itemKeyOf,
  outcomesToStored,
  storedToOutcomes,
} from '../../../src/messages/bulk-outcome.ts';

const accepted: BulkOutcome = { kind: 'accepted', messageId: makeMessageId(0), status: 'pending' };
const rejected = (error: Error): BulkOutcome => ({ kind: 'rejected', error });
const full = rejected(new AppError('DAILY_LIMIT_EXCEEDED', { details: { dailyLimit: 1 } }));
const invalid = rejected(new AppError('VALIDATION_FAILED'));
const offline = rejected(new AppError('ACCOUNT_NOT_CONNECTED'));
const away = rejected(new AppError('UNAVAILABLE'));
const broken = rejected(new Error('broken'));

describe('the outcome of an item', () => {
  it.each([
    ['accepted', accepted, true, false],
    ['not valid', invalid, true, false],
    ['over the limit', full, true, false],
    ['of an account that rests', offline, false, false],
    ['in progress elsewhere', rejected(new AppError('IDEMPOTENCY_IN_PROGRESS')), false, false],
    ['of a store that is away', away, false, true],
    ['of a fault', broken, false, true],
  ])('%s', (_what, outcome, final, fault) => {
    expect([isFinal(outcome), isFault(outcome)]).toEqual([final, fault]);
  });

  it('comes back as it was stored', () => {
    const outcomes = [accepted, full, invalid];
    expect(storedToOutcomes(JSON.parse(JSON.stringify(outcomesToStored(outcomes))))).toEqual(outcomes);
    expect(() => outcomesToStored([broken])).toThrow(TypeError);
  });
});

describe('the error of all items', () => {
  it.each<[string, BulkOutcome[], BulkOutcome | undefined]>([
    ['none of nothing', [], undefined],
    ['none if something was accepted', [accepted, away], undefined],
    ['none if each has its own', [invalid, away], undefined],
    ['none if it is about each', [invalid, invalid], undefined],
    ['none if the day is full', [full, full], undefined],
    ['the state of the account', [offline, offline], offline],
    ['the fault that all met', [away, away], away],
    ['the fault without a name', [broken, broken], broken],
  ])('is %s', (_what, outcomes, common) => {
    const error = common?.kind === 'rejected' ? common.error : undefined;
    expect(findCommonError(outcomes)).toBe(error);
  });
});

it('gives each item a key that no client can give', () => {
  const keys = [
    itemKeyOf('a', 1),
    itemKeyOf('a', 2),
    itemKeyOf('b', 1),
    itemKeyOf('2 a', 1),
    itemKeyOf('1 2 a', 1),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).not.toMatch(/^[\x20-\x7e]{1,255}$/);
});
