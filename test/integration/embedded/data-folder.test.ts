import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { openDataFolder } from '../../../src/embedded/data-folder.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const MODULE = new URL('../../../src/embedded/data-folder.ts', import.meta.url);

/** Opens the folder in another process, which keeps it until it is killed. */
async function openElsewhere(path: string) {
  const program = `import { openDataFolder } from ${JSON.stringify(MODULE.href)};
    globalThis.folder = await openDataFolder(${JSON.stringify(path)});
    console.log('open');
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(createInterface({ input: child.stdout }), 'line');
  return child;
}

test('the folder is made for its owner alone', async () => {
  await using temporary = await openTemporaryFolder();
  await using folder = await openDataFolder(join(temporary.path, 'a', 'b'));
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
});

test('an empty folder that others could look into is closed', async () => {
  await using temporary = await openTemporaryFolder();
  await chmod(temporary.path, 0o755);
  await using folder = await openDataFolder(temporary.path);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
});

test('a folder that others use too keeps its mode', async () => {
  await using temporary = await openTemporaryFolder();
  await chmod(temporary.path, 0o755);
  await mkdir(join(temporary.path, 'theirs'));
  for (const start of ['first', 'second']) {
    await using folder = await openDataFolder(temporary.path);
    expect((await stat(folder.path)).mode & 0o777, start).toBe(0o755);
  }
});

test('a second daemon is refused, with the folder, the pid of the first and a remedy', async () => {
  await using temporary = await openTemporaryFolder();
  const other = await openElsewhere(temporary.path);
  const refusal = openDataFolder(temporary.path);
  await expect(refusal).rejects.toMatchObject({ code: 'DATA_PATH_LOCKED' });
  await expect(refusal).rejects.toThrow(
    new RegExp(
      `pid ${other.pid}.*${temporary.path}.*set DATA_PATH and WHATSAPP_SESSION_PATH to other folders`,
    ),
  );
  other.kill('SIGKILL');
  await once(other, 'exit');
});

test('a daemon that was killed leaves its folder free', async () => {
  await using temporary = await openTemporaryFolder();
  const other = await openElsewhere(temporary.path);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await using folder = await openDataFolder(temporary.path);
  expect(folder.path).toBe(temporary.path);
});

test('a folder that was given back can be opened again, and keeps no pid', async () => {
  await using temporary = await openTemporaryFolder();
  const first = await openDataFolder(temporary.path);
  await expect(openDataFolder(temporary.path)).rejects.toMatchObject({ code: 'DATA_PATH_LOCKED' });
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  expect(await readdir(temporary.path)).toEqual(['daemon.lock']);
  await using second = await openDataFolder(temporary.path);
  expect(second.path).toBe(temporary.path);
});

test('a path that cannot be a folder is refused by name', async () => {
  await using temporary = await openTemporaryFolder();
  await writeFile(join(temporary.path, 'file'), '');
  for (const path of [join(temporary.path, 'file'), join(temporary.path, 'file', 'below'), '/proc/none']) {
    const refusal = openDataFolder(path);
    await expect(refusal).rejects.toMatchObject({ code: 'DATA_PATH_UNWRITABLE' });
    await expect(refusal).rejects.toThrow(path);
  }
});

// Root may write everywhere.
if (process.getuid?.() !== 0)
  test('a folder that may not be written is refused by name', async () => {
    await using temporary = await openTemporaryFolder();
    const path = join(temporary.path, 'closed');
    await mkdir(path, { mode: 0o500 });
    const refusal = openDataFolder(join(path, 'data'));
    await expect(refusal).rejects.toMatchObject({ code: 'DATA_PATH_UNWRITABLE' });
  });
