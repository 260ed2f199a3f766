import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { scaled } from '../../../support/scale.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const CYCLES = scaled(6, 200);

/** The first cycles fill caches and pools: growth is counted from here. */
const WARM_UP = 2;

/** Sockets of pools and timers of libraries come and go; what leaks grows with each cycle. */
const SLACK = 4;

const outer = process.env.TMPDIR;
let folder: TemporaryFolder;
let temporary: string;
let stage: PoolStage;
let accountId: AccountId;

beforeAll(async () => {
  folder = await openTemporaryFolder();
  temporary = join(folder.path, 'tmp');
  await mkdir(temporary);
  stage = await PoolStage.open();
  // From here on, for the browsers alone.
  process.env.TMPDIR = temporary;
  accountId = await stage.link(await stage.world.phone('shop'));
});

afterAll(async () => {
  if (outer === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = outer;
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Children of this process by name, the dead that nobody has collected among them. */
async function children(): Promise<string[]> {
  const names = await readdir('/proc');
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
        const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
        const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
        return Number(parent) === process.pid ? [state === 'Z' ? `${name}, dead` : name] : [];
      }),
  );
  return found.flat().sort();
}

interface Count {
  readonly children: readonly string[];
  readonly handles: number;
  readonly files: number;
  readonly listeners: number;
}

async function count(): Promise<Count> {
  return {
    children: await children(),
    handles: process.getActiveResourcesInfo().length,
    files: (await readdir('/proc/self/fd')).length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

it(`leaves no process, no file and no handle after ${CYCLES} starts and ends, each third a kill`, async () => {
  let base: Count | undefined;
  for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
    if (cycle % 3 === 0)
      for (const pid of stage.browsers(accountId).slice(0, 1)) process.kill(pid, 'SIGSTOP');
    await stage.reopen();
    expect(stage.browsers(accountId)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
    expect(await readdir(stage.livePath)).toEqual([]);
    const now = await count();
    if (cycle === WARM_UP) base = now;
    if (base) {
      expect(now.children).toEqual(base.children);
      expect(now.handles).toBeLessThanOrEqual(base.handles + SLACK);
      expect(now.files).toBeLessThanOrEqual(base.files + SLACK);
      expect(now.listeners).toBeLessThanOrEqual(base.listeners);
    }
    await stage.pool.restore();
    await stage.connected(accountId, cycle + 1);
    expect(await readdir(temporary)).toEqual([expect.stringMatching(/^browser-/)]);
  }
});

it('clears the temporary files of a browser that is killed', async () => {
  const [root] = stage.browsers(accountId);
  if (root === undefined) throw new Error('There is no browser to kill.');
  const [before] = await readdir(temporary);
  process.kill(root, 'SIGKILL');
  await stage.reached(accountId, 'reconnecting', 'browser_died');
  await stage.connected(accountId, CYCLES + 2);
  const after = await readdir(temporary);
  expect(after).toHaveLength(1);
  expect(after).not.toContain(before);
});

it('gives up a browser that does not answer within the launch deadline, and leaves nothing of it', async () => {
  const script = join(folder.path, 'browser.sh');
  await writeFile(script, '#!/bin/sh\nsleep 600\n', { mode: 0o700 });
  await stage.reopen({ timings: { launchDeadlineMs: 1_000 }, executablePath: script });
  await stage.pool.restore();
  await stage.reached(accountId, 'reconnecting', 'launch_failed');
  expect(stage.pool.findStatus(accountId)?.lastError).toBe('Launching the browser took longer than 1000 ms.');
  await stage.reopen();
  expect(stage.browsers(accountId)).toEqual([]);
  expect(await readdir(temporary)).toEqual([]);
});
