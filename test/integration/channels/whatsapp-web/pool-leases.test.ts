import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import type { SnapshotBackup } from '../../../../src/vault/snapshot-backup.ts';
import { BarePool } from '../../../support/bare-pool.ts';
import { FrailBackup } from '../../../support/frail-backup.ts';
import { giveTo, insertRun } from '../../../support/instance-rows.ts';
import { makeProfileSample } from '../../../support/profile-sample.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const NOWHERE: SnapshotBackup = {
  name: 's3',
  save: async () => undefined,
  remove: async () => undefined,
  async *read() {
    yield* [];
  },
};

let folder: TemporaryFolder;
let bare: BarePool;
let backup: FrailBackup;
let accountId: AccountId;
/** Written by the browser that is launched. */
const launched = () => join(folder.path, 'launched');

beforeEach(async () => {
  folder = await openTemporaryFolder();
  const executablePath = join(folder.path, 'browser');
  await writeFile(executablePath, `#!/bin/sh\ntouch '${launched()}'\n`);
  await chmod(executablePath, 0o755);
  backup = new FrailBackup(NOWHERE);
  const settings = { executablePath, backups: [backup] };
  bare = await BarePool.open(settings);
  accountId = await bare.create();
});
afterEach(async () => {
  await bare[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

it('launches a browser under the lease of its account', async () => {
  await bare.pool.start(accountId);
  expect(bare.leases.held).toEqual([accountId]);
  await vi.waitFor(() => expect(existsSync(launched())).toBe(true), { timeout: 20_000 });
  await bare.pool.disconnect(accountId);
});

it('launches none once the lease is over, though nobody has told the session', async () => {
  const opening = bare.profiles.hold('takeOut');
  await bare.pool.start(accountId);
  await opening.reached;
  bare.leases.lapse();
  opening.go();
  await vi.waitFor(() => expect(bare.pool.findStatus(accountId)).toBeUndefined());
  expect(await bare.history(accountId)).not.toContain('reconnecting launch_failed');
  expect(existsSync(launched())).toBe(false);
});

it('launches none on a profile that is gone by then, but has it opened again', async () => {
  bare.profiles.pass('requireOpen');
  const looking = bare.profiles.hold('requireOpen');
  await bare.pool.start(accountId);
  await looking.reached;
  await rm(profilePathOf(bare.runtimePath, accountId), { recursive: true });
  const opening = bare.profiles.hold('takeOut');
  looking.go();
  await opening.reached;
  expect(existsSync(launched())).toBe(false);
  // The session does not wait for its state to be stored before it opens the profile again.
  await bare.state(accountId, 'reconnecting');
  expect(await bare.history(accountId)).toContain('reconnecting launch_failed');
  opening.go();
  await vi.waitFor(() => expect(existsSync(launched())).toBe(true), { timeout: 20_000 });
  await bare.pool.disconnect(accountId);
});

it('begins no session if the lease ends while its start is stored, though all were told to stop before', async () => {
  const storing = bare.store.hold('saveStart');
  const started = bare.pool.start(accountId);
  await storing.reached;
  bare.leases.lapse();
  bare.pool.stopAll();
  storing.go();
  await expect(started).rejects.toBeInstanceOf(LeaseLostError);
  expect(bare.pool.findStatus(accountId)).toBeUndefined();
  expect(bare.steps).toEqual([]);
});

it('ends a session that loses its lease while its profile is opened', async () => {
  bare.profiles.fail('takeOut', new LeaseLostError());
  await bare.pool.start(accountId);
  await vi.waitFor(() => expect(bare.pool.findStatus(accountId)).toBeUndefined());
  expect(existsSync(launched())).toBe(false);
});

it('refuses to start an account whose lease it does not get, and stores nothing of it', async () => {
  bare.leases.refuse();
  await expect(bare.pool.start(accountId)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await bare.history(accountId)).toEqual([]);
  expect(bare.pool.findStatus(accountId)).toBeUndefined();
});

it('keeps the lease of an account while a browser of it lives that could not be ended', async () => {
  const marks = [
    '--user-data-dir=/nowhere',
    `--switchboard-account=${accountId}`,
    '--switchboard-instance=test',
  ];
  const browser = spawn('sh', ['-c', 'echo up; read line', 'sh', ...marks]);
  onTestFinished(() => void browser.kill('SIGKILL'));
  await once(browser.stdout, 'data');
  await bare.pool.start(accountId);
  await bare.pool.disconnect(accountId);
  const kept = 'An account is kept since its browser could not be ended';
  await vi.waitFor(() => expect(bare.log.lines.map(({ message }) => message)).toContain(kept));
  expect(bare.leases.held).toEqual([accountId]);
  browser.kill('SIGKILL');
  await once(browser, 'exit');
  await bare.pool.takeUp([accountId]);
  await vi.waitFor(() => expect(bare.leases.held).toEqual([]));
});

describe('a lease whose session was sealed', () => {
  let go: () => void;

  /** A linked session runs, and copies of what it leaves take their time. */
  beforeEach(async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    backup.slowness = promise;
    go = resolve;
    await bare.profiles.face.takeOut(accountId);
    await makeProfileSample(profilePathOf(bare.runtimePath, accountId), 'linked');
    await bare.db.updateTable('accounts').set({ linked: true }).where('id', '=', accountId).execute();
    await bare.pool.start(accountId);
  });
  const copying = () => vi.waitFor(() => expect(backup.begun).toBe(1));
  const released = () => vi.waitFor(() => expect(bare.leases.held).toEqual([]));

  it('is given back only once others find the last copy', async () => {
    await bare.pool.release(accountId);
    await copying();
    expect(bare.leases.held).toEqual([accountId]);
    go();
    await released();
    expect(backup.saves).toBe(1);
  });

  it('is given back by a stop only then, too', async () => {
    const stopped = bare.pool[Symbol.asyncDispose]();
    await copying();
    expect(bare.leases.held).toEqual([accountId]);
    go();
    await stopped;
    await released();
    expect(backup.saves).toBe(1);
  });
});

it('takes up what it can while another account is being started, or ended', async () => {
  const [ending, second] = [await bare.create(), await bare.create()];
  await bare.db.updateTable('accounts').set({ wanted: true }).execute();
  const destroying = bare.profiles.hold('destroy');
  const ended = bare.pool.disconnect(ending);
  await destroying.reached;
  const storing = bare.store.hold('saveStart');
  const taken = bare.pool.takeUp([ending, accountId, second]);
  await storing.reached;
  // Whichever of the two came to be stored first, the other one does not wait for it.
  await Promise.any([accountId, second].map((id) => bare.state(id, 'starting')));
  storing.go();
  // Nor is the one waited for that is ended.
  await taken;
  for (const id of [accountId, second]) expect(await bare.history(id)).toContain('starting');
  destroying.go();
  await ended;
  expect(await bare.history(ending)).toEqual(['disconnected user_disconnected']);
  bare.pool.stopAll();
});

it('leaves no profile open of an account that another instance has taken after a lapse, once that uses one', async () => {
  const kept = await bare.create();
  const areOpen = () => [accountId, kept].map((id) => existsSync(profilePathOf(bare.runtimePath, id)));
  for (const id of [accountId, kept]) await bare.profiles.face.takeOut(id);
  await giveTo(bare.db, accountId, await insertRun(bare.db, 'second'));
  await bare.pool.takeUp([]);
  expect(areOpen()).toEqual([true, true]);
  await bare.db.updateTable('accounts').set({ profile_epoch: 1_000 }).where('id', '=', accountId).execute();
  await bare.pool.takeUp([]);
  expect(areOpen()).toEqual([false, true]);
});

it('is exported for good, also if a tick falls into that', async () => {
  await bare.profiles.face.takeOut(accountId);
  await makeProfileSample(profilePathOf(bare.runtimePath, accountId), 'linked');
  const set = { linked: true, wanted: true };
  await bare.db.updateTable('accounts').set(set).where('id', '=', accountId).execute();
  const sealing = bare.profiles.hold('seal');
  const exported = bare.pool.release(accountId);
  await sealing.reached;
  const taken = bare.pool.takeUp([accountId]);
  sealing.go();
  await Promise.all([exported, taken]);
  expect(await bare.history(accountId)).toEqual(['disconnected exported']);
  expect(bare.pool.findStatus(accountId)).toBeUndefined();
});
