import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  findBrowserProcesses,
  findProfilesInUse,
  identifyProcess,
  killBrowserProcesses,
  killSeen,
  lookAtBrowser,
} from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { listTree } from '../../../support/process-tree.ts';
import { silentLog } from '../../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

let folder: TemporaryFolder;
let profile: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await openTemporaryFolder();
  profile = `${folder.path}/my data/session-1`;
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // It is gone with all of its group.
    }
  }
  await folder[Symbol.asyncDispose]();
});

/** A process with one child, the leader of its group, on whose command line these arguments are; its number. */
async function start(args: readonly string[], script = 'sleep 600 & echo up; wait'): Promise<number> {
  const child = spawn('sh', ['-c', script, 'sh', ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

const startBrowser = (script?: string) =>
  start(['--type=main', `--user-data-dir=${profile}`, '--switchboard-account=1'], script);

/** What is dead, but not waited for, is gone. */
const isAlive = (pid: number) => listTree(pid).some((entry) => entry.pid === pid && !entry.zombie);

it('finds a browser and its children by whole arguments, whatever is in their path', async () => {
  const browser = await startBrowser();
  expect(findBrowserProcesses(profile)).toHaveLength(2);
  expect(findBrowserProcesses(profile)).toContain(browser);
  expect(findBrowserProcesses(`${folder.path}/my`)).toEqual([]);
  expect(findBrowserProcesses(profile.slice(0, -1))).toEqual([]);
  expect(findProfilesInUse(`${folder.path}/my data`)).toEqual([profile]);
});

it.each(['data', 'my data of two  words'])('ends the browser of one profile in "%s" alone', async (name) => {
  const root = join(folder.path, name, 'live');
  const profiles = ['session-1', 'session-2'].map((each) => join(root, each));
  const browsers: number[] = [];
  for (const path of profiles)
    browsers.push(await start([`--user-data-dir=${path}`, '--switchboard-account=1']));
  expect(findProfilesInUse(root).toSorted()).toEqual(profiles);
  expect(await killBrowserProcesses(join(root, 'session-1'))).toBe(true);
  expect(browsers.map(isAlive)).toEqual([false, true]);
  expect(findProfilesInUse(root)).toEqual([join(root, 'session-2')]);
});

it('leaves those alone that only speak of a profile', async () => {
  const bystanders = [
    await start([], `: --user-data-dir=${profile} --switchboard-account=1; echo up; sleep 600; :`),
    await start(['-f', '--', `--user-data-dir=${profile}`]),
    await start([`--user-data-dir=${profile} --switchboard-account=1`]),
    await start(['--switchboard-account=1', '--user-data-dir', profile]),
  ];
  const browser = await startBrowser();
  expect(await killBrowserProcesses(profile)).toBe(true);
  expect(isAlive(browser)).toBe(false);
  expect(bystanders.map(isAlive)).toEqual([true, true, true, true]);
});

it('kills what a browser that is known has left, and nothing that has got its number since', async () => {
  // The browser ends at once; its child stays.
  const leader = await startBrowser('sleep 600 & echo up; read line </dev/null; kill -KILL $$');
  const left = { pid: leader, startedAt: '1' };
  await expect.poll(() => isAlive(leader)).toBe(false);
  // The child has been a copy of the browser, until it became what it is.
  await expect.poll(() => findBrowserProcesses(profile)).toEqual([]);
  expect(findBrowserProcesses(profile, left)).toHaveLength(1);
  expect(await killBrowserProcesses(profile, { known: left })).toBe(true);
  expect(findBrowserProcesses(profile, left)).toEqual([]);

  const bystander = await start([]);
  const same = identifyProcess(bystander);
  const former = { pid: bystander, startedAt: `${Number(same?.startedAt) - 1}` };
  expect(await killBrowserProcesses(profile, { known: former })).toBe(false);
  expect(isAlive(bystander)).toBe(true);
  expect(findBrowserProcesses(profile, same)).toHaveLength(2);
});

it('kills the browser that was seen with all that it has started, and none that was launched since', async () => {
  const browser = await startBrowser();
  const seen = lookAtBrowser(profile);
  expect(seen).toHaveLength(2);
  const later = await startBrowser();
  expect(await killSeen(profile, seen)).toBe(true);
  expect([browser, later].map(isAlive)).toEqual([false, true]);
  expect(findBrowserProcesses(profile)).toHaveLength(2);
  expect(await killSeen(profile, seen)).toBe(false);
  expect(await killSeen(profile, lookAtBrowser(profile), { mayKill: () => false })).toBe(false);
  expect(isAlive(later)).toBe(true);
});

it.runIf(isRoot)('leaves a process of another user alone, says so, and waits for nothing', async () => {
  const browser = await startBrowser();
  const source = import.meta.resolve('../../../../src/channels/whatsapp-web/browser-process.ts');
  const script = `
    const { findBrowserProcesses, killBrowserProcesses } = await import(${JSON.stringify(source)});
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
    const lines = [];
    const log = { warn: (message, fields) => lines.push([message, fields.pid]) };
    const path = ${JSON.stringify(profile)};
    const since = performance.now();
    const killed = await killBrowserProcesses(path, { log });
    const found = findBrowserProcesses(path);
    console.log(JSON.stringify({ killed, found, lines, isQuick: performance.now() - since < 4_000 }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const told = JSON.parse(text) as { lines: [string, number][] };
  expect(told).toMatchObject({ killed: false, found: [], isQuick: true });
  expect(told.lines).toContainEqual(['A process of another user was not killed', browser]);
  expect(told.lines).toHaveLength(2);
  expect(isAlive(browser)).toBe(true);
  expect(await killBrowserProcesses(profile, { log: silentLog })).toBe(true);
});
