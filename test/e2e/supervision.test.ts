import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import { findFreePort } from '../../scripts/daemon-process.ts';
import { type Phone, type Simulator, startSimulator } from '../../simulator/client.ts';
import { drawQr } from '../../src/cli/qr-view.ts';
import { type Program, runProgram } from '../support/program.ts';
import { simulatedWhatsApp } from '../support/stage.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PM2 = join(ROOT, 'node_modules', '.bin', 'pm2');

/** Until PM2 has noticed a death, waited and started the daemon again. */
const BACK_AGAIN_MS = 60_000;

/** What PM2 tells of the one program that it runs here. */
interface Supervised {
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly exit_code?: number; readonly restart_time: number };
}

let folder: WorkFolder;
let env: NodeJS.ProcessEnv;
let simulator: Simulator;
let shop: Phone;
let api: DaemonApi;
let accountId: string;
let logs: Program | undefined;

beforeAll(async () => {
  folder = await openWorkFolder();
  simulator = await startSimulator();
  shop = await simulator.world.phone('shop');
  const port = await findFreePort();
  const ownerKey = 'a-key-for-the-daemon-under-pm2-12345';
  env = folder.env({
    PM2_HOME: join(folder.path, 'pm2'),
    PORT: String(port),
    OWNER_API_KEY: ownerKey,
    CHROME_EXTRA_ARGS: simulatedWhatsApp(simulator),
  });
  api = new DaemonApi({ url: `http://127.0.0.1:${port}`, ownerKey });
});
afterAll(async () => {
  logs?.signal('SIGKILL');
  await runProgram([PM2, 'kill'], { cwd: ROOT, env }).ended;
  await simulator[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Runs a command of PM2 to its end and resolves with what it printed. */
async function pm2(...args: string[]): Promise<string> {
  const program = runProgram([PM2, ...args], { cwd: ROOT, env });
  const code = await program.ended;
  expect(code, program.output() + program.errors()).toBe(0);
  return program.output();
}

async function supervised(): Promise<Supervised | undefined> {
  const [found] = JSON.parse(await pm2('jlist')) as Supervised[];
  return found;
}

/** The main processes of browsers, each with its parent. */
function browsers() {
  return folder
    .workers()
    .filter(({ commandLine }) => /--user-data-dir=/.test(commandLine) && !/--type=/.test(commandLine));
}

it('starts by the one command of the README and says when it is ready', async () => {
  const start = runProgram(['npx', 'pm2', 'start', 'ecosystem.config.cjs'], { cwd: ROOT, env });
  expect(await start.ended, start.output() + start.errors()).toBe(0);
  expect((await supervised())?.pm2_env.status).toBe('online');
  expect(await api.call('GET', '/accounts')).toEqual([]);
});

it('draws a QR code unbroken in the raw log', async () => {
  logs = runProgram([PM2, 'logs', 'switchboard', '--raw', '--lines', '0'], { cwd: ROOT, env });
  const connected = await api.connect('Supervised');
  accountId = connected.accountId;
  const drawing = drawQr(connected.qr, { small: true });
  expect(drawing.split('\n').length).toBeGreaterThan(20);
  await logs.printed(drawing);
  await shop.scan(connected.qr);
  await api.reached(accountId, 'Connected');
  logs.signal('SIGINT');
  await logs.ended;
});

it('is connected again without a scan after a reload', async () => {
  const before = await supervised();
  const { devices } = await shop.view();
  await pm2('reload', 'switchboard');
  await api.reached(accountId, 'Connected');
  const after = await supervised();
  expect(after?.pid).not.toBe(before?.pid);
  expect((await shop.view()).devices.map(({ id }) => id)).toEqual(devices.map(({ id }) => id));
  expect(browsers().map(({ parent }) => parent)).toEqual([after?.pid]);
});

it('comes back by itself when it is killed, with its account and no second browser', async () => {
  const before = await supervised();
  const alice = await simulator.world.phone('alice');
  if (!before?.pid) throw new Error('PM2 runs no daemon.');
  process.kill(before.pid, 'SIGKILL');
  const { id } = await alice.send(shop, 'Still there?');
  // Until it is back nobody answers at all.
  const isBack = () =>
    api.account(accountId).then(
      () => true,
      () => false,
    );
  await expect.poll(isBack, { timeout: BACK_AGAIN_MS }).toBe(true);
  const stored = await api.message(
    accountId,
    'What came meanwhile',
    (message) => message.whatsappMessageId?.includes(id) === true,
  );
  expect(stored.text).toBe('Still there?');
  await api.reached(accountId, 'Connected');
  const after = await supervised();
  expect(after?.pid).not.toBe(before?.pid);
  expect(after?.pm2_env.status).toBe('online');
  expect(browsers().map(({ parent }) => parent)).toEqual([after?.pid]);
});

it('drains when it is stopped, and is forgotten when it is deleted', async () => {
  await pm2('stop', 'switchboard');
  expect((await supervised())?.pm2_env).toMatchObject({ status: 'stopped', exit_code: 0 });
  expect(folder.workers().filter(({ commandLine }) => !/PM2 |pm2/.test(commandLine))).toEqual([]);
  await pm2('delete', 'switchboard');
  expect(await supervised()).toBeUndefined();
});
