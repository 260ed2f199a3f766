import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ensureFolderId } from '../../../src/embedded/folder-id.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

it('stays the same, is another in each folder, and is made anew where it was damaged', async () => {
  await using one = await openTemporaryFolder();
  await using other = await openTemporaryFolder();
  const id = await ensureFolderId(one.path);
  expect(await ensureFolderId(one.path)).toBe(id);
  expect(await ensureFolderId(other.path)).not.toBe(id);
  await writeFile(join(one.path, 'folder-id'), 'a/b');
  expect(await ensureFolderId(one.path)).toMatch(/^[\da-f-]{36}$/);
});

it('says where it cannot be kept', async () => {
  await using one = await openTemporaryFolder();
  await expect(ensureFolderId(join(one.path, 'away'))).rejects.toMatchObject({
    code: 'DATA_PATH_UNWRITABLE',
  });
});
