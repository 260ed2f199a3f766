import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureInstanceId } from '../../../src/config/instance-id.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

describe('ensureInstanceId', () => {
  it('makes a name once and keeps it', async () => {
    await using folder = await openTemporaryFolder();
    const made = await ensureInstanceId(null, folder.path);
    expect(made).toMatch(/^[\da-f-]{36}$/);
    expect(await ensureInstanceId(null, folder.path)).toBe(made);
    expect((await stat(join(folder.path, 'instance-id'))).mode & 0o777).toBe(0o600);
  });

  it('prefers the configured name and leaves the kept one', async () => {
    await using folder = await openTemporaryFolder();
    const made = await ensureInstanceId(null, folder.path);
    expect(await ensureInstanceId('eu-1', folder.path)).toBe('eu-1');
    expect(await readFile(join(folder.path, 'instance-id'), 'utf8')).toBe(`${made}\n`);
  });

  it('does not replace a damaged name', async () => {
    await using folder = await openTemporaryFolder();
    await writeFile(join(folder.path, 'instance-id'), '');
    await expect(ensureInstanceId(null, folder.path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: [{ field: 'INSTANCE_ID', message: expect.stringContaining('damaged') }],
    });
  });

  it('says when the name cannot be kept', async () => {
    await using folder = await openTemporaryFolder();
    await expect(ensureInstanceId(null, join(folder.path, 'missing'))).rejects.toMatchObject({
      code: 'DATA_PATH_UNWRITABLE',
    });
  });
});
