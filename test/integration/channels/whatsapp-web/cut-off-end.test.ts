import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { checkMaySend } from '../../../../src/http/send-rule.ts';
import { PoolStage } from '../../../support/pool-stage.ts';

let stage: PoolStage;
let accountId: AccountId;

beforeAll(async () => {
  stage = await PoolStage.open();
  accountId = await stage.link(await stage.world.phone('shop'));
});
afterAll(() => stage[Symbol.asyncDispose]());

it('destroys at the next boot what a daemon was killed over that had begun to disconnect an account', async () => {
  await stage.pool[Symbol.asyncDispose]();
  expect(await readdir(stage.vaultPath)).toEqual([accountId]);
  // As the daemon that was killed had left them.
  await stage.store.saveState(accountId, { state: 'connected', reason: null });
  await stage.store.saveOver(accountId, parseInstanceId('test'));
  await stage.reopen();
  await stage.pool.restore();
  expect(await stage.store.getAccount(accountId)).toMatchObject({
    state: 'disconnected',
    reason: 'user_disconnected',
  });
  await expect.poll(() => readdir(stage.vaultPath)).toEqual([]);
  await expect.poll(() => readdir(stage.livePath)).toEqual([]);
});

it('is not to be sent to before it is connected again', async () => {
  const account = await stage.store.getAccount(accountId);
  expect(() => checkMaySend(account)).toThrow(expect.objectContaining({ code: 'ACCOUNT_NOT_CONNECTED' }));
});

it('destroys at its boot what another instance was killed over that never comes back', async () => {
  const id = await stage.link(await stage.world.phone('other'));
  await stage.reopen();
  expect(await readdir(stage.vaultPath)).toEqual([id]);
  await stage.store.saveOver(id, parseInstanceId('gone'));
  await stage.pool.restore();
  // It waits for what its start began.
  await stage.reopen();
  expect(await readdir(stage.vaultPath)).toEqual([]);
});

it('asks for a new scan when the account is connected again', async () => {
  await stage.pool.start(accountId, { fresh: true });
  expect(await stage.qr(accountId)).not.toBe('');
});

it('shows a new code to whoever connects an account in the moment in which it is told that it was logged out', async () => {
  const phone = await stage.world.phone('unlinked');
  const unlinked = await stage.link(phone);
  const codes = stage.of(unlinked).qrs.length;
  await phone.logoutDevice();
  await stage.reached(unlinked, 'needs_human', 'logged_out');
  const { linked, wanted } = await stage.store.getAccount(unlinked);
  expect({ linked, wanted }).toEqual({ linked: false, wanted: false });
  await stage.pool.start(unlinked, { fresh: !linked });
  await stage.until('another QR code', () =>
    stage
      .of(unlinked)
      .qrs.slice(codes)
      .find((qr) => qr !== null),
  );
  expect(await stage.store.getAccount(unlinked)).toMatchObject({ wanted: true, linked: false });
  await stage.pool.disconnect(unlinked);
});

it('starts an account for whoever asks for that while it is being disconnected', async () => {
  await stage.pool.disconnect(accountId);
  const codes = stage.of(accountId).qrs.length;
  const ended = stage.pool.disconnect(accountId);
  await stage.pool.start(accountId, { fresh: true });
  await ended;
  await stage.until('another QR code', () =>
    stage
      .of(accountId)
      .qrs.slice(codes)
      .find((qr) => qr !== null),
  );
});
