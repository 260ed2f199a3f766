import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import puppeteer from 'puppeteer';
import { expect, it } from 'vitest';
import { findMachineBrowser } from '../../../../scripts/machine-browser.ts';
import { parseInstanceId } from '../../../../src/accounts/ids.ts';
import { makeLaunchOptions } from '../../../../src/channels/whatsapp-web/browser.ts';
import { readBrowserMemory } from '../../../../src/channels/whatsapp-web/browser-memory.ts';
import { findBrowserProcesses } from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { readTreeMemory } from '../../../../src/channels/whatsapp-web/process-memory.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';

const MIB = 1024 ** 2;
/** Of nobody else on this machine. */
const INSTANCE = parseInstanceId(`memory-${process.pid}`);

it('shows what a page has taken, and counts what its processes share once', async () => {
  await using folder = await openTemporaryFolder();
  const profilePath = join(folder.path, 'session-1');
  await using stack = new AsyncDisposableStack();
  const browser = await puppeteer.launch(
    makeLaunchOptions({
      browser: findMachineBrowser(),
      profilePath,
      accountId: '1',
      instanceId: INSTANCE,
      extraArgs: [],
      isRoot: process.getuid?.() === 0,
      environment: process.env,
      timings: { launchDeadlineMs: 30_000 },
    }),
  );
  stack.defer(() => browser.close());
  const [page] = await browser.pages();
  // A browser that has just been launched has not all of its processes yet.
  await page?.goto('data:text/html,<p>here</p>');
  const measure = () => readTreeMemory(findBrowserProcesses(profilePath));
  // Browsers of others come and go meanwhile, and share pages with it while they are there.
  const looks = [await measure()];
  const all = await readBrowserMemory(INSTANCE);
  looks.push(await measure());
  const before = Math.min(...looks);
  expect(all.browsers).toBe(1);
  expect(all.bytes / before).toBeGreaterThan(0.8);
  expect(all.bytes / Math.max(...looks)).toBeLessThan(1.25);
  expect(await readBrowserMemory(parseInstanceId('nobody'))).toEqual({ browsers: 0, bytes: 0 });
  expect(before).toBeGreaterThan(20 * MIB);
  expect(before).toBeLessThan(500 * MIB);
  await page?.evaluate(() => {
    const taken = Array.from({ length: 200 }, (_, nth) => new Uint8Array(1024 ** 2).fill(nth + 1));
    Object.assign(globalThis, { taken });
  });
  const grown = (await measure()) - before;
  expect(grown).toBeGreaterThan(120 * MIB);
  expect(grown).toBeLessThan(400 * MIB);
});

it('counts nothing for a process that has ended', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(await readTreeMemory([child.pid ?? 0])).toBe(0);
  expect(await readTreeMemory([])).toBe(0);
});

it('counts the own pages of a process that may not be looked into', async () => {
  const isRoot = process.getuid?.() === 0;
  const source = import.meta.resolve('../../../../src/channels/whatsapp-web/process-memory.ts');
  const script = `
    const { readTreeMemory } = await import(${JSON.stringify(source)});
    ${isRoot ? 'process.setuid(65534);' : ''}
    console.log(await readTreeMemory([${isRoot ? process.pid : 1}]));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  expect(Number(text)).toBeGreaterThan(0);
  expect(Number(text)).toBeLessThan(2_000 * MIB);
});
