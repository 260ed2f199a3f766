import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  findProfilesInUse,
  killBrowserProcesses,
} from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let folder: TemporaryFolder;
const browsers: ChildProcess[] = [];

beforeEach(async () => {
  folder = await openTemporaryFolder();
});
afterEach(async () => {
  for (const { pid = 0 } of browsers.splice(0)) await killBrowserProcesses('none', [pid]);
  await folder[Symbol.asyncDispose]();
});

/** A process that has a profile on its command line, as a browser has. */
async function startBrowser(profilePath: string): Promise<ChildProcess> {
  const args = ['-c', 'sleep 600 & wait', 'sh', `--user-data-dir=${profilePath}`, '--no-first-run'];
  const browser = spawn('sh', args, { detached: true, stdio: 'ignore' });
  browsers.push(browser);
  await once(browser, 'spawn');
  await expect.poll(() => findProfilesInUse(join(profilePath, '..'))).not.toEqual([]);
  return browser;
}

it.each(['data', 'my data of two  words'])(
  'finds and ends the browsers of profiles in "%s"',
  async (name) => {
    const root = join(folder.path, name, 'live');
    await mkdir(root, { recursive: true });
    const profiles = ['session-1', 'session-2'].map((each) => join(root, each));
    const started = [];
    for (const profile of profiles) started.push(await startBrowser(profile));
    expect(findProfilesInUse(root).toSorted()).toEqual(profiles);
    const [first = ''] = profiles;
    const ended = once(started[0] as ChildProcess, 'exit');
    expect(await killBrowserProcesses(first)).toBe(true);
    await ended;
    expect(findProfilesInUse(root)).toEqual(profiles.slice(1));
  },
);
