import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readLogUnits } from '../../src/channels/whatsapp-web/torn-log.ts';
import { editParts, logRecord, tableOf } from './leveldb-bytes.ts';
import { sampleBytes } from './sealed-sample.ts';

const INDEXED_DB = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb';
const LOCAL_STORAGE = 'Default/Local Storage/leveldb';

/** Enough for several chunks of a sealed file: none of it compresses. */
const TABLE_BYTES = 1_500_000;
const TABLE = tableOf(TABLE_BYTES, sampleBytes);

const BEGUN = logRecord(editParts.comparator('idb_cmp1'));

/** What never changes in it, by its path. */
const FIXED: Readonly<Record<string, Buffer>> = {
  'Local State': Buffer.from('{"profile":{}}'),
  'Default/Preferences': Buffer.from('{"partition":{}}'),
  [`${INDEXED_DB}/CURRENT`]: Buffer.from('MANIFEST-000001\n'),
  [`${INDEXED_DB}/MANIFEST-000001`]: Buffer.concat([
    BEGUN,
    logRecord(Buffer.concat([editParts.log(7), editParts.added(5, TABLE_BYTES)])),
  ]),
  [`${INDEXED_DB}/000005.ldb`]: TABLE,
  [`${LOCAL_STORAGE}/CURRENT`]: Buffer.from('MANIFEST-000001\n'),
  [`${LOCAL_STORAGE}/MANIFEST-000001`]: Buffer.concat([BEGUN, logRecord(editParts.log(7))]),
  [`${LOCAL_STORAGE}/000007.log`]: logRecord(Buffer.from('local')),
};

const LOG = `${INDEXED_DB}/000007.log`;

/** Makes what a browser would leave of a linked session, as far as a vault can tell, in a folder that is there. */
export async function makeProfileSample(profilePath: string, text: string): Promise<void> {
  for (const [name, bytes] of Object.entries(FIXED)) {
    await mkdir(dirname(join(profilePath, name)), { recursive: true });
    await writeFile(join(profilePath, name), bytes);
  }
  await storeInProfile(profilePath, text);
}

/** The file that the stored text is in. */
export function logOfProfile(profilePath: string): string {
  return join(profilePath, LOG);
}

/** Stores a text in the page's storage in the place of the one before, at one stroke. */
export async function storeInProfile(profilePath: string, text: string): Promise<void> {
  const path = logOfProfile(profilePath);
  await writeFile(`${path}.tmp`, logRecord(Buffer.from(text)));
  await rename(`${path}.tmp`, path);
}

/** The stored text. Throws if anything of the profile is missing or was changed: half a profile is none. */
export async function readProfileSample(profilePath: string): Promise<string> {
  for (const [name, bytes] of Object.entries(FIXED)) {
    if (!(await readFile(join(profilePath, name))).equals(bytes)) throw new Error(`${name} was changed.`);
  }
  return Buffer.concat(readLogUnits(await readFile(join(profilePath, LOG)))).toString();
}

/** Damages the page's storage, so that a browser would throw it away. */
export async function damageProfileSample(profilePath: string): Promise<void> {
  await rm(join(profilePath, INDEXED_DB, 'MANIFEST-000001'));
}
