import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseInstanceId } from '../../../../src/accounts/ids.ts';
import { findBrowserProcesses } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { adoptAbandonedAccounts, openInstancePresence } from '../../../../src/db/instance-presence.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { silentLog as log } from '../../../support/silent-log.ts';
import { StagedAccount } from '../../../support/staged-account.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

const FIRST = parseInstanceId('test');
const SECOND = parseInstanceId('second');
const { signal } = new AbortController();

const stack = new AsyncDisposableStack();
let stage: PoolStage;

beforeAll(async () => {
  stage = stack.use(await PoolStage.open());
});
afterAll(() => stack.disposeAsync());

const show = (instanceId: typeof FIRST) =>
  openInstancePresence({ connection: stage.connection, instanceId, log });

it('a conflict with our own other instance, which has taken the account over, is told as no trouble (F18)', async () => {
  const phone = await stage.world.phone('shop');
  const alice = await stage.world.phone('alice');
  const firstPresence = await show(FIRST);
  stack.use(firstPresence);
  const account = new StagedAccount(stage, { id: await stage.link(phone), phone, peer: alice });
  await account.receives('to the first');
  const first = stage.pool;

  // The second comes up while the first can be seen, and leaves the account to it.
  stack.use(await show(SECOND));
  const adopt = () => adoptAbandonedAccounts(stage.db, SECOND, { signal, graceMs: 0 });
  expect(await adopt()).toEqual([]);
  // The first is cut off from where instances see each other; its browser goes on.
  await firstPresence[Symbol.asyncDispose]();
  expect(await adopt()).toEqual([{ from: FIRST, accounts: 1 }]);
  const told = stage.of(account.id).states.length;
  const logged = stage.log.lines.length;
  const folder = stack.use(await openTemporaryFolder());
  await stage.replace({ instance: { id: SECOND, livePath: folder.path } });
  stack.defer(() => first[Symbol.asyncDispose]());
  await stage.pool.restore();

  // WhatsApp tells the older of two browsers with one link that there is a conflict, which ends it.
  await account.comesBack(2);
  await stage.reached(account.id, 'connected', null, 2);
  await stage.until('rest', () => first.findStatus(account.id) === undefined);
  expect((await phone.view()).devices).toMatchObject([{ overlaps: 1 }]);
  expect(stage.browsers(account.id)).toEqual([]);
  expect(existsSync(stage.profilePath(account.id))).toBe(false);
  expect(findBrowserProcesses(profilePathOf(folder.path, account.id))).not.toEqual([]);

  // The account is the second's in every respect: nobody is told of a conflict, and nothing of the first is stored.
  expect(stage.of(account.id).alerts).toEqual([]);
  const worries = stage.log.lines.slice(logged).filter(({ level }) => level === 'warn' || level === 'error');
  expect(worries).toEqual([]);
  const states = stage.of(account.id).states.slice(told);
  expect(states.filter(({ state }) => state !== 'starting' && state !== 'syncing')).toEqual([
    { state: 'connected', reason: null },
  ]);
  expect(await stage.store.getAccount(account.id)).toMatchObject({
    state: 'connected',
    reason: null,
    wanted: true,
    linked: true,
    instanceId: SECOND,
  });
  expect(await stage.store.listWanted(FIRST)).toEqual([]);
  await account.receives('to the second');
  await stage.pool.disconnect(account.id);
});
