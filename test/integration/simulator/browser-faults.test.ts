import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { findBareBrowser } from '../../support/process-tree.ts';
import { DrivenClient, Profile, puppeteerOptions } from './driven-client.ts';

/** How long a call into a page that hangs is waited for; three minutes where nobody says otherwise. */
const PROTOCOL_TIMEOUT_MS = 4_000;

let simulator: Simulator;
let profile: Profile;
let shop: Phone;
let alice: Phone;
let driven: DrivenClient;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  await using first = new DrivenClient(simulator, profile);
  await first.link(shop);
});

beforeEach(async () => {
  driven = new DrivenClient(simulator, profile, {
    puppeteer: puppeteerOptions(simulator, profile, PROTOCOL_TIMEOUT_MS),
  });
  await driven.start();
});

afterEach(async () => {
  await simulator.world.faults.clear();
  await driven[Symbol.asyncDispose]();
  expect(browsers()).toEqual([]);
});

afterAll(async () => {
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

const browsers = () => findBareBrowser(join(profile.path, 'session'));

function signalRenderers(signal: NodeJS.Signals): void {
  const isRenderer = (pid: number) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer');
  for (const pid of browsers().filter(isRenderer)) process.kill(pid, signal);
}

/** Nothing was said of it to those who listen to the client. */
function saidNothing(): void {
  for (const name of ['disconnected', 'change_state', 'auth_failure'] as const) {
    expect(driven.events.of(name)).toEqual([]);
  }
  expect(driven.events.of('ready')).toHaveLength(1);
}

const hangs = () => expect(driven.client.getState()).rejects.toThrow(/timed out|Target crashed/);

it('says nothing when the browser is killed (A10, F7)', async () => {
  const gone = new Promise((resolve) => driven.client.pupBrowser?.once('disconnected', resolve));
  driven.client.pupBrowser?.process()?.kill('SIGKILL');
  await gone;
  await expect(driven.client.sendMessage(alice.jid, 'x')).rejects.toThrow(/closed|detached/i);
  saidNothing();
});

it('says nothing when the page crashes, and calls hang (A10, F8)', async () => {
  const crashed = new Promise((resolve) => driven.client.pupPage?.once('error', resolve));
  signalRenderers('SIGKILL');
  await crashed;
  await hangs();
  expect(driven.client.pupBrowser?.connected).toBe(true);
  expect(driven.client.pupPage?.isClosed()).toBe(false);
  saidNothing();
});

it('says nothing when the page stands still, and calls hang (F9)', async () => {
  signalRenderers('SIGSTOP');
  await hangs();
  saidNothing();
  signalRenderers('SIGCONT');
});

it('says nothing when the page reloads and its server hangs, and calls hang (F15)', async () => {
  const fault = await simulator.world.faults.set({ kind: 'page', mode: 'hang', count: 1 });
  await shop.page({ do: 'reload' });
  await simulator.world.waitFor({ fault: fault.id, struck: 1 });
  await hangs();
  saidNothing();
});

it('closes a browser that stands still only when the driver gives up (A11, F10)', async () => {
  driven.client.pupBrowser?.process()?.kill('SIGSTOP');
  const begun = performance.now();
  await driven.client.destroy();
  expect(performance.now() - begun).toBeGreaterThan(PROTOCOL_TIMEOUT_MS * 0.95);
  saidNothing();
});

it('tells everything several times after navigations before the sync (F6)', async () => {
  const { logins = 0 } = (await shop.view()).devices[0] ?? {};
  const before = driven.injections;
  await simulator.world.faults.set({ kind: 'sync', mode: 'at', delayMs: 5_000 });
  await shop.page({ do: 'reload' });
  await simulator.world.waitFor({ logins: logins + 1, phone: shop.name });
  await shop.page({ do: 'push-state', times: 2 });
  await driven.injected(before + 3);
  await driven.events.when('ready', () => driven.events.of('ready').length >= 4);
  await alice.send(shop, 'told thrice');
  await driven.events.when('message', () => driven.events.texts().length >= 3);
  expect(new Set(driven.events.texts())).toEqual(new Set(['told thrice']));
});

it('deletes the profile of a logout under its browser: a scan there does not outlast a restart (A12, F19)', async () => {
  const marker = join(profile.path, 'session', 'marker');
  await writeFile(marker, 'a part of the profile');
  const pids = browsers();
  await shop.logoutDevice();
  await driven.events.when('disconnected');
  const [qr] = await driven.events.when('qr');
  expect(existsSync(marker)).toBe(false);
  expect(browsers()[0]).toBe(pids[0]);
  await shop.scan(String(qr));
  await driven.events.when('ready', () => driven.events.of('ready').length === 2);
  await driven[Symbol.asyncDispose]();
  await using again = new DrivenClient(simulator, profile);
  await again.client.initialize();
  await again.events.when('qr');
});
