import { existsSync, readdirSync } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openDatabase } from '../../src/db/database.ts';
import { socketFolderPath } from '../../src/embedded/socket-folder.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { findTexts, MARKERS, observable, plantMarkers, readMarkers } from '../support/page-markers.ts';
import { silentLog } from '../support/silent-log.ts';
import { openStage, type Stage } from '../support/stage.ts';

const KEY = 'c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2';
const OTHER_KEY = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const vaultOf = (stage: Stage, accountId: string) => join(stage.folder, 'data', 'sessions', accountId);
const runtimeOf = (stage: Stage) => readdir(join(stage.folder, 'data', 'live')).catch(() => []);
/** A kill may come in the middle of a copy as well. */
const leftOpen = async (stage: Stage) => (await runtimeOf(stage)).filter((name) => !name.includes('.copy-'));

/** Generations on disk, newest first. */
async function generations(stage: Stage, accountId: string): Promise<number[]> {
  const names = await readdir(vaultOf(stage, accountId)).catch(() => []);
  const sealed = names.filter((name) => name.endsWith('.vault'));
  return sealed.map((name) => Number.parseInt(name, 10)).sort((a, b) => b - a);
}

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
}

const OPENED_FROM_ANOTHER = 'A sealed session was opened from another copy than the newest';

let database: TestDatabase;
let stage: Stage;
let shop: Phone;
let accountId: string;
let devices: readonly string[];

const devicesNow = async () => (await shop.view()).devices.map(({ id }) => id);

/** Connected again with the device that was linked once, and nobody was asked to scan. */
async function isBack(): Promise<void> {
  await stage.api.reached(accountId, 'Connected');
  expect(await devicesNow()).toEqual(devices);
  expect(stage.daemon().output()).not.toContain('scan this code');
}

