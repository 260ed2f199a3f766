import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { ownerKeyPathOf } from '../../../src/config/owner-key-path.ts';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import { ensureOwnerKey } from '../../../src/http/owner-key.ts';
import { openTestDatabase } from '../../support/database.ts';
import { endRun, insertRun } from '../../support/instance-rows.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const [ONE, TWO] = [parseInstanceId('one'), parseInstanceId('two')];

const stack = new AsyncDisposableStack();
let opened: OpenDatabase;
let folder: TemporaryFolder;
/** DATA_PATH of the other instance. */
let otherFolder: TemporaryFolder;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  opened = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 2 }));
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  folder = await openTemporaryFolder();
  otherFolder = await openTemporaryFolder();
  await opened.db.deleteFrom('api_keys').execute();
  await opened.db.deleteFrom('instances').execute();
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
  await otherFolder[Symbol.asyncDispose]();
});

function ensure(configured: string | null = null, instanceId: InstanceId = ONE) {
  return ensureOwnerKey({ db: opened.db, configured, dataPath: pathOf(instanceId), instanceId });
}

/** Ensures it, and tells whether the instance has another key than before. */
async function makesKey(instanceId: InstanceId = ONE): Promise<boolean> {
  const before = await readKey(instanceId).catch(() => undefined);
  await ensure(null, instanceId);
  return (await readKey(instanceId)) !== before;
}

function pathOf(instanceId: InstanceId): string {
  return instanceId === ONE ? folder.path : otherFolder.path;
}

async function readKey(instanceId: InstanceId = ONE): Promise<string> {
  return (await readFile(ownerKeyPathOf(pathOf(instanceId)), 'utf8')).trim();
}

async function isValid(key: string): Promise<boolean> {
  const found = await findApiKey(opened.db, keyToHash(key));
  return found?.role === 'owner' && found.tenantId === 'default' && found.revokedAt === null;
}

it('makes a key on the first start, for its owner alone to read, and keeps it', async () => {
  await ensure();
  expect(await readdir(folder.path)).toEqual(['owner-api-key']);
  const key = await readKey();
  expect(key).toMatch(/^sb_[\w-]{43}$/);
  expect((await stat(ownerKeyPathOf(folder.path))).mode & 0o777).toBe(0o600);
  expect(await isValid(key)).toBe(true);
  expect(await makesKey()).toBe(false);
  expect(await readKey()).toBe(key);
  const stored = JSON.stringify(await opened.db.selectFrom('api_keys').selectAll().execute());
  expect(stored).not.toContain(key);
});

it('closes a file that others could read', async () => {
  await ensure();
  await chmod(ownerKeyPathOf(folder.path), 0o644);
  await ensure();
  expect((await stat(ownerKeyPathOf(folder.path))).mode & 0o777).toBe(0o600);
});

it('takes the kept key into a fresh database', async () => {
  await ensure();
  const key = await readKey();
  await opened.db.deleteFrom('api_keys').execute();
  await ensure();
  expect(await readKey()).toBe(key);
  expect(await isValid(key)).toBe(true);
});

it('makes a new key if the file is lost, and revokes the old one', async () => {
  await ensure();
  const lost = await readKey();
  await rm(ownerKeyPathOf(folder.path));
  expect(await makesKey()).toBe(true);
  expect(await isValid(lost)).toBe(false);
  expect(await isValid(await readKey())).toBe(true);
});

it('replaces the made key by OWNER_API_KEY, and that by another, and back', async () => {
  await ensure();
  const made = await readKey();
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)];
  await ensure(first);
  expect(await isValid(first)).toBe(true);
  expect(await isValid(made)).toBe(false);
  await expect(readKey()).rejects.toThrow();
  await ensure(second);
  expect([await isValid(first), await isValid(second)]).toEqual([false, true]);
  await ensure(first);
  expect([await isValid(first), await isValid(second)]).toEqual([true, false]);
  expect(await makesKey()).toBe(true);
  expect(await isValid(first)).toBe(false);
});

it('refuses a key that no header can carry', async () => {
  await expect(ensure('short')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

describe('several instances', () => {
  it('each keep the key that they made, whoever of them starts', async () => {
    await insertRun(opened.db, ONE);
    await insertRun(opened.db, TWO);
    for (let start = 0; start < 2; start += 1) {
      expect(await makesKey()).toBe(start === 0);
      expect(await makesKey(TWO)).toBe(start === 0);
    }
    const [one, two] = [await readKey(ONE), await readKey(TWO)];
    expect(one).not.toBe(two);
    expect([await isValid(one), await isValid(two)]).toEqual([true, true]);
    expect((await findApiKey(opened.db, keyToHash(one)))?.instances).toEqual([ONE]);
  });

  it('keep the keys that they made also while the others do not run', async () => {
    await ensure();
    await ensure(null, TWO);
    const two = await readKey(TWO);
    await ensure('a'.repeat(32));
    expect(await isValid(two)).toBe(true);
  });

  it('lose, by OWNER_API_KEY or a lost file, their own earlier key alone', async () => {
    await ensure();
    await ensure(null, TWO);
    const [one, two] = [await readKey(ONE), await readKey(TWO)];
    await ensure('a'.repeat(32));
    expect([await isValid(one), await isValid(two), await isValid('a'.repeat(32))]).toEqual([
      false,
      true,
      true,
    ]);
    await rm(ownerKeyPathOf(otherFolder.path));
    await ensure(null, TWO);
    expect([await isValid(two), await isValid('a'.repeat(32)), await isValid(await readKey(TWO))]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('change an OWNER_API_KEY that they share one after the other: it is good until the last one has another', async () => {
    const [old, next] = ['a'.repeat(32), 'b'.repeat(32)];
    for (const each of [ONE, TWO]) {
      await insertRun(opened.db, each);
      await ensure(old, each);
    }
    await ensure(next);
    expect([await isValid(old), await isValid(next)]).toEqual([true, true]);
    await ensure(next, TWO);
    expect([await isValid(old), await isValid(next)]).toEqual([false, true]);
  });

  it('leave no shared OWNER_API_KEY in force for one that does not run, until that starts with it', async () => {
    const [old, next] = ['a'.repeat(32), 'b'.repeat(32)];
    await insertRun(opened.db, ONE);
    const gone = await insertRun(opened.db, TWO);
    for (const each of [ONE, TWO]) await ensure(old, each);
    await endRun(opened.db, gone);
    await ensure(next);
    expect(await isValid(old)).toBe(false);
    await ensure(old, TWO);
    expect([await isValid(old), await isValid(next)]).toEqual([true, true]);
  });

  it('have one owner key if they share it and start at the same moment', async () => {
    const shared = 'a'.repeat(32);
    await Promise.all([ONE, TWO].map((each) => ensure(shared, each)));
    const key = await findApiKey(opened.db, keyToHash(shared));
    expect([...(key?.instances ?? [])].sort()).toEqual([ONE, TWO]);
  });
});
