import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findText, writeWhole } from '../../../src/lib/whole-file.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let path: string;
beforeEach(async () => {
  folder = await openTemporaryFolder();
  path = join(folder.path, 'file');
});
afterEach(() => folder[Symbol.asyncDispose]());

describe('writeWhole', () => {
  it('writes a file for its owner alone, in place of another', async () => {
    await writeFile(path, 'old, and longer', { mode: 0o644 });
    await writeWhole(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(['file']);
  });

  it('replaces what a crash has left, and writes to nothing that it leads to', async () => {
    const other = join(folder.path, 'other');
    await writeFile(other, 'theirs');
    await symlink(other, `${path}.part`);
    await writeWhole(path, 'new');
    expect(await readFile(other, 'utf8')).toBe('theirs');
    expect(await readdir(folder.path)).toEqual(['file', 'other']);
  });

  it('rejects as the system does where nothing can be written', async () => {
    await expect(writeWhole(join(path, 'none'), 'new')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('findText', () => {
  it('finds what is in a file', async () => {
    await writeFile(path, 'text');
    expect(await findText(path)).toBe('text');
  });

  it('finds nothing where no file is', async () => {
    expect(await findText(path)).toBeUndefined();
  });

  it('rejects where a file cannot be read', async () => {
    await expect(findText(folder.path)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
