import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import { ensureOwnerKey, ownerKeyPathOf } from '../../../src/http/owner-key.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const stack = new AsyncDisposableStack();
let opened: OpenDatabase;
let folder: TemporaryFolder;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  opened = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 2 }));
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  folder = await openTemporaryFolder();
  await opened.db.deleteFrom('api_keys').execute();
});
afterEach(() => folder[Symbol.asyncDispose]());

function ensure(configured: string | null = null) {
  return ensureOwnerKey({ db: opened.db, configured, dataPath: folder.path });
}

async function readKey(): Promise<string> {
  return (await readFile(ownerKeyPathOf(folder.path), 'utf8')).trim();
}

async function isValid(key: string): Promise<boolean> {
  const found = await findApiKey(opened.db, keyToHash(key));
  return found?.role === 'owner' && found.tenantId === 'default' && found.revokedAt === null;
}

it('makes a key on the first start, for its owner alone to read, and keeps it', async () => {
  expect(await ensure()).toEqual({ path: join(folder.path, 'owner-api-key'), made: true });
  const key = await readKey();
  expect(key).toMatch(/^sb_[\w-]{43}$/);
  expect((await stat(ownerKeyPathOf(folder.path))).mode & 0o777).toBe(0o600);
  expect(await isValid(key)).toBe(true);
  expect((await ensure()).made).toBe(false);
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
  expect((await ensure()).made).toBe(true);
  expect(await isValid(lost)).toBe(false);
  expect(await isValid(await readKey())).toBe(true);
});

it('replaces the made key by OWNER_API_KEY, and that by another, and back', async () => {
  await ensure();
  const made = await readKey();
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)];
  expect(await ensure(first)).toEqual({ path: null, made: false });
  expect(await isValid(first)).toBe(true);
  expect(await isValid(made)).toBe(false);
  await expect(readKey()).rejects.toThrow();
  await ensure(second);
  expect([await isValid(first), await isValid(second)]).toEqual([false, true]);
  await ensure(first);
  expect([await isValid(first), await isValid(second)]).toEqual([true, false]);
  expect((await ensure()).made).toBe(true);
  expect(await isValid(first)).toBe(false);
});

it('refuses a key that no header can carry', async () => {
  await expect(ensure('short')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
