import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeAccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { findBrowserProcesses } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { ProcessFamilies } from '../../../../src/channels/whatsapp-web/process-families.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { WhatsAppClient } from '../../../../src/channels/whatsapp-web/whatsapp-client.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { AppError } from '../../../../src/lib/errors.ts';
import { noGuard } from '../../../support/no-guard.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

const accountId = makeAccountId();
const CLOSE_MS = 300;

let folder: AsyncDisposable & { readonly path: string };
let profilePath: string;
let log: RecordingLogger;
let survivors: number;
/** Another instance may have the account. */
let isLost: boolean;
/** The profile does not lie where it was opened. */
let isTaken: boolean;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  for (const name of ['live', 'tmp']) await mkdir(join(folder.path, name));
  profilePath = profilePathOf(join(folder.path, 'live'), accountId);
  log = new RecordingLogger();
  survivors = 0;
  isLost = false;
  isTaken = false;
});
afterEach(() => folder[Symbol.asyncDispose]());

async function makeClient(): Promise<WhatsAppClient> {
  const executablePath = join(folder.path, 'browser');
  await writeFile(executablePath, `#!/bin/sh\ntouch '${join(folder.path, 'launched')}'\n`);
  await chmod(executablePath, 0o755);
  return new WhatsAppClient(
    {
      accountId,
      instanceId: parseInstanceId('here'),
      displayName: null,
      pairing: { kind: 'qr' },
      browser: { executablePath, headless: 'shell' },
      requireLease: () => {
        if (isLost) throw new LeaseLostError();
      },
      requireProfile: async () => {
        if (isTaken) throw new AppError('SESSION_FAULT');
      },
      livePath: join(folder.path, 'live'),
      extraArgs: [],
      clock: systemClock,
      log,
      timings: { ...DEFAULT_TIMINGS, closeDeadlineMs: CLOSE_MS },
      whenRoom: async () => undefined,
      guard: {
        ...noGuard,
        withholdGoodbye: () => {
          survivors += 1;
        },
      },
      families: new ProcessFamilies({ clock: systemClock, servesMs: 1_000 }),
      isRoot: true,
      environment: { TMPDIR: join(folder.path, 'tmp') },
    },
    () => undefined,
  );
}

/** Opens a client whose way to the launch lasts until the writer is closed. */
async function openSlowly() {
  // Whoever reads it waits until somebody writes it: a disk that takes its time.
  const pipe = join(profilePath, 'Default', 'Local Storage', 'leveldb', '000003.log');
  await mkdir(join(pipe, '..'), { recursive: true });
  execFileSync('mkfifo', [pipe]);
  const client = await makeClient();
  const opened = client.open();
  opened.catch(() => undefined);
  // Opened once it is being read, which then lasts until it is closed.
  const writer = await vi.waitFor(() => open(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
  return { client, opened, writer };
}

it('launches no browser any more once the lease of the account was lost, however late it comes to that', async () => {
  const { client, opened, writer } = await openSlowly();
  isLost = true;
  await writer.close();
  await expect(opened).rejects.toBeInstanceOf(LeaseLostError);
  expect(await readdir(folder.path)).not.toContain('launched');
  await client.close();
  expect(await readdir(join(folder.path, 'tmp'))).toEqual([]);
});

it('launches no browser any more once the session was closed, however late it comes to that', async () => {
  const { client, opened, writer } = await openSlowly();
  await client.close();
  expect(log.lines).toContainEqual(
    expect.objectContaining({ message: 'The browser did not close and is killed' }),
  );
  await writer.close();
  await expect(opened).rejects.toMatchObject({ code: 'SESSION_FAULT' });
  expect(await readdir(folder.path)).not.toContain('launched');
  expect(await readdir(join(folder.path, 'tmp'))).toEqual([]);
});

it('launches no browser where the profile is gone, and makes no empty one', async () => {
  isTaken = true;
  const client = await makeClient();
  await expect(client.open()).rejects.toMatchObject({ code: 'SESSION_FAULT' });
  await client.close();
  expect(await readdir(folder.path)).not.toContain('launched');
  expect(await readdir(join(folder.path, 'live'))).toEqual([]);
  expect(await readdir(join(folder.path, 'tmp'))).toEqual([]);
});

it('says which processes of a browser could not be killed, and launches no other beside them', async () => {
  // A stand-in for what the kernel cannot end: whenever one is gone, somebody who is none of them starts another. For a
  // moment there is none, so that it may take more than one look to meet one.
  const browser = `sh -c 'sleep 60; :' sh --switchboard-account=1 "--user-data-dir=$PROFILE" --more`;
  const undying = spawn('sh', ['-c', `while :; do ${browser}; done`], {
    env: { ...process.env, PROFILE: profilePath },
    detached: true,
    stdio: 'ignore',
  });
  const met = { timeout: 40_000 };
  try {
    await expect.poll(() => findBrowserProcesses(profilePath)).not.toEqual([]);
    await vi.waitFor(async () => {
      const client = await makeClient();
      await expect(client.open()).rejects.toMatchObject({ code: 'SESSION_FAULT' });
    }, met);
    const client = await makeClient();
    await vi.waitFor(async () => {
      await client.close();
      expect(survivors).toBe(1);
    }, met);
    expect(log.lines).toContainEqual({
      level: 'error',
      message: 'Processes of a browser could not be killed',
      fields: { pids: expect.arrayContaining([expect.any(Number)]) },
    });
  } finally {
    process.kill(-Number(undying.pid), 'SIGKILL');
    await once(undying, 'exit');
  }
});
