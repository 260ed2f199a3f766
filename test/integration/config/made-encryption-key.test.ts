import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encryptionKeyPathOf, ensureEncryptionKey } from '../../../src/config/made-encryption-key.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await openTemporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

it('makes a key on the first start, for its owner alone, and finds the same one again', async () => {
  const made = await ensureEncryptionKey(folder.path);
  expect(made.path).toBe(encryptionKeyPathOf(folder.path));
  expect(made.key).toHaveLength(32);
  expect((await stat(made.path)).mode & 0o777).toBe(0o600);
  const again = await ensureEncryptionKey(folder.path);
  expect(Buffer.from(again.key).equals(made.key)).toBe(true);
  expect(await readdir(folder.path)).toEqual(['encryption-key']);
});

it('makes another key for another folder', async () => {
  await using other = await openTemporaryFolder();
  const [one, two] = [await ensureEncryptionKey(folder.path), await ensureEncryptionKey(other.path)];
  expect(Buffer.from(one.key).equals(two.key)).toBe(false);
});

it('takes the key back from eyes that it was shown to', async () => {
  const { path } = await ensureEncryptionKey(folder.path);
  await chmod(path, 0o644);
  await ensureEncryptionKey(folder.path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('replaces what a crash has left of the writing', async () => {
  await writeFile(`${encryptionKeyPathOf(folder.path)}.part`, 'half');
  const { key } = await ensureEncryptionKey(folder.path);
  expect(key).toHaveLength(32);
  expect(await readdir(folder.path)).toEqual(['encryption-key']);
});

it('never replaces a damaged key, and says what to do without showing it', async () => {
  const path = encryptionKeyPathOf(folder.path);
  await writeFile(path, 'damaged-beyond-use\n');
  const error = await ensureEncryptionKey(folder.path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  expect(JSON.stringify(error)).not.toContain('damaged-beyond-use');
  expect(await readFile(path, 'utf8')).toBe('damaged-beyond-use\n');
  expect(await readdir(folder.path)).toEqual(['encryption-key']);
});

it('says which folder it cannot keep a key in', async () => {
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  await expect(ensureEncryptionKey(join(folder.path, 'missing'))).rejects.toMatchObject({
    code: 'DATA_PATH_UNWRITABLE',
    message: expect.stringContaining('ENCRYPTION_KEY'),
  });
});
