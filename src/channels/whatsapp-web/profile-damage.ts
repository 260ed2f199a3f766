/**
 * Whether the browser would find the page's storage whole. It keeps it in LevelDBs, of which it throws one away that it
 * finds damaged, the link with it, and says nothing; so this is looked for before an opened profile is trusted.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../lib/errors.ts';
import { findStorageFiles } from './leveldb-manifest.ts';
import { findTableProblem } from './leveldb-table.ts';
import { hasRecordsBehindTear, readLogUnits } from './torn-log.ts';

/** The LevelDBs that hold what pages stored; others the browser makes anew. */
const STORAGE =
  /^(?:IndexedDB\/[^/]+\.leveldb|Local Storage\/leveldb|WebStorage\/\d+\/IndexedDB\/[^/]+\.leveldb)$/;
const INDEXED_DB = /IndexedDB\//;

const MANIFEST = /^MANIFEST-\d+$/;
const TABLE = /^(\d+)\.(?:ldb|sst)$/;
const LOG = /^(\d+)\.log$/;

export interface DamageOptions {
  /** True if a phone was linked to the profile: then having no IndexedDB at all is damage too. */
  readonly isLinked?: boolean;
}

/**
 * A sentence that says what is damaged in a profile's IndexedDB or Local Storage; undefined if nothing is. A log that is
 * torn at its end alone is no damage: that is how a browser that was killed leaves it. No browser may be writing.
 */
export async function findDamage(
  profilePath: string,
  { isLinked = false }: DamageOptions = {},
): Promise<string | undefined> {
  const names = await listFiles(join(profilePath, 'Default'), { recursive: true });
  const storages = names.filter((name) => STORAGE.test(name));
  if (isLinked && !storages.some((name) => INDEXED_DB.test(name))) return 'The profile has no IndexedDB.';
  for (const name of storages) {
    const problem = await findStorageProblem(join(profilePath, 'Default', name));
    if (problem !== undefined) return `The storage "${name}" ${problem}.`;
  }
  return undefined;
}

/** Goes on from "the storage". */
async function findStorageProblem(path: string): Promise<string | undefined> {
  const names = await listFiles(path);
  const current = await findContent(join(path, 'CURRENT'));
  if (current === undefined) {
    // It is written before any table or log: without them the storage was only just being made.
    const hasContent = names.some((name) => TABLE.test(name) || LOG.test(name));
    return hasContent ? 'has no CURRENT' : undefined;
  }
  const manifestName = current.toString('latin1').replace(/\n$/, '');
  if (!MANIFEST.test(manifestName)) return 'has a CURRENT that names no manifest';
  const manifest = await findContent(join(path, manifestName));
  if (manifest === undefined) return `lacks its manifest (${manifestName})`;
  if (hasRecordsBehindTear(manifest)) return 'has a manifest that is torn in the middle';
  const edits = readLogUnits(manifest);
  const files = findStorageFiles(edits);
  if (files === undefined || edits.length === 0) return 'has a manifest that cannot be read';
  return (
    (await findTablesProblem(path, names, files.tables)) ??
    (await findLogProblem(path, names, files.logNumber))
  );
}

async function findTablesProblem(
  path: string,
  names: readonly string[],
  tables: ReadonlyMap<number, number>,
): Promise<string | undefined> {
  const byNumber = new Map(names.flatMap((name) => numbered(TABLE, name)));
  for (const [number, size] of tables) {
    const name = byNumber.get(number);
    if (name === undefined) return `lacks the table ${number}`;
    const tablePath = join(path, name);
    if ((await stat(tablePath)).size !== size) return `has a table of another size than it had (${name})`;
    const problem = findTableProblem(await readFile(tablePath));
    if (problem !== undefined) return `has a table ${problem} (${name})`;
  }
  return undefined;
}

/** The log in use is made before the manifest names it, and those before it are not needed any more. */
async function findLogProblem(
  path: string,
  names: readonly string[],
  oldest: number,
): Promise<string | undefined> {
  const logs = names.flatMap((name) => numbered(LOG, name)).filter(([number]) => number >= oldest);
  if (oldest > 0 && !logs.some(([number]) => number === oldest)) return `lacks the log ${oldest}`;
  for (const [, name] of logs) {
    if (hasRecordsBehindTear(await readFile(join(path, name))))
      return `has a log that is torn in the middle (${name})`;
  }
  return undefined;
}

function numbered(pattern: RegExp, name: string): readonly [number, string][] {
  const [, number] = pattern.exec(name) ?? [];
  return number === undefined ? [] : [[Number(number), name]];
}

async function findContent(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((thrown: unknown) => ifThere(thrown, undefined));
}

async function listFiles(path: string, options: { readonly recursive?: boolean } = {}): Promise<string[]> {
  return readdir(path, options).catch((thrown: unknown) => ifThere(thrown, []));
}

function ifThere<T>(thrown: unknown, otherwise: T): T {
  if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  return otherwise;
}
