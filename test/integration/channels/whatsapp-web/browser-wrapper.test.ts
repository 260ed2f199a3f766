import { chmod, mkdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findBrowser } from '../../../../src/channels/whatsapp-web/browser.ts';
import { removeProfileLocks } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let stage: PoolStage;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  stage = await PoolStage.open();
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

it.each([
  ['puts itself in its place', 'exec "$BROWSER" "$@"'],
  ['stays beside it', '"$BROWSER" "$@"'],
])('works with a script that starts the browser and %s, and leaves neither', async (title, line) => {
  const { executablePath } = findBrowser({ executablePath: null, headless: 'auto', extraArgs: [] });
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
  await stage.reopen();
  const phone = await stage.world.phone('locked');
  const accountId = await stage.link(phone);
  for (const [nth, lock] of ['another-host-1', `${hostname()}-4194304`].entries()) {
    await stage.reopen();
    await symlink(lock, join(stage.profilePath(accountId), 'SingletonLock'));
    await stage.pool.restore();
    await stage.connected(accountId, nth + 2);
  }
  await stage.pool.disconnect(accountId);
});

it('does not remove the lock of a process that lives (F29)', async () => {
  const profile = join(folder.path, 'profile');
  const lock = join(profile, 'SingletonLock');
  await mkdir(profile);
  await symlink(`${hostname()}-${process.pid}`, lock);
  removeProfileLocks(profile);
  expect(await readlink(lock)).toBe(`${hostname()}-${process.pid}`);
});

it('ends browsers that an earlier daemon left, before it starts its own (A11, F28)', async () => {
  await stage.reopen();
  const phone = await stage.world.phone('orphaned');
  const accountId = await stage.link(phone);
  const [orphan] = stage.browsers(accountId);
  const before = stage.pool;
  // A second pool on the same folder is what a daemon is whose predecessor was killed.
  await stage.replace();
  expect(stage.browsers(accountId)).not.toContain(orphan);
  await before[Symbol.asyncDispose]();
  await stage.pool.restore();
  await stage.until('a new connection', () => stage.pool.findConnected(accountId));
  await stage.pool.disconnect(accountId);
});