beforeAll(async () => {
  database = await openTestDatabase();
  stage = await openStage({ env: { ENCRYPTION_KEY: KEY, DATABASE_URL: database.url } });
  shop = await stage.world.phone('shop');
  accountId = await stage.link(shop);
  devices = await devicesNow();
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

it('seals a session as soon as it is linked', async () => {
  await stage.api.until('A first snapshot', async () => (await generations(stage, accountId))[0]);
});

it('leaves only the vault at a stop, and opens it at the next start', async () => {
  await stage.daemon().stop();
  expect(await runtimeOf(stage)).toEqual([]);
  expect(await generations(stage, accountId)).not.toEqual([]);
  await stage.start();
  await isBack();
});

it('prefers the profile that a kill has left open to the vault, which is older', async () => {
  await stage.daemon().kill();
  expect(await leftOpen(stage)).toEqual([`session-${accountId}`]);
  await stage.start();
  await isBack();
  expect(stage.daemon().output()).not.toContain('is not used');
});

it('keeps the last three generations', async () => {
  for (let stops = 0; stops < 3; stops += 1) {
    await stage.daemon().stop();
    await stage.start();
    await isBack();
  }
  expect(await generations(stage, accountId)).toHaveLength(3);
});

it('takes the copy of the database if the newest generation on disk was changed, and says so', async () => {
  await stage.daemon().stop();
  const [newest = 0] = await generations(stage, accountId);
  await flipByte(join(vaultOf(stage, accountId), `${newest}.vault`), 5_000);
  await stage.start();
  await isBack();
  expect(stage.daemon().output()).toContain(OPENED_FROM_ANOTHER);
});

it('notices an older generation in the place of a newer one', async () => {
  await stage.daemon().stop();
  const [newest = 0, older = 0] = await generations(stage, accountId);
  const [path, olderPath] = [newest, older].map((each) => join(vaultOf(stage, accountId), `${each}.vault`));
  await writeFile(path ?? '', await readFile(olderPath ?? ''));
  await stage.start();
  await isBack();
  expect(stage.daemon().output()).toContain(OPENED_FROM_ANOTHER);
});

it('stops the account if the key is another one, says which it needs, and loses nothing', async () => {
  await stage.daemon().stop();
  const before = await generations(stage, accountId);
  await stage.start({ ENCRYPTION_KEY: OTHER_KEY });
  const account = await stage.api.reached(accountId, 'Failed');
  expect(account).toMatchObject({ state: 'needs_human', reason: { code: 'key_missing' } });
  const { lastError } = await stage.api.call<{ lastError: string }>('GET', `/health/${accountId}`);
  expect(lastError).toMatch(/needs the encryption key with the id [0-9a-f]{16}/);
  expect(stage.daemon().output()).not.toContain(KEY);
  await stage.daemon().stop();
  expect(await generations(stage, accountId)).toEqual(before);
  // The right key is all that it needs.
  await stage.start();
  await isBack();
});

it('stops it as well if a kill has left the profile open, which stays as it is', async () => {
  await stage.daemon().kill();
  const before = await generations(stage, accountId);
  await stage.start({ ENCRYPTION_KEY: OTHER_KEY });
  await stage.api.reached(accountId, 'Failed');
  await stage.daemon().stop();
  expect(await generations(stage, accountId)).toEqual(before);
  expect(await runtimeOf(stage)).toEqual([`session-${accountId}`]);
  await stage.start();
  await isBack();
});

it('goes on with a new key while the older one is at hand', async () => {
  await stage.daemon().stop();
  await stage.start({ ENCRYPTION_KEY: OTHER_KEY, ENCRYPTION_KEY_PREVIOUS: KEY });
  await isBack();
  await stage.daemon().stop();
  await stage.start({ ENCRYPTION_KEY: OTHER_KEY });
  await isBack();
  await stage.daemon().stop();
  await stage.start({ ENCRYPTION_KEY: KEY, ENCRYPTION_KEY_PREVIOUS: OTHER_KEY });
  await isBack();
});

/** Where the daemon, its browsers and its stores keep anything. */
function listPlaces(): string[] {
  const temporary = socketFolderPath(join(stage.folder, 'data'), 'browsers', tmpdir());
  return [stage.folder, inject('backends').folder, '/dev/shm', temporary, ...listChromiumFiles()];
}

/** What Chromium leaves where it does not keep to its TMPDIR. */
function listChromiumFiles(): string[] {
  const names = readdirSync(tmpdir()).filter((name) => /^\.?(?:org\.chromium|com\.google)/.test(name));
  return names.map((name) => join(tmpdir(), name));
}

const findMarkers = () => findTexts(listPlaces(), Object.values(MARKERS));

it('shows no secret of a session anywhere while it is stopped', async () => {
  await stage.daemon().stop();
  await stage.start(observable(stage));
  await isBack();
  await plantMarkers(stage, accountId);
  expect(listPlaces().filter((path) => !existsSync(path))).toEqual([]);
  // Each is seen while the session runs, as soon as the browser has written it down, or not seeing it would say nothing.
  for (const marker of Object.values(MARKERS))
    await stage.api.until(`The ${marker}`, async () => findTexts(listPlaces(), [marker])[0]);
  await stage.daemon().stop();
  expect(findMarkers()).toEqual([]);
  // They are in the vault all the same.
  await stage.start(observable(stage));
  await isBack();
  expect(await readMarkers(stage, accountId)).toEqual(MARKERS);
});

it('shows none either at the stop that follows a kill', async () => {
  await stage.daemon().kill();
  expect(findMarkers()).not.toEqual([]);
  await stage.start(observable(stage));
  await isBack();
  expect(await readMarkers(stage, accountId)).toEqual(MARKERS);
  await stage.daemon().stop();
  expect(findMarkers()).toEqual([]);
  await stage.start();
  await isBack();
});

it('comes back on a new machine that has the database and the key alone', async () => {
  await stage.daemon().stop();
  const elsewhere = join(stage.folder, 'elsewhere');
  await stage.start({
    DATA_PATH: elsewhere,
    WHATSAPP_SESSION_PATH: join(elsewhere, 'sessions'),
    WHATSAPP_RUNTIME_PATH: join(elsewhere, 'live'),
  });
  await isBack();
  await stage.daemon().stop();
  await stage.start();
  await isBack();
});

it('leaves nothing of a session that is disconnected, and keeps the account', async () => {
  await stage.api.call('POST', `/disconnect/${accountId}`, {});
  expect(await devicesNow()).toEqual([]);
  expect(await readdir(join(stage.folder, 'data', 'sessions'))).toEqual([]);
  expect(await runtimeOf(stage)).toEqual([]);
  await using opened = openDatabase({ connection: { connectionString: database.url }, log: silentLog });
  for (const table of ['vault_snapshots', 'vault_chunks'] as const)
    expect(await opened.db.selectFrom(table).selectAll().execute()).toEqual([]);
  await stage.api.call('POST', `/disconnect/${accountId}`, {});
  expect(await stage.api.account(accountId)).toMatchObject({ connectionStatus: 'Disconnected' });
});
