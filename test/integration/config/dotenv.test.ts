import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadEnvironment } from '../../../src/config/dotenv.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

describe('loadEnvironment', () => {
  it('is the real environment where there is no .env', async () => {
    await using folder = await openTemporaryFolder();
    expect(loadEnvironment({ PORT: '1' }, folder.path)).toEqual({
      env: { PORT: '1' },
      problems: [],
      warnings: [],
    });
  });

  it('lets the real environment win over .env', async () => {
    await using folder = await openTemporaryFolder();
    await writeFile(join(folder.path, '.env'), '\ufeffPORT=1\n# a comment\nHOST="::1"\nLOG_LEVEL=debug\n');
    expect(loadEnvironment({ PORT: '2', LOG_LEVEL: '' }, folder.path).env).toEqual({
      PORT: '2',
      HOST: '::1',
      LOG_LEVEL: '',
    });
  });

  it('tells lines that set nothing, and names that look misspelt', async () => {
    await using folder = await openTemporaryFolder();
    await writeFile(join(folder.path, '.env'), '\ufeffPROT=1\nHOST 127.0.0.1\nPGPASSWORD=x\n');
    expect(loadEnvironment({}, folder.path)).toMatchObject({
      problems: [{ field: '.env', message: expect.stringMatching(/^Line 2 sets nothing\. /) }],
      warnings: ['.env sets PROT, which Switchboard does not read. Is PORT meant?'],
    });
  });

  it('tells names of the environment that begin like ours and are not', async () => {
    await using folder = await openTemporaryFolder();
    await writeFile(join(folder.path, '.env'), 'WHATSAPP_PROXY=x\n');
    const env = { WHATSAPP_MAX_CONNECTION: '2', WHATSAPP_PROXY: 'y', PROT: '1', HOSTS: 'x' };
    expect(loadEnvironment(env, folder.path).warnings).toEqual([
      '.env sets WHATSAPP_PROXY, which Switchboard does not read. .env.example lists what it reads.',
      'The environment sets WHATSAPP_MAX_CONNECTION, which Switchboard does not read. Is WHATSAPP_MAX_CONNECTIONS meant?',
    ]);
  });

  it('names a .env that cannot be read', async () => {
    await using folder = await openTemporaryFolder();
    await mkdir(join(folder.path, '.env'));
    expect(() => loadEnvironment({}, folder.path)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        details: [
          { field: '.env', message: expect.stringMatching(/\.env is a folder\. Remove or rename it/) },
        ],
      }),
    );
  });
});
