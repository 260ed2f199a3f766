import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const READY = 'Switchboard is ready';

/** How often somebody who has lost patience presses Ctrl-C. */
const IMPATIENCE_MS = 100;

let folder: WorkFolder;

async function expectNothingLeft(): Promise<void> {
  expect(folder.workers()).toEqual([]);
  expect(await folder.temporaryFiles()).toEqual([]);
}

describe('a daemon with a linked account', () => {
  let stage: Stage;
  let accountId: string;

  beforeAll(async () => {
    folder = await openWorkFolder();
    stage = await openStage({ env: folder.places });
    accountId = await stage.link(await stage.world.phone('shop'));
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('stops at %s and leaves nothing', async (signal) => {
    expect(folder.workers().map(({ commandLine }) => commandLine)).toContainEqual(
      expect.stringContaining('--user-data-dir='),
    );
    expect(await stage.daemon().stop(signal)).toBe(0);
    await expectNothingLeft();
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
  });

  it('stops while its accounts are still being restored', async () => {
    await stage.daemon().stop();
    await stage.start();
    expect(await stage.daemon().stop()).toBe(0);
    await expectNothingLeft();
    await stage.start();
    await stage.api.reached(accountId, 'Connected');
  });
});

describe('a daemon in a terminal', () => {
  beforeEach(async () => {
    folder = await openWorkFolder();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  function start(command: readonly [string, ...string[]] = [process.execPath, join('src', 'main.ts')]) {
    return runProgram(command, { cwd: ROOT, env: folder.env({ PORT: '0' }) });
  }

  it('drains when npm is told to end', async () => {
    const npm = start(['npm', 'start']);
    await npm.printed(READY);
    npm.signal('SIGTERM');
    expect(await npm.ended).toBe(0);
    await expectNothingLeft();
  });

  it('drains at a Ctrl-C, which npm hands on a second time', async () => {
    const npm = start(['npm', 'start']);
    await npm.printed(READY);
    npm.signalGroup('SIGINT');
    expect(await npm.ended).toBe(0);
    expect(npm.errors()).not.toMatch(/npm error/i);
    await expectNothingLeft();
  });

  it.each(['is being set up', 'HTTP is served'])(
    'ends cleanly when it is stopped as early as "%s"',
    async (line) => {
      const daemon = start();
      await daemon.printed(line);
      daemon.signalGroup('SIGINT');
      expect(await daemon.ended).toBe(0);
      expect(daemon.errors()).toBe('');
      expect(daemon.output()).toMatch(/\nSwitchboard has stopped\.\n$/);
      await expectNothingLeft();
      const again = start();
      await again.printed(READY);
      again.signal('SIGTERM');
      expect(await again.ended).toBe(0);
    },
  );

  it('ends at once at a second signal, a second after the first, and starts again from what that left', async () => {
    const daemon = start();
    // The last that a start asks PostgreSQL for.
    await daemon.printed('There is no account yet');
    const postgres = folder.workers().find(({ commandLine }) => /\/postgres -D /.test(commandLine))?.pid ?? 0;
    // A stopped process cannot end: the drain waits for it.
    process.kill(postgres, 'SIGSTOP');
    const askedAt = performance.now();
    daemon.signal('SIGINT');
    await daemon.printed('Switchboard is stopping');
    const impatience = setInterval(() => daemon.signal('SIGINT'), IMPATIENCE_MS);
    expect(await daemon.ended).toBe(1);
    clearInterval(impatience);
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(1_000);
    // It was the signal, and not the end of the drain's own patience.
    expect(daemon.output()).not.toContain('The drain took too long');

    process.kill(postgres, 'SIGCONT');
    const again = start();
    await again.printed(READY);
    again.signal('SIGTERM');
    expect(await again.ended).toBe(0);
    await expectNothingLeft();
  });
});
