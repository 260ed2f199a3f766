import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { VaultFolder } from '../../../src/vault/vault-folder.ts';
import type { VaultStep } from '../../../src/vault/vault-step.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const ID = makeAccountId();
const HOUR_MS = 3_600_000;

let root: TemporaryFolder;
let steps: VaultStep[];
let folder: VaultFolder;

beforeEach(async () => {
  root = await openTemporaryFolder();
  steps = [];
  folder = new VaultFolder(root.path, (step) => void steps.push(step));
});
afterEach(() => root[Symbol.asyncDispose]());

async function* bytesOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('The source broke.');
}

async function textOf(generation: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of folder.read(ID, generation)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a generation', () => {
  it('is written whole, for its owner alone, and read back', async () => {
    expect(await folder.write(ID, 3, bytesOf('se', 'aled'))).toBe(6);
    expect(await textOf(3)).toBe('sealed');
    expect((await stat(folder.pathOf(ID, 3))).mode & 0o777).toBe(0o600);
    expect((await stat(join(root.path, ID))).mode & 0o777).toBe(0o700);
    expect(steps).toEqual([
      'snapshot-begun',
      'snapshot-written',
      'snapshot-synced',
      'snapshot-renamed',
      'snapshot-on-disk',
    ]);
  });

  it('is not there at all if its source breaks', async () => {
    await expect(folder.write(ID, 1, failing())).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    expect(await readdir(root.path)).toEqual([]);
  });

  it('stays as it was if a later writing of it breaks', async () => {
    await folder.write(ID, 1, bytesOf('first'));
    await folder.write(ID, 1, failing()).catch(() => undefined);
    expect(await textOf(1)).toBe('first');
    await folder.write(ID, 1, bytesOf('second'));
    expect(await textOf(1)).toBe('second');
  });

  it('that cannot be written names the path', async () => {
    await writeFile(join(root.path, ID), 'in the way');
    await expect(folder.write(ID, 1, bytesOf('x'))).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining(folder.pathOf(ID, 1)),
    });
  });
});

describe('a generation that cannot be read', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['is not there', async () => undefined],
    ['is a folder', (path) => mkdir(path)],
    // Nothing is mapped where it begins, so that reading it is an error of input and output.
    ['lies on bad sectors', (path) => symlink('/proc/self/mem', path)],
  ])('is damaged if it %s: another copy has to do', async (_what, spoil) => {
    await folder.write(ID, 1, bytesOf('x'));
    await spoil(folder.pathOf(ID, 2));
    await expect(textOf(2)).rejects.toMatchObject({
      code: 'VAULT_DAMAGED',
      message: expect.stringContaining(folder.pathOf(ID, 2)),
    });
  });

  it('is out of reach if the system says anything else', async () => {
    await folder.write(ID, 1, bytesOf('x'));
    await symlink(folder.pathOf(ID, 2), folder.pathOf(ID, 2));
    await expect(textOf(2)).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('ELOOP'),
    });
  });
});

describe('the list', () => {
  it('holds generations by number, newest first, and nothing else that lies there', async () => {
    for (const generation of [2, 10, 9]) await folder.write(ID, generation, bytesOf('x'));
    for (const name of ['11.vault.part-abc', '007.vault', '-1.vault', 'notes.txt', '12.vault.bak'])
      await writeFile(join(root.path, ID, name), 'x');
    expect(await folder.list(ID)).toEqual([10, 9, 2]);
    expect(await folder.list(makeAccountId())).toEqual([]);
  });

  it('of accounts holds folders that are named as one', async () => {
    await folder.write(ID, 1, bytesOf('x'));
    await mkdir(join(root.path, 'lost+found'));
    await writeFile(join(root.path, '.gitkeep'), '');
    expect(await folder.listAccounts()).toEqual([ID]);
  });
});

describe('removal', () => {
  it('takes the named generations, and the folder with the last one', async () => {
    for (const generation of [1, 2]) await folder.write(ID, generation, bytesOf('x'));
    await folder.remove(ID, [1, 7]);
    expect(await folder.list(ID)).toEqual([2]);
    await folder.remove(ID, [2]);
    expect(await readdir(root.path)).toEqual([]);
    await folder.remove(ID, [2]);
  });

  it('takes the parts of generations that were destroyed, however young', async () => {
    await folder.write(ID, 4, bytesOf('x'));
    for (const name of ['2.vault.part-0a', '3.vault.part-0b', '4.vault.part-0c', '3.vault.bak'])
      await writeFile(join(root.path, ID, name), 'half');
    await folder.removePartsThrough(ID, 3);
    expect((await readdir(join(root.path, ID))).sort()).toEqual([
      '3.vault.bak',
      '4.vault',
      '4.vault.part-0c',
    ]);
    await folder.removePartsThrough(makeAccountId(), 3);
  });

  it('of parts leaves those that somebody may still be writing', async () => {
    await folder.write(ID, 1, bytesOf('x'));
    const [old, young] = ['2.vault.part-0a', '3.vault.part-0b'].map((name) => join(root.path, ID, name));
    for (const path of [old, young]) await writeFile(path ?? '', 'half');
    const past = new Date(Date.now() - 2 * HOUR_MS);
    await utimes(old ?? '', past, past);
    expect(await folder.removeParts(Date.now())).toBe(1);
    expect((await readdir(join(root.path, ID))).sort()).toEqual(['1.vault', '3.vault.part-0b']);
    expect(await readFile(folder.pathOf(ID, 1), 'utf8')).toBe('x');
  });

  it('of parts leaves those that are being written here, however old', async () => {
    const late = Date.now() + 2 * HOUR_MS;
    const slow = async function* () {
      yield Buffer.from('half');
      expect(await folder.removeParts(late)).toBe(0);
      yield Buffer.from('whole');
    };
    await folder.write(ID, 1, slow());
    expect(await textOf(1)).toBe('halfwhole');
    const used = await folder.withTemporary({ accountId: ID, generation: 2 }, slow(), async ({ path }) => {
      expect(await folder.removeParts(late)).toBe(0);
      return readFile(path, 'utf8');
    });
    expect(used).toBe('halfwhole');
  });
});
