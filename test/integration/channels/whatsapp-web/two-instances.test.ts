import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseInstanceId } from '../../../../src/accounts/ids.ts';
import { findBrowserProcesses } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { endRun } from '../../../../src/db/lease-store.ts';
import type { LeaseKeeper } from '../../../../src/instances/lease-keeper.ts';
import { LEASE_TERMS } from '../../../../src/instances/lease-terms.ts';
import { openTakingUp } from '../../../../src/instances/taking-up.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openShortLeases } from '../../../support/short-leases.ts';
import { silentLog as log } from '../../../support/silent-log.ts';
import { StagedAccount } from '../../../support/staged-account.ts';
import { openTcpDoor } from '../../../support/tcp-door.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

const FIRST = parseInstanceId('test');
const SECOND = parseInstanceId('second');
/** Of an instance that hears nothing of the others for as long as the test lasts. */
const DEAF = { ...LEASE_TERMS, sharedTermMs: 600_000, renewEveryMs: 600_000 };

const stack = new AsyncDisposableStack();
let stage: PoolStage;

beforeAll(async () => {
  stage = stack.use(await PoolStage.open());
});
afterAll(() => stack.disposeAsync());

/** The stage's pool stops with a lapse and goes on with what is free, as that of a daemon does. */
function wire(leases: LeaseKeeper): AsyncDisposable {
  const { pool } = stage;
  leases.onLapse(() => pool.stopAll());
  return openTakingUp({ leases, takeUp: (accountIds) => pool.takeUp(accountIds), log });
}

async function linkTwo(name: string): Promise<StagedAccount> {
  const phone = await stage.world.phone(name);
  const peer = await stage.world.phone(`${name}-peer`);
  return new StagedAccount(stage, { id: await stage.link(phone), phone, peer });
}

it('stops its sessions when its leases lapse, and brings them back with its next run', async () => {
  await using door = await openTcpDoor(stage.connection);
  const connection = { ...stage.connection, host: '127.0.0.1', port: door.port };
  await using leases = await openShortLeases({ db: stage.db, connection }, FIRST);
  await stage.reopen({ leases });
  await using _wired = wire(leases);
  const account = await linkTwo('lapsing');
  const before = leases.find(account.id);

  const lapsed = Promise.withResolvers<void>();
  leases.onLapse(lapsed.resolve);
  await door.shut();
  await lapsed.promise;
  expect(leases.find(account.id)).toBeUndefined();
  await vi.waitFor(() => expect(stage.pool.findStatus(account.id)).toBeUndefined(), { timeout: 30_000 });
  expect(stage.browsers(account.id)).toEqual([]);
  // Whoever comes back first goes on from here: that nobody wants it to rest was not to be written any more.
  expect(existsSync(stage.profilePath(account.id))).toBe(true);
  expect(await stage.store.getAccount(account.id)).toMatchObject({ state: 'connected', wanted: true });
  await expect(stage.pool.start(account.id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });

  await door.open();
  await account.comesBack(2);
  expect(leases.find(account.id)?.epoch).toBeGreaterThan(before?.epoch ?? 0);
  await stage.pool.disconnect(account.id);
  await stage.reopen();
});

/** An account of a first instance that an operator takes for dead, which it is not: a second one goes on with the account. */
async function takeForDead(name: string, { isFar }: { readonly isFar: boolean }) {
  const firstLeases = await openShortLeases(stage, FIRST, { terms: DEAF });
  stack.use(firstLeases);
  await stage.reopen({ leases: firstLeases });
  const account = await linkTwo(name);
  await account.receives('to the first');
  const first = stage.pool;
  const { run } = firstLeases;
  if (run === undefined) throw new Error('The first instance has no run.');

  // The second comes up while the first has its run, and leaves the account to it.
  const leases = stack.use(await openShortLeases(stage, SECOND));
  expect(await leases.freeAndListDue()).toEqual([]);
  expect(await endRun(stage.db, run)).toBe(true);
  const told = stage.of(account.id).states.length;
  const logged = stage.log.lines.length;
  const folder = stack.use(await openTemporaryFolder());
  // What lies open on another machine is not to be had.
  if (isFar) await stage.db.updateTable('accounts').set({ profile_places: [] }).execute();
  await stage.replace({ leases, instance: { id: SECOND, livePath: folder.path } });
  stack.defer(() => first[Symbol.asyncDispose]());
  const wired = stack.use(wire(leases));

  await account.comesBack(2);
  await stage.reached(account.id, 'connected', null, 2);
  await stage.until('rest', () => first.findStatus(account.id) === undefined);
  expect(stage.browsers(account.id)).toEqual([]);
  expect(existsSync(stage.profilePath(account.id))).toBe(false);
  expect(findBrowserProcesses(profilePathOf(folder.path, account.id))).not.toEqual([]);
  const end = async () => {
    await stage.pool.disconnect(account.id);
    await wired[Symbol.asyncDispose]();
    await leases[Symbol.asyncDispose]();
  };
  return {
    account,
    end,
    log: () => stage.log.lines.slice(logged),
    states: () => stage.of(account.id).states.slice(told),
  };
}

it('goes on with the profile of an instance on the same machine, whose browser is ended and does not come back', async () => {
  const { account, end, log: said } = await takeForDead('near', { isFar: false });
  expect((await account.phone.view()).devices).toMatchObject([{ overlaps: 0 }]);
  expect(said().filter(({ level }) => level === 'error')).toEqual([]);
  await account.receives('to the second');
  await end();
});

it('a conflict with our own other instance, which has taken the account over, is told as no trouble (F18)', async () => {
  const { account, end, log: said, states } = await takeForDead('shop', { isFar: true });
  // WhatsApp tells the older of two browsers with one link that there is a conflict, which ends it.
  expect((await account.phone.view()).devices).toMatchObject([{ overlaps: 1 }]);

  // The account is the second's in every respect: nobody is told of a conflict, and nothing of the first is stored.
  expect(stage.of(account.id).alerts).toEqual([]);
  expect(said().filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  expect(states().filter(({ state }) => state !== 'starting' && state !== 'syncing')).toEqual([
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
  await end();
});
