import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { openWorkFolder, type WorkFolder } from '../support/work-folder.ts';

/** A browser whose daemon is gone notices it by its pipe. */
const BROWSER_GONE_MS = 10_000;

let folder: WorkFolder;
let stage: Stage;
let shop: Phone;
let accountId: string;

beforeAll(async () => {
  folder = await openWorkFolder();
  stage = await openStage({ env: folder.places });
  shop = await stage.world.phone('shop');
  accountId = await stage.link(shop);
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function countWorkers(mark: RegExp): number {
  return folder.workers().filter(({ commandLine }) => mark.test(commandLine)).length;
}

const BROWSER = /--user-data-dir=/;
const POSTGRES = /\/postgres -D /;
const REDIS = /^redis-server /;

it('takes its browsers along when it is killed', async () => {
  expect(countWorkers(BROWSER)).toBeGreaterThan(0);
  await stage.daemon().kill();
  await expect.poll(() => countWorkers(BROWSER), { timeout: BROWSER_GONE_MS }).toBe(0);
});

it('is connected again without a scan, and has what came meanwhile', async () => {
  const alice = await stage.world.phone('alice');
  const { devices } = await shop.view();
  const { id } = await alice.send(shop, 'Is anybody there?');
  // The servers have outlived the daemon; the next one must not run a second pair on the same files.
  expect([countWorkers(POSTGRES), countWorkers(REDIS)]).toEqual([1, 1]);
  await stage.start();
  // What a server has just forked looks like itself for a moment.
  await expect.poll(() => [countWorkers(POSTGRES), countWorkers(REDIS)]).toEqual([1, 1]);
  // It was connected when the daemon was killed, which is not true any more.
  expect(await stage.api.account(accountId)).toMatchObject({ connectionStatus: 'Connecting' });
  await stage.api.reached(accountId, 'Connected');
  const stored = await stage.api.message(
    accountId,
    'What came meanwhile',
    (message) => message.whatsappMessageId?.includes(id) === true,
  );
  expect(stored.text).toBe('Is anybody there?');
  expect((await shop.view()).devices.map((device) => device.id)).toEqual(devices.map((device) => device.id));
  expect(stage.daemon().output()).not.toContain('scan this code');
});

it('leaves nothing behind when it is stopped after that', async () => {
  expect(await stage.daemon().stop()).toBe(0);
  expect(folder.workers()).toEqual([]);
  expect(await folder.temporaryFiles()).toEqual([]);
});
