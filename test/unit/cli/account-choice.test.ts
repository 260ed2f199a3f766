import { expect, it } from 'vitest';
import { chooseFrom } from '../../../src/cli/account-choice.ts';
import { makeAccountView } from '../../support/account-view.ts';

const accounts = [
  makeAccountView({ id: '1', displayName: 'Shop', phoneNumber: '+491700000001' }),
  makeAccountView({ id: '2', displayName: 'Support', phoneNumber: '+491700000002' }),
  makeAccountView({ id: '3', displayName: 'Shop' }),
  makeAccountView({ id: '4', displayName: null }),
];

it.each([
  ['Support', '2'],
  ['+491700000001', '1'],
  ['491700000002', '2'],
])('%s means account %s', (wanted, id) => {
  expect(chooseFrom(accounts, wanted).id).toBe(id);
});

it('a name that nobody has is not found', () => {
  expect(() => chooseFrom(accounts, 'shop')).toThrow(expect.objectContaining({ code: 'ACCOUNT_NOT_FOUND' }));
});

it('a name that several have is asked about, with their ids', () => {
  expect(() => chooseFrom(accounts, 'Shop')).toThrow(/1, 3/);
});
