import { rmSync } from 'node:fs';
import { chmod, mkdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findMachineBrowser } from '../../../../scripts/machine-browser.ts';
import { removeProfileLocks } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { writeLockingBrowser } from '../../../support/locking-browser.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { StagedAccount } from '../../../support/staged-account.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let stage: PoolStage;
const { executablePath } = findMachineBrowser();

beforeAll(async () => {
  folder = await openTemporaryFolder();
  stage = await PoolStage.open();
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function link(name: string): Promise<StagedAccount> {
  const phone = await stage.world.phone(name);
  const peer = await stage.world.phone('alice');
  return new StagedAccount(stage, { id: await stage.link(phone), phone, peer });
}

it.each([
  ['puts itself in its place', 'exec "$BROWSER" "$@"'],
  ['stays beside it', '"$BROWSER" "$@"'],
])('works with a script that starts the browser and %s, and leaves neither', async (title, line) => {
  const script = join(folder.path, `browser ${title}.sh`);
  await writeFile(script, `#!/bin/sh\nBROWSER='${executablePath}'\n${line}\n`);
  await chmod(script, 0o755);
  await stage.reopen({ executablePath: script });
  const phone = await stage.world.phone(title);
  const accountId = await stage.link(phone);
  await stage.reopen();
  expect(stage.browsers(accountId)).toEqual([]);
  await stage.pool.restore();
  await stage.connected(accountId, 2);
  for (const pid of stage.browsers(accountId).slice(0, 1)) process.kill(pid, 'SIGSTOP');
  await stage.pool.disconnect(accountId);
  expect(stage.browsers(accountId)).toEqual([]);
});

it('starts on a profile that another host has locked, and on one with a stale lock (F30)', async () => {
  await stage.reopen({ executablePath: await writeLockingBrowser(folder.path, executablePath) });
  const account = await link('locked');
  for (const [nth, lock] of ['another-host-1', `${hostname()}-4194304`].entries()) {
    // Killed over it, so that it lies open with the lock in it.
    await stage.reopen({ executablePath: join(folder.path, 'locking-browser') });
    await mkdir(stage.profilePath(account.id), { recursive: true });
    rmSync(join(stage.profilePath(account.id), 'SingletonLock'), { force: true });
    await symlink(lock, join(stage.profilePath(account.id), 'SingletonLock'));
    await stage.pool.restore();
    await account.comesBack(nth + 2);
  }
  expect(account.falls()).toEqual([]);
  await account.endsWell();
});

it('does not remove the lock of a process that lives (F29)', async () => {
  const profile = join(folder.path, 'profile');
  const lock = join(profile, 'SingletonLock');
  await mkdir(profile);
  await symlink(`${hostname()}-${process.pid}`, lock);
  removeProfileLocks(profile);
  expect(await readlink(lock)).toBe(`${hostname()}-${process.pid}`);
});

it('ends browsers that an earlier daemon left, before it starts its own on an unspoiled profile (A11, F28, F29)', async () => {
  await stage.reopen();
  const account = await link('orphaned');
  const [orphan] = account.roots();
  const before = stage.pool;
  const told = stage.log.next('A browser that outlived its daemon was ended');
  // A second pool on the same folder is what a daemon is whose predecessor was killed.
  await stage.replace();
  expect(await told).toMatchObject({ level: 'warn', fields: { profilePath: stage.profilePath(account.id) } });
  expect(stage.browsers(account.id)).not.toContain(orphan);
  await before[Symbol.asyncDispose]();
  await stage.pool.restore();
  await stage.until('a new connection', () => stage.pool.findConnected(account.id));
  await account.comesBack(stage.of(account.id).connections.length);
  expect(account.codes()).toBe(1);
  await stage.pool.disconnect(account.id);
});
