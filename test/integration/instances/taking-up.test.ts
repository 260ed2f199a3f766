import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { LeaseKeeper } from '../../../src/instances/lease-keeper.ts';
import { openTakingUp } from '../../../src/instances/taking-up.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { BarePool } from '../../support/bare-pool.ts';
import { openShortLeases } from '../../support/short-leases.ts';

let stack: AsyncDisposableStack;
let bare: BarePool;
let leases: LeaseKeeper;
let accountId: AccountId;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  bare = stack.use(await BarePool.open());
  accountId = await bare.create();
  leases = stack.use(await openShortLeases(bare, parseInstanceId('test')));
  await bare.pool[Symbol.asyncDispose]();
  await bare.boot({ leases });
  stack.defer(() => bare.pool[Symbol.asyncDispose]());
});
afterEach(() => stack.disposeAsync());

const change = (set: { instance_id?: string; wanted?: boolean; linked?: boolean }) =>
  bare.db.updateTable('accounts').set(set).where('id', '=', accountId).execute();

/** Takes up what is free, as a daemon does. The function resolves after so many rounds more. */
function takeUp(): (rounds: number) => Promise<void> {
  let done = 0;
  let tell: () => void = () => undefined;
  stack.use(
    openTakingUp({
      leases,
      takeUp: async (accountIds) => {
        await bare.pool.takeUp(accountIds);
        done += 1;
        tell();
      },
      log: bare.log,
    }),
  );
  return async (rounds) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const last = done + rounds;
    tell = () => void (done >= last && resolve());
    await promise;
  };
}

const starts = async () => (await bare.history(accountId)).filter((entry) => entry === 'starting').length;

it('tries an account whose key is missing once, whoever had it since, until a user starts it', async () => {
  for (let each = 0; each < 10; each += 1)
    bare.profiles.fail('takeOut', new AppError('VAULT_KEY_MISSING', { message: 'No key.' }));
  await change({ wanted: true, linked: true, instance_id: 'test' });
  const rounds = takeUp();
  await bare.state(accountId, 'needs_human');
  await rounds(5);
  expect(await bare.history(accountId)).toEqual(['starting', 'needs_human key_missing']);
  // Another instance has no key either, and is gone.
  await change({ instance_id: 'second' });
  await rounds(8);
  expect(await starts()).toBe(1);
  expect(leases.held()).toEqual([]);

  await bare.pool.start(accountId);
  await bare.state(accountId, 'needs_human');
  await rounds(5);
  expect(await starts()).toBe(2);
});
