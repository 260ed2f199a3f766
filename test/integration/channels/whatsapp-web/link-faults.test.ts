import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSpec, Phone } from '../../../../simulator/client.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { isLongRun } from '../../../support/scale.ts';
import { StagedAccount } from '../../../support/staged-account.ts';

let stage: PoolStage;
let alice: Phone;
let account: StagedAccount;
let count = 0;

beforeAll(async () => {
  stage = await PoolStage.open();
  alice = await stage.world.phone('alice');
});

beforeEach(async () => {
  count += 1;
  const phone = await stage.world.phone(`linked-${count}`);
  account = new StagedAccount(stage, { id: await stage.link(phone), phone, peer: alice });
});

afterEach(() => account.endsWell());

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

/** Cases that differ little from others are for the long run. */
function more<T>(...cases: readonly T[]): readonly T[] {
  return isLongRun ? cases : [];
}

describe('an unlink on the phone', () => {
  const isLoggedOut = async () => {
    await stage.reached(account.id, 'needs_human', 'logged_out');
    expect(await stage.rested(account.id)).toMatchObject({
      state: 'needs_human',
      reason: 'logged_out',
      wanted: false,
      linked: false,
      qr: null,
    });
    expect(stage.browsers(account.id)).toEqual([]);
    expect(stage.hasProfile(account.id)).toBe(false);
  };
  const isLinkedAnew = async () => {
    await stage.pool.start(account.id, { fresh: true });
    const qr = await stage.until('a new QR', () => stage.of(account.id).qrs.filter(Boolean)[1]);
    await account.phone.scan(String(qr));
    await account.comesBack();
    await stage.reopen();
    await stage.pool.restore();
    await account.comesBack(3);
  };

  it('ends the session, leaves nothing, and a new scan lasts (A12, F19, F20)', async () => {
    await account.phone.logoutDevice();
    await isLoggedOut();
    expect((await stage.store.getAccount(account.id)).lastError).toContain('minutes after it was made');
    await isLinkedAnew();
  });

  it('that shows only as a state ends it as well (F21)', async () => {
    await account.phone.logoutDevice({ navigate: false });
    await isLoggedOut();
  });

  it('is survived by an end that crosses it (F20)', async () => {
    await Promise.all([account.phone.logoutDevice(), stage.reopen()]);
    expect(stage.browsers(account.id)).toEqual([]);
    await stage.pool.restore();
    await isLoggedOut();
  });

  it.each<[string, Extract<FaultSpec, { kind: 'refusal' }>]>([
    ['before anybody looks', { kind: 'refusal', mode: 'early' }],
    ['100 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 100 }],
    ['1000 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 1_000 }],
    ...more<[string, Extract<FaultSpec, { kind: 'refusal' }>]>(
      ['300 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 300 }],
      ['2500 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 2_500 }],
    ),
    ['by a state only', { kind: 'refusal', mode: 'state-only' }],
  ])('while it was down is learnt %s (F22)', async (_title, refusal) => {
    await stage.reopen();
    await account.phone.logoutDevice();
    await account.set(refusal);
    await stage.pool.restore();
    await isLoggedOut();
  });
});

it('is not lost with the storage of an opened profile: the vault is opened, and nobody scans (F22)', async () => {
  const codes = account.codes();
  const pids = stage.browsers(account.id);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  const databases = join(stage.profilePath(account.id), 'Default', 'IndexedDB');
  for (const name of await readdir(databases, { recursive: true }))
    if (/\.leveldb\/./.test(name)) await rm(join(databases, name));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await stage.reached(account.id, 'reconnecting', 'link_doubted');
  await account.comesBack();
  expect(account.falls().map(({ reason }) => reason)).toEqual(['browser_died', 'link_doubted']);
  expect(account.codes()).toBe(codes);
});

it('ends a link on WhatsApp when a user disconnects the account, and says so itself (F23)', async () => {
  await account.receives('before the end');
  await stage.pool.disconnect(account.id);
  await stage.world.waitFor({ unlinked: account.phone.name });
  expect(stage.of(account.id).states.at(-1)).toMatchObject({
    state: 'disconnected',
    reason: 'user_disconnected',
  });
  expect(await stage.store.getAccount(account.id)).toMatchObject({ wanted: false, linked: false });
});

describe('a conflict', () => {
  const conflict = () => account.phone.page({ do: 'state', state: 'CONFLICT' });

  it('is left to a person, who is told what to do: nothing takes the session over (F18)', async () => {
    const { logins = 0 } = (await account.phone.view()).devices[0] ?? {};
    await conflict();
    expect(await stage.rested(account.id)).toMatchObject({ state: 'needs_human', reason: 'replaced' });
    expect(stage.of(account.id).alerts).toMatchObject([{ kind: 'needs_human', reason: 'replaced' }]);
    expect((await account.phone.view()).devices[0]).toMatchObject({ logins, overlaps: 0 });
    await stage.pool.start(account.id);
    await account.comesBack();
  });

  it('lets a start that is asked for in that moment wait until the old browser is gone (F41)', async () => {
    // It stands still, so that it takes until it is killed to go.
    const [old = 0] = account.roots();
    await conflict();
    process.kill(old, 'SIGSTOP');
    await stage.pool.start(account.id);
    await account.comesBack();
    expect(account.roots()).toHaveLength(1);
    expect(account.roots()).not.toContain(old);
    expect((await account.phone.view()).devices[0]).toMatchObject({ overlaps: 0, maxLines: 1 });
  });
});

describe('a code that nobody scans', () => {
  const nthCode = (nth: number) =>
    stage.until(`code ${nth}`, () => stage.of(account.id).qrs.filter(Boolean)[nth - 1] ?? undefined);

  it('is replaced so often and no oftener; the count begins anew, and a late scan is as good (A7, F25)', async () => {
    await stage.pool.disconnect(account.id);
    await stage.reopen({ timings: { qrCodesBeforeGivingUp: 3 } });
    await stage.pool.start(account.id);
    for (const nth of [2, 3, 4]) {
      await nthCode(nth);
      await stage.world.rotateQr();
    }
    expect(await stage.rested(account.id)).toMatchObject({ state: 'disconnected', reason: 'qr_given_up' });
    expect(stage.browsers(account.id)).toEqual([]);

    await stage.pool.start(account.id);
    for (const nth of [5, 6]) {
      await nthCode(nth);
      await stage.world.rotateQr();
    }
    await account.phone.scan(await nthCode(7));
    await account.comesBack();
    await account.phone.logoutDevice();
    await stage.rested(account.id);

    await stage.pool.start(account.id, { fresh: true });
    await nthCode(8);
    await stage.world.rotateQr();
    await account.phone.scan(await nthCode(9));
    await account.comesBack(3);
  });
});
