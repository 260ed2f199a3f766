import { beforeEach, expect, it } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { makeMovedAccounts } from '../../../src/messages/moved-accounts.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const ONE = makeAccountId();
const TWO = makeAccountId();

let run: number | undefined;
let held: Set<AccountId>;
let moved: AccountId[];
let answers: PromiseWithResolvers<readonly AccountId[]>[];
let look: () => Promise<void>;

beforeEach(() => {
  [run, held, moved, answers] = [5, new Set(), [], []];
  look = makeMovedAccounts({
    list: () => [ONE, TWO],
    findRun: () => run,
    isHeldHere: (accountId) => held.has(accountId),
    findHeldElsewhere: () => {
      const answer = Promise.withResolvers<readonly AccountId[]>();
      answers.push(answer);
      return answer.promise;
    },
    onMoved: (accountId) => void moved.push(accountId),
    log,
  });
});

async function answered(...accountIds: readonly AccountId[]): Promise<void> {
  const looked = look();
  answers.at(-1)?.resolve(accountIds);
  await looked;
}

it('tells of the accounts that another instance holds', async () => {
  await answered(TWO);
  expect(moved).toEqual([TWO]);
});

it('does not take an account for moved that has come back while the answer was on its way', async () => {
  const looked = look();
  held.add(ONE);
  answers[0]?.resolve([ONE, TWO]);
  await looked;
  expect(moved).toEqual([TWO]);
});

it('does not take its own accounts for those of another once it has another run', async () => {
  const looked = look();
  run = 6;
  answers[0]?.resolve([ONE, TWO]);
  await looked;
  expect(moved).toEqual([]);
});

it('looks once at a time, and again after a look that failed', async () => {
  const looks = [look(), look()];
  expect(answers).toHaveLength(1);
  answers[0]?.reject(new Error('cut off'));
  await Promise.all(looks);
  await answered(ONE);
  expect(moved).toEqual([ONE]);
});
