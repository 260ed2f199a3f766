import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findStorageFiles } from '../../../../src/channels/whatsapp-web/leveldb-manifest.ts';
import { LevelDbReader } from '../../../../src/channels/whatsapp-web/leveldb-reader.ts';
import { findDamage } from '../../../../src/channels/whatsapp-web/profile-damage.ts';
import { readLogUnits } from '../../../../src/channels/whatsapp-web/torn-log.ts';
import { editParts, logRecord, tableOf } from '../../../support/leveldb-bytes.ts';
import { countRecords, StoragePage, storeRecords } from '../../../support/storage-page.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const INDEXED_DB = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb';
const LOCAL_STORAGE = 'Default/Local Storage/leveldb';
const BUCKET = 'Default/WebStorage/3/IndexedDB/indexeddb.leveldb';

/** How blocks say that they are compressed. */
const SNAPPY = 1;

const { comparator, log, added, removed } = editParts;
const record = logRecord(Buffer.from('what the page stored'));
const MANIFEST = Buffer.concat([
  logRecord(comparator('idb_cmp1')),
  logRecord(Buffer.concat([log(3), added(4, 900)])),
  logRecord(Buffer.concat([log(7), removed(4), added(5, 1_000, 1), added(6, 2_000)])),
]);

let folder: TemporaryFolder;
let profile: string;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  profile = folder.path;
  for (const storage of [INDEXED_DB, LOCAL_STORAGE, BUCKET]) {
    await mkdir(join(profile, storage), { recursive: true });
    const files = {
      CURRENT: 'MANIFEST-000001\n',
      'MANIFEST-000001': MANIFEST,
      // Left from before: neither the log nor the table is in use any more.
      '000003.log': Buffer.concat([record.subarray(0, 9), record]),
      '000004.ldb': 'x',
      '000005.ldb': tableOf(1_000),
      '000006.sst': tableOf(2_000),
      '000007.log': Buffer.concat([record, record]),
      LOCK: '',
      LOG: 'words',
    };
    for (const [name, content] of Object.entries(files))
      await writeFile(join(profile, storage, name), content);
  }
});
afterEach(() => folder[Symbol.asyncDispose]());

describe.each([INDEXED_DB, LOCAL_STORAGE, BUCKET])('in %s', (storage) => {
  const at = (name: string) => join(profile, storage, name);

  it.each<[string, () => Promise<unknown>]>([
    ['it is whole', async () => undefined],
    ['its log is torn at the end', () => truncate(at('000007.log'), record.length + 11)],
    ['its log is empty', () => truncate(at('000007.log'), 0)],
    ['its manifest is torn at the end', () => appendFile(at('MANIFEST-000001'), record.subarray(0, 12))],
    ['a newer log was only just begun', () => writeFile(at('000009.log'), record.subarray(0, 3))],
    ['a table is there that was only just begun', () => writeFile(at('000008.ldb'), 'x')],
    ['another manifest was only just begun', () => writeFile(at('MANIFEST-000010'), '')],
    ['it was only just made', () => makeAnew(storage, { 'MANIFEST-000001': '' })],
    ['it is not there', () => rm(at(''), { recursive: true })],
  ])('there is no damage if %s', async (_what, change) => {
    await change();
    expect(await findDamage(profile)).toBeUndefined();
  });

  it.each<[string, string, () => Promise<unknown>]>([
    ['it has no CURRENT', 'has no CURRENT', () => rm(at('CURRENT'))],
    ['its CURRENT is empty', 'names no manifest', () => truncate(at('CURRENT'), 0)],
    [
      'its CURRENT leads elsewhere',
      'names no manifest',
      () => writeFile(at('CURRENT'), '../MANIFEST-000001\n'),
    ],
    ['its manifest is gone', 'lacks its manifest', () => rm(at('MANIFEST-000001'))],
    ['its manifest is empty', 'cannot be read', () => truncate(at('MANIFEST-000001'), 0)],
    ['its manifest is zeros', 'cannot be read', () => writeFile(at('MANIFEST-000001'), Buffer.alloc(300))],
    [
      'its manifest is something else',
      'cannot be read',
      () => writeFile(at('MANIFEST-000001'), logRecord(Buffer.from('else'))),
    ],
    ['its manifest was changed', 'manifest that is torn', () => change(at('MANIFEST-000001'), 12)],
    ['a table is gone', 'lacks the table 5', () => rm(at('000005.ldb'))],
    ['a table is shorter', 'another size', () => truncate(at('000006.sst'), 1_999)],
    ['a table is longer', 'another size', () => appendFile(at('000006.sst'), 'x')],
    ['a table has no end', 'without its end', () => change(at('000005.ldb'), 995)],
    ['a table was changed at its beginning', 'damaged block', () => change(at('000005.ldb'), 0)],
    ['a table was changed within', 'damaged block', () => change(at('000006.sst'), 900)],
    ['the index of a table was changed', 'damaged block', () => change(at('000005.ldb'), 945)],
    ['its log is gone', 'lacks the log 7', () => rm(at('000007.log'))],
    ['its log was changed', 'log that is torn', () => change(at('000007.log'), 10)],
    [
      'its log was written on where it was torn',
      'log that is torn',
      () => writeFile(at('000007.log'), Buffer.concat([record, record.subarray(0, 9), record])),
    ],
  ])('there is damage if %s', async (_what, sentence, damage) => {
    await damage();
    const found = await findDamage(profile);
    expect(found).toContain(sentence);
    expect(found).toContain(storage.replace('Default/', ''));
  });
});

