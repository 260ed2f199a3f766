import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApiAccount, DaemonApi } from '../../scripts/daemon-api.ts';
import { findFreePort } from '../../scripts/daemon-process.ts';
import { startSimulator } from '../../simulator/client.ts';
import { drawQr } from '../../src/cli/qr-view.ts';
import { runProgram } from '../support/program.ts';
import { simulatedWhatsApp } from '../support/stage.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CTRL_C = '\x03';

let folder: WorkFolder;

beforeEach(async () => {
  folder = await openWorkFolder();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

it('makes a first account in a terminal, draws its QR code, and drains at Ctrl-C', async () => {
  await using simulator = await startSimulator();
  const port = await findFreePort();
  const env = folder.env({ PORT: String(port), CHROME_EXTRA_ARGS: simulatedWhatsApp(simulator) });
  // `script` gives it a terminal, and what is typed here is typed there. A shell between would die of the Ctrl-C.
  const terminal = runProgram(['script', '-qefc', 'exec npm start', '/dev/null'], {
    cwd: ROOT,
    env,
    input: true,
  });
  await terminal.printed('Switchboard is ready');
  const ownerKey = (await readFile(join(folder.places.DATA_PATH, 'owner-api-key'), 'utf8')).trim();
  const api = new DaemonApi({ url: `http://127.0.0.1:${port}`, ownerKey });
  const account = await api.until('The first account', async () => {
    const [first] = await api.call<ApiAccount[]>('GET', '/accounts');
    return first;
  });
  const qr = await api.qr(account.id);
  // A terminal turns every line break into two characters.
  await terminal.printed(drawQr(qr, { small: true }).replaceAll('\n', '\r\n'));
  const shop = await simulator.world.phone('shop');
  await shop.scan(qr);
  await api.reached(account.id, 'Connected');
  await terminal.printed(`My business is connected as +${shop.number}.`);
  terminal.type(CTRL_C);
  expect(await terminal.ended, terminal.output()).toBe(0);
  // After it npm may take its spinner away.
  const sentences = terminal
    .output()
    .split('\r\n')
    .filter((line) => /[a-z]{2}/.test(line));
  expect(sentences.at(-1)).toBe('Switchboard has stopped.');
  expect(folder.workers()).toEqual([]);
  expect(await folder.temporaryFiles()).toEqual([]);
});

it('prints the command that links an account where there is no terminal', async () => {
  const npm = runProgram(['npm', 'start'], { cwd: ROOT, env: folder.env({ PORT: '0' }) });
  await npm.printed(`DATA_PATH=${folder.places.DATA_PATH} npm run cli -- link "My business"`);
  expect(npm.output()).not.toContain('scan this code');
  npm.signal('SIGTERM');
  expect(await npm.ended).toBe(0);
  expect(folder.workers()).toEqual([]);
});
