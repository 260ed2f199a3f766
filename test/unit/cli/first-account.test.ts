import { expect, it } from 'vitest';
import { parseAccountId } from '../../../src/accounts/ids.ts';
import { describeUnlinked } from '../../../src/cli/first-account.ts';

const account = (nth: number, displayName: string | null = `Shop ${nth}`) => ({
  id: parseAccountId(`${nth}1111111-1111-4111-8111-111111111111`),
  displayName,
});

it('names the command that links the only account that is not linked', () => {
  expect(describeUnlinked([], 'cli')).toBe('');
  expect(describeUnlinked([account(1)], 'cli')).toBe(
    `1 account is not linked: cli link --account ${account(1).id}\n`,
  );
});

it('lists several, and counts the rest', () => {
  const accounts = [1, 2, 3, 4, 5, 6, 7].map((nth) => account(nth, nth === 2 ? null : undefined));
  const lines = describeUnlinked(accounts, 'cli').split('\n');
  expect(lines[0]).toBe('7 accounts are not linked:');
  expect(lines[1]).toBe(`  Shop 1: cli link --account ${account(1).id}`);
  expect(lines[2]).toBe(`  Account ${account(2).id}: cli link --account ${account(2).id}`);
  expect(lines.slice(6)).toEqual(['  and 2 more: cli accounts', '']);
});
