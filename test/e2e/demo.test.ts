import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from '../support/program.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

function startDemo(env: Readonly<Record<string, string>> = {}, args: readonly string[] = []) {
  return runProgram(['npm', 'run', 'demo', '--', ...args], { cwd: ROOT, env: folder.env(env) });
}

async function expectNothingLeft(): Promise<void> {
  expect(folder.workers()).toEqual([]);
  expect(await folder.temporaryFiles()).toEqual([]);
}

it('plays a conversation, says where to look, stays up, and ends with Ctrl-C', async () => {
  // The demo has a database of its own, whatever the daemon is told to use.
  const demo = startDemo({ DATABASE_URL: 'postgres://app@127.0.0.1:1/production' });
  await demo.printed('Look around.');
  const lines = demo
    .output()
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '));
  expect(lines.filter((line) => /^(in|out|↳) /.test(line))).toEqual([
    'in delivered Hello! Is the blue one in stock?',
    'out delivered It is. Shall we put one aside for you?',
    '↳ read',
    expect.stringMatching(/^in \w+ Yes please, this one \[image\/png, 68 bytes\]$/),
    expect.stringMatching(/^out delivered Done: number 17 \[image\/png, 68 bytes\]$/),
  ]);
  const [, command = ''] = /Messages +(curl .+)/.exec(demo.output()) ?? [];
  const [, key = '', url = ''] = /Bearer (\S+)' (\S+)$/.exec(command) ?? [];
  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  expect(await answer.json()).toMatchObject({ success: true, count: 4 });
  const [, sendCommand = ''] = /Send +(.+)/.exec(demo.output()) ?? [];
  const send = runProgram(['sh', '-c', sendCommand], { cwd: ROOT, env: folder.env() });
  expect(await send.ended, send.errors()).toBe(0);
  expect(send.output()).toMatch(/^Accepted: message /m);
  demo.signalGroup('SIGINT');
  expect(await demo.ended, demo.errors()).toBe(0);
  expect(demo.output()).toMatch(/Stopping \.\.\.\n$/);
  expect(demo.errors()).not.toMatch(/\n\s+at /);
  await expectNothingLeft();
});

it('ends as cleanly when it is interrupted while it starts', async () => {
  const demo = startDemo();
  await demo.printed('1. Starting');
  demo.signalGroup('SIGINT');
  expect(await demo.ended, demo.output() + demo.errors()).toBe(0);
  expect(demo.errors()).not.toMatch(/\n\s+at /);
  await expectNothingLeft();
});

it('says what is wrong where the daemon cannot start', async () => {
  const demo = startDemo({ PUPPETEER_EXECUTABLE_PATH: '/nowhere' });
  expect(await demo.ended).toBe(1);
  expect(demo.errors()).toContain('PUPPETEER_EXECUTABLE_PATH names no executable file: /nowhere');
  expect(demo.errors()).not.toMatch(/\n\s+at /);
  await expectNothingLeft();
});

it('takes no arguments, says so, and explains itself when it is asked to', async () => {
  const wrong = startDemo({}, ['--port=5']);
  expect(await wrong.ended).toBe(1);
  expect(wrong.errors()).toContain('The demo takes no argument --port');
  expect(wrong.output()).not.toContain('Starting');
  const asked = startDemo({}, ['--help']);
  expect(await asked.ended, asked.errors()).toBe(0);
  expect(asked.output()).toContain('npm run demo');
  expect(asked.output()).not.toContain('Starting');
  await expectNothingLeft();
});
