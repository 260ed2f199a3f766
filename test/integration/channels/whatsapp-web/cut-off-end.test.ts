import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { PoolStage } from '../../../support/pool-stage.ts';

let stage: PoolStage;
let accountId: AccountId;

beforeAll(async () => {
  stage = await PoolStage.open();
  accountId = await stage.link(await stage.world.phone('shop'));
});
afterAll(() => stage[Symbol.asyncDispose]());

it('destroys at the next boot what a daemon was killed over that had begun to disconnect an account', async () => {
  await stage.reopen();
  expect(await readdir(stage.vaultPath)).toEqual([accountId]);
  await stage.store.saveOver(accountId, parseInstanceId('test'));
  await stage.pool.restore();
  expect(await readdir(stage.vaultPath)).toEqual([]);
  expect(await readdir(stage.livePath)).toEqual([]);
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
