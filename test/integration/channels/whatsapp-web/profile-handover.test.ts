import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readProfileMark, writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import { FrailBackup } from '../../../support/frail-backup.ts';
import {
  cutOff,
  messagesOf,
  readPlaces,
  type VaultDaemon,
  VaultDaemons,
} from '../../../support/vault-daemons.ts';
import { VaultRoot } from '../../../support/vault-root.ts';

let root: VaultRoot;
let daemons: VaultDaemons;
/** It shares the database with others and stops, over a session that had gone on since it was sealed. */
let stopping: VaultDaemon;
/** Its copies in the database. */
let copies: FrailBackup;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  daemons = new VaultDaemons(await root.newPlaces());
  stopping = await daemons.leaveOpen({
    hasOthers: () => true,
    wrapBackup: (inner) => {
      copies = new FrailBackup(inner);
      return copies;
    },
  });
  return () => daemons[Symbol.asyncDispose]();
});

async function join(name: string): Promise<VaultDaemon> {
  const daemon = await daemons.open(name);
  await daemons.hold(daemon, name);
  return daemon;
}
const isOpen = () => existsSync(stopping.stage.profilePath);
const settle = () => stopping.stage.keeper.settle(new AbortController().signal);

describe('a profile that is sealed while others share the database', () => {
  it('is gone once its snapshot is entered and copied', async () => {
    await stopping.stage.putAway();
    expect(await stopping.stage.listRuntime()).toEqual([]);
    expect(await readPlaces(stopping)).toEqual([]);
    expect(stopping.stage.keeper.isCopied(stopping.stage.accountId)).toBe(true);
  });

  it('stays for the next holder if the database was cut off from the stop', async () => {
    cutOff(stopping);
    await stopping.stage.putAway();
    expect(isOpen()).toBe(true);
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(taker.stage.restoredFrom).toEqual([]);
    await taker.stage.store('further');
    await taker.stage.putAway();
    // What it had sealed is outdated then, and nothing of it is used.
    const back = await join('a');
    expect(await back.stage.takeOut()).toBe('further');
  });

  it('is used as it is by the next start of the same instance', async () => {
    cutOff(stopping);
    await stopping.stage.putAway();
    const again = await join('a');
    expect(await again.stage.takeOut()).toBe('gone on');
    expect(again.stage.restoredFrom).toEqual([]);
    await again.stage.store('back');
    await again.stage.putAway();
    expect(await (await join('b')).stage.takeOut()).toBe('back');
  });

  it('stays until there is a copy, where the stop is cut short before', async () => {
    copies.reach = 'none';
    await stopping.stage.putAway();
    expect(await stopping.stage.listIndex()).toEqual([2, 1]);
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(taker.stage.restoredFrom).toEqual([]);
  });

  it('goes on here if it is taken out while its snapshot is copied', async () => {
    const slow = Promise.withResolvers<void>();
    copies.slowness = slow.promise;
    const { keeper, accountId } = stopping.stage;
    await keeper.putAway(accountId);
    expect(await stopping.stage.takeOut()).toBe('gone on');
    slow.resolve();
    await keeper.copied();
    expect(isOpen()).toBe(true);
    expect(await readPlaces(stopping)).toEqual([stopping.stage.profilePath]);
  });

  it('is left alone once another instance has the account, whose copy came late', async () => {
    const slow = Promise.withResolvers<void>();
    copies.slowness = slow.promise;
    const { keeper, accountId } = stopping.stage;
    await keeper.putAway(accountId);
    await join('b');
    slow.resolve();
    await keeper.copied();
    expect(isOpen()).toBe(true);
  });

  it('is destroyed with its link while its snapshot is copied', async () => {
    const slow = Promise.withResolvers<void>();
    copies.slowness = slow.promise;
    const { keeper, accountId } = stopping.stage;
    await keeper.putAway(accountId);
    const destroyed = keeper.destroy(accountId);
    slow.resolve();
    await destroyed;
    await keeper.copied();
    expect(await stopping.stage.listRuntime()).toEqual([]);
    expect(await stopping.stage.takeOut()).toBe(null);
  });
});

describe('a snapshot that could not be copied', () => {
  it('is copied as soon as it can be, and its profile removed then', async () => {
    copies.reach = 'none';
    await stopping.stage.putAway();
    await settle();
    expect(isOpen()).toBe(true);
    copies.reach = 'all';
    await settle();
    expect(await stopping.stage.listDatabase()).toEqual([2, 1]);
    expect(await stopping.stage.listRuntime()).toEqual([]);
    expect(await readPlaces(stopping)).toEqual([]);
  });

  it('is entered as well, if the database was away', async () => {
    const heal = cutOff(stopping);
    await stopping.stage.putAway();
    await settle();
    heal();
    await settle();
    expect(await stopping.stage.listIndex()).toEqual([2, 1]);
    expect(await stopping.stage.listRuntime()).toEqual([]);
  });

  it('is copied for an instance that holds the account by now, which removes what lies open here', async () => {
    copies.reach = 'none';
    await stopping.stage.putAway();
    stopping.lease = undefined;
    await join('b');
    copies.reach = 'all';
    await settle();
    expect(await stopping.stage.listDatabase()).toEqual([2, 1]);
    expect(isOpen()).toBe(true);
  });

  it('is copied once: nothing is tried of what is done', async () => {
    await stopping.stage.putAway();
    const { begun } = copies;
    const said = messagesOf(stopping).length;
    await settle();
    expect([copies.begun, messagesOf(stopping).length]).toEqual([begun, said]);
  });
});

it('is not said to lie where it was brought under a lease that is over by then', async () => {
  const { index, accountId, profilePath } = stopping.stage;
  const { epoch = 0 } = stopping.lease ?? {};
  await daemons.hold(stopping, 'a');
  await expect(index.savePlaces(accountId, [profilePath], epoch)).rejects.toBeInstanceOf(LeaseLostError);
  await index.savePlaces(accountId, [profilePath], stopping.lease?.epoch);
});

describe('a profile on which a browser is about to be launched', () => {
  const requireOpen = () => stopping.stage.keeper.requireOpen(stopping.stage.accountId);
  const refused = () => expect(requireOpen()).rejects.toMatchObject({ code: 'SESSION_FAULT' });

  it('is there as it was taken out, also under a later lease, or new', async () => {
    await requireOpen();
    await daemons.hold(stopping, 'a');
    await stopping.stage.takeOut();
    await requireOpen();
    await stopping.stage.keeper.destroy(stopping.stage.accountId);
    await refused();
    expect(await stopping.stage.takeOut()).toBe(null);
    await requireOpen();
  });

  it('is none if another instance has come for it, or somebody has removed it', async () => {
    await (await join('b')).stage.takeOut();
    await refused();
    await mkdir(stopping.stage.profilePath);
    await refused();
  });

  it('is none if it bears the mark of another generation, or of another lease', async () => {
    const { profilePath } = stopping.stage;
    const mark = await readProfileMark(profilePath);
    if (mark === undefined) throw new Error('The profile bears no mark.');
    for (const other of [{ generation: mark.generation + 1 }, { leaseEpochs: [1_000_000] }]) {
      await writeProfileMark(profilePath, { ...mark, ...other });
      await refused();
    }
  });
});
