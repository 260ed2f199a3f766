import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findKeptEntries } from '../../../../src/channels/whatsapp-web/profile-content.ts';
import { packFolder, unpackInto } from '../../../../src/vault/profile-archive.ts';
import { countRecords, StoragePage, storeRecords } from '../../../support/storage-page.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let profile: string;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  profile = join(folder.path, 'session-1');
  await mkdir(profile);
});
afterEach(() => folder[Symbol.asyncDispose]());

async function write(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(profile, dirname(path)), { recursive: true });
    await writeFile(join(profile, path), path);
  }
}

it('keeps all that a link may live in, also what it does not know', async () => {
  await write(
    'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb/CURRENT',
    'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.blob/1/00/1',
    'Default/Local Storage/leveldb/LOG',
    'Default/File System/000/t/00/00000000',
    'Default/Cookies',
    'Default/Cookies-journal',
    'Default/Network/Cookies',
    'Default/Preferences',
    'Default/Secure Preferences',
    'Default/WebStorage/QuotaManager',
    'Default/WebStorage/3/IndexedDB/indexeddb.leveldb/CURRENT',
    'Default/Some New Storage/1',
    'Local State',
  );
  expect(await findKeptEntries(profile)).toEqual([
    'Default/Cookies',
    'Default/Cookies-journal',
    'Default/File System',
    'Default/IndexedDB',
    'Default/Local Storage',
    'Default/Network',
    'Default/Preferences',
    'Default/Secure Preferences',
    'Default/Some New Storage',
    'Default/WebStorage/3/IndexedDB',
    'Default/WebStorage/QuotaManager',
    'Local State',
  ]);
});

it('leaves out what the browser makes anew', async () => {
  await write(
    'Default/Cache/Cache_Data/index',
    'Default/Code Cache/js/index',
    'Default/GPUCache/index',
    'Default/DawnWebGPUCache/index',
    'Default/Service Worker/ScriptCache/index',
    'Default/Service Worker/Database/CURRENT',
    'Default/WebStorage/3/CacheStorage/index.txt',
    'Default/Session Storage/CURRENT',
    'Default/Sessions/Session_1',
    'Default/blob_storage/1/2',
    'Default/Shared Dictionary/db',
    'Default/History',
    'Default/History-journal',
    'Default/DIPS-wal',
    'Default/LOCK',
    'Default/LOG.old',
    'ShaderCache/index',
    'GrShaderCache/index',
    'component_crx_cache/1',
    'Crashpad/settings.dat',
    'BrowserMetrics/1.pma',
    'DevToolsActivePort',
    'segmentation_platform/ukm_db',
    'lockfile',
    'switchboard.json',
    'switchboard.json.part',
  );
  await symlink('host-1', join(profile, 'SingletonLock'));
  await symlink('1.2', join(profile, 'RunningChromeVersion'));
  await symlink('/etc', join(profile, 'Default', 'Elsewhere'));
  expect(await findKeptEntries(profile)).toEqual([]);
});

it('has nothing of a profile that is empty', async () => {
  expect(await findKeptEntries(profile)).toEqual([]);
  await mkdir(join(profile, 'Default', 'WebStorage'), { recursive: true });
  expect(await findKeptEntries(profile)).toEqual([]);
});

it('keeps what a real browser needs to show a page all that it stored', async () => {
  await using site = await StoragePage.open();
  const [restored, before] = [join(folder.path, 'session-2'), await site.launch(profile)];
  await storeRecords(before.page, 60);
  await before.page.evaluate(() => {
    // biome-ignore lint/suspicious/noDocumentCookie: the page is one of another time.
    document.cookie = 'name=value; max-age=100000';
  });
  await before.browser.close();
  const limits = { maxBytes: 1024 ** 3, maxEntries: 1_000 };
  await unpackInto(packFolder(profile, await findKeptEntries(profile)), restored, limits);
  expect(
    (await readdir(restored, { recursive: true })).filter((name) => /cache|Singleton/i.test(name)),
  ).toEqual([]);
  const after = await site.launch(restored);
  expect(await countRecords(after.page)).toBe(60);
  expect(await after.page.evaluate(() => [document.cookie, localStorage.length])).toEqual(['name=value', 50]);
  await after.browser.close();
});
