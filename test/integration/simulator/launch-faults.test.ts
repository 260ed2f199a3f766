import { readlinkSync, rmSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { findMachineBrowser } from '../../../scripts/machine-browser.ts';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { writeLockingBrowser } from '../../support/locking-browser.ts';
import { killBareBrowser } from '../../support/process-tree.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { BareProcess } from './bare-process.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let folder: TemporaryFolder;
let simulator: Simulator;
let profile: Profile;
let shop: Phone;
let alice: Phone;
/** A browser that minds the lock of its profile. */
let executablePath: string;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  executablePath = await writeLockingBrowser(folder.path, findMachineBrowser().executablePath);
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  await using driven = new DrivenClient(simulator, profile);
  await driven.link(shop);
});

afterEach(async () => {
  await simulator.world.faults.clear();
});

afterAll(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const bareClient = () => new BareProcess(simulator, profile, { executablePath, authTimeoutMs: 3_000 });
const lock = () => join(profile.path, 'session', 'SingletonLock');

async function receives(text: string): Promise<void> {
  const { id } = await alice.send(shop, text);
  await simulator.world.waitFor({ receipted: id, phone: shop.name });
}

it('keeps a second client from a profile, whose first goes on (F31)', async () => {
  await using first = await bareClient().ready();
  await using second = bareClient();
  await expect(second.call({ do: 'initialize' })).rejects.toThrow('already running');
  await receives('to the first');
  expect(first.isAlive).toBe(true);
});

it('leaves a browser that takes messages and holds the profile (A11, F28), which no removed lock gives back (F29)', async () => {
  await using killed = await bareClient().ready();
  killed.kill('SIGKILL');
  await killed.ended;
  await receives('to nobody');
  expect(killed.browsers()).not.toEqual([]);
  await using next = bareClient();
  await expect(next.call({ do: 'initialize' })).rejects.toThrow('already running');

  rmSync(lock());
  await using third = bareClient();
  await expect(third.call({ do: 'initialize' })).rejects.toThrow('auth timeout');

  await killBareBrowser(join(profile.path, 'session'));
  await using fourth = await bareClient().ready();
  expect(fourth.events.of('qr')).toEqual([]);
  expect(readlinkSync(lock())).toMatch(`${hostname()}-`);
});

it('does not start on a profile that another host has locked (F30)', async () => {
  rmSync(lock(), { force: true });
  await symlink('another-host-1', lock());
  await using bare = bareClient();
  await expect(bare.call({ do: 'initialize' })).rejects.toThrow('Failed to launch the browser process');
  expect(bare.browsers()).toEqual([]);
  rmSync(lock());
});

it('kills its browser by itself at SIGTERM, and the program goes on without one (F32)', async () => {
  await using bare = await bareClient().ready();
  bare.kill('SIGTERM');
  await simulator.world.waitFor({ away: shop.name });
  await bare.call({ do: 'destroy' });
  expect(bare.isAlive).toBe(true);
  await expect.poll(() => bare.browsers()).toEqual([]);
});

it('kills its browser, and ends the program whatever that is doing, at SIGINT (F32)', async () => {
  await using bare = await bareClient().ready();
  bare.kill('SIGINT');
  expect(await bare.ended).toMatchObject({ code: 130 });
  await expect.poll(() => bare.browsers()).toEqual([]);
});

it('does nothing about a browser that is still being launched when it is told to close (F27)', async () => {
  await using bare = bareClient();
  const starting = bare.call({ do: 'initialize' });
  await bare.call({ do: 'destroy' });
  await starting;
  await bare.events.when('ready');
  expect(bare.browsers()).not.toEqual([]);
});

it('writes into the working directory between link and ready: where it cannot, it is never ready (A21)', async () => {
  await using cwd = await openTemporaryFolder();
  await writeFile(join(cwd.path, '.wwebjs_cache'), 'in the way, for root too');
  await using bare = new BareProcess(simulator, profile, {
    webVersionCache: { type: 'local' },
    cwd: cwd.path,
  });
  await bare.call({ do: 'initialize' });
  await bare.events.when('authenticated');
  const getReady = bare.call({ do: 'evaluate', expression: 'window.onAppStateHasSyncedEvent()' });
  await expect(getReady).rejects.toThrow(/wwebjs_cache/);
  expect(bare.events.of('ready')).toEqual([]);
});

it('leaves those of many that a busy machine kept from listening in time without ready, and says nothing (A19)', async () => {
  // What the machine does to six of ten is done here to one of two: its page has synced before the library listens.
  await using other = await Profile.open();
  await using fast = new DrivenClient(simulator, other);
  const neighbour = await simulator.world.phone('neighbour');
  await simulator.world.faults.set({ kind: 'sync', mode: 'before-injection', phone: shop.name });
  await using slow = new DrivenClient(simulator, profile);
  await Promise.all([fast.link(neighbour), slow.client.initialize()]);
  expect(await slow.client.getState()).toBe('CONNECTED');
  expect(await slow.evaluate(`window.require('WAWebSocketModel').Socket.hasSynced`)).toBe(true);
  for (const name of ['authenticated', 'ready', 'disconnected', 'auth_failure'] as const) {
    expect(slow.events.of(name)).toEqual([]);
  }
});
