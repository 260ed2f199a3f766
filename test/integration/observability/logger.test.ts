import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type OpenLogger, openLogger } from '../../../src/observability/logger.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const clock = { now: () => Date.UTC(2026, 0, 2), monotonic: () => 0 };

class MemoryConsole extends Writable {
  written = '';
  readonly isTTY: boolean;

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.written += chunk;
    done();
  }
}

async function readLines(folder: TemporaryFolder, name: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(join(folder.path, name), 'utf8')).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line));
}

async function logWith(log: OpenLogger, use: (log: OpenLogger) => void): Promise<void> {
  use(log);
  await log[Symbol.asyncDispose]();
}

describe('openLogger', () => {
  it('writes every line to the console and to combined.log, errors to error.log too', async () => {
    await using folder = await openTemporaryFolder();
    const console = new MemoryConsole();
    const log = await openLogger({ level: 'info', dir: folder.path }, { console, clock });
    await logWith(log, () => {
      log.info('It began', { attempt: 1 });
      log.warn('It stumbled');
      log.error('It ended', { error: new Error('why') });
      log.debug('Not at this level');
    });
    const timestamp = '2026-01-02T00:00:00.000Z';
    expect(await readLines(folder, 'combined.log')).toEqual([
      { timestamp, level: 'info', message: 'It began', attempt: 1 },
      { timestamp, level: 'warn', message: 'It stumbled' },
      { timestamp, level: 'error', message: 'It ended', error: expect.objectContaining({ message: 'why' }) },
    ]);
    expect(await readLines(folder, 'error.log')).toHaveLength(1);
    expect(console.written).toBe(
      '2026-01-02 00:00:00.000 info  It began attempt=1\n2026-01-02 00:00:00.000 warn  It stumbled\n2026-01-02 00:00:00.000 error It ended error=why\n',
    );
  });

  it('uses colours on a terminal alone', async () => {
    await using folder = await openTemporaryFolder();
    const console = new MemoryConsole(true);
    await logWith(await openLogger({ level: 'info', dir: folder.path }, { console, clock }), (log) =>
      log.info('It began'),
    );
    expect(console.written).toContain('\x1b[');
    expect(await readFile(join(folder.path, 'combined.log'), 'utf8')).not.toContain('\x1b');
  });

  it('gives a child its fields, redacts, and leaves the child nothing to close', async () => {
    await using folder = await openTemporaryFolder();
    const console = new MemoryConsole();
    const log = await openLogger({ level: 'debug', dir: folder.path }, { console, clock });
    const child = log.child({ accountId: 'a-1' }).child({ to: '+491701234567' });
    child.debug('A message leaves', { text: 'secret words' });
    await log[Symbol.asyncDispose]();
    child.info('This comes too late');
    expect(await readLines(folder, 'combined.log')).toEqual([
      expect.objectContaining({
        accountId: 'a-1',
        to: '+**********67',
        text: '[redacted, 12 characters]',
      }),
    ]);
    expect(console.written).not.toContain('secret words');
  });

  it('has everything on disk when it is disposed, over many rotations, and can be disposed twice', async () => {
    await using folder = await openTemporaryFolder();
    const console = new MemoryConsole();
    const log = await openLogger(
      { level: 'info', dir: folder.path },
      { console, clock, maxFileBytes: 100_000 },
    );
    for (let index = 0; index < 3_000; index += 1) log.error('A line', { index });
    await log[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    for (const name of ['combined', 'error']) {
      const files = (await readdir(folder.path))
        .filter((file) => file.startsWith(name))
        .toSorted()
        .reverse();
      expect(files.length).toBeGreaterThan(1);
      const lines = (await Promise.all(files.map((file) => readLines(folder, file)))).flat();
      expect(lines.map(({ index }) => index).toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 3_000 }, (_, index) => index),
      );
    }
  });

  it('makes the folder', async () => {
    await using folder = await openTemporaryFolder();
    const dir = join(folder.path, 'a', 'b');
    await logWith(await openLogger({ level: 'info', dir }, { console: new MemoryConsole() }), (log) =>
      log.info('Made'),
    );
    expect((await readdir(dir)).toSorted()).toEqual(['combined.log', 'error.log']);
  });

  it.each([
    ['a file', async (path: string) => writeFile(path, '')],
    [
      'a folder whose combined.log is a folder',
      async (path: string) => {
        await mkdir(join(path, 'combined.log'), { recursive: true });
      },
    ],
  ])('refuses %s as LOG_DIR, with the remedy', async (_name, prepare) => {
    await using folder = await openTemporaryFolder();
    const dir = join(folder.path, 'logs');
    await prepare(dir);
    await expect(openLogger({ level: 'info', dir })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: [{ field: 'LOG_DIR', message: expect.stringContaining(`${dir} cannot be written`) }],
    });
  });

  it('outlives its console: a closed pipe ends neither the process nor the files', async () => {
    await using folder = await openTemporaryFolder();
    const script = `
      import { openLogger } from ${JSON.stringify(join(import.meta.dirname, '../../../src/observability/logger.ts'))};
      const log = await openLogger({ level: 'info', dir: ${JSON.stringify(folder.path)} });
      log.info('First');
      process.stdin.resume();
      process.stdin.once('end', async () => {
        for (let index = 0; index < 100; index += 1) log.info('After the pipe was closed', { index });
        await log[Symbol.asyncDispose]();
        process.exitCode = 7;
      });`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script]);
    const stderr = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end();
    const [code] = await once(child, 'exit');
    expect(await stderr).toBe('');
    expect(code).toBe(7);
    expect(await readLines(folder, 'combined.log')).toHaveLength(101);
  });
});