async function change(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(path, bytes);
}

async function makeAnew(storage: string, files: Readonly<Record<string, string>>): Promise<void> {
  await rm(join(profile, storage), { recursive: true });
  await mkdir(join(profile, storage));
  for (const [name, content] of Object.entries(files)) await writeFile(join(profile, storage, name), content);
}

describe('a profile without storage', () => {
  beforeEach(() => rm(join(profile, 'Default'), { recursive: true }));

  it('is damaged only if a phone was linked to it', async () => {
    for (const isMade of [false, true]) {
      if (isMade) await mkdir(join(profile, LOCAL_STORAGE), { recursive: true });
      expect(await findDamage(profile)).toBeUndefined();
      expect(await findDamage(profile, { isLinked: false })).toBeUndefined();
      expect(await findDamage(profile, { isLinked: true })).toBe('The profile has no IndexedDB.');
    }
  });
});

describe("a real browser's storage", () => {
  let stack: AsyncDisposableStack;
  let site: StoragePage;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    site = stack.use(await StoragePage.open());
    profile = join(folder.path, 'session-1');
  });
  afterEach(() => stack.disposeAsync());

  async function store(count: number): Promise<void> {
    const { browser, page } = await site.launch(profile);
    await storeRecords(page, count);
    await browser.close();
  }

  /** The storage of that kind, its manifest and its tables; those that are not in use any more may still lie there. */
  async function findUsed(kind: 'IndexedDB' | 'Local Storage') {
    const storages = join(profile, 'Default', kind);
    const [storage] = (await readdir(storages)).filter((name) => name.endsWith('leveldb'));
    const path = join(storages, String(storage));
    const current = (await readFile(join(path, 'CURRENT'), 'latin1')).trim();
    const used = findStorageFiles(readLogUnits(await readFile(join(path, current))))?.tables;
    const tables = (await readdir(path)).filter(
      (name) => name.endsWith('.ldb') && used?.has(parseInt(name, 10)),
    );
    return { path, current, tables };
  }

  it('is not damaged in whatever order the browser has opened, grown and closed it', async () => {
    for (const count of [0, 1, 100, 0, 100]) {
      await store(count);
      expect(await findDamage(profile, { isLinked: true })).toBeUndefined();
    }
    const { browser, page } = await site.launch(profile);
    expect(await countRecords(page)).toBe(201);
    await browser.close();
  });

  it('is damaged if any file that it consists of is gone', async () => {
    // What was stored before is in tables once it is opened again.
    for (const count of [120, 1]) await store(count);
    const { path, current, tables } = await findUsed('IndexedDB');
    expect(tables.length).toBeGreaterThan(0);
    for (const name of ['CURRENT', current, ...tables]) {
      await rename(join(path, name), join(folder.path, 'aside'));
      expect(await findDamage(profile)).toContain('The storage');
      await rename(join(folder.path, 'aside'), join(path, name));
      expect(await findDamage(profile)).toBeUndefined();
    }
  });

  it.each(['IndexedDB', 'Local Storage'] as const)(
    'is damaged if bytes of any table were changed, at whatever place (%s)',
    async (kind) => {
      // What was stored before is in tables once it is opened again.
      for (const count of [120, 1]) await store(count);
      const { path, tables } = await findUsed(kind);
      expect(tables.length).toBeGreaterThan(0);
      for (const name of tables) {
        const whole = await readFile(join(path, name));
        expect(packingOfIndex(whole)).toBe(SNAPPY);
        for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 40)) {
          await writeFile(join(path, name), flipped(whole, at));
          expect(await findDamage(profile), `${name} from byte ${at}`).toContain(name);
        }
        await writeFile(join(path, name), whole);
      }
      expect(await findDamage(profile)).toBeUndefined();
    },
  );
});

function flipped(whole: Buffer, at: number): Buffer {
  const changed = Buffer.from(whole);
  // The rest of the footer is nothing.
  for (let byte = at; byte < Math.min(at + 64, whole.length - 48); byte += 1)
    changed.writeUInt8(changed.readUInt8(byte) ^ 0xff, byte);
  return changed;
}

/** How the browser has packed what says where the blocks lie. */
function packingOfIndex(table: Buffer): number {
  const footer = new LevelDbReader(table.subarray(-48));
  const [, , offset = 0, size = 0] = Array.from({ length: 4 }, () => footer.readNumber());
  return table.readUInt8(offset + size);
}
