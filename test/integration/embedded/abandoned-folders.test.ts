import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeAbandonedFolders } from '../../../src/embedded/abandoned-folders.ts';
import { openDataFolder } from '../../../src/embedded/data-folder.ts';
import { openSocketFolder, socketFolderPath } from '../../../src/embedded/socket-folder.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

let folder: TemporaryFolder;
let temporary: string;
const outer = process.env.TMPDIR;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  temporary = join(folder.path, 't');
  await mkdir(temporary);
  process.env.TMPDIR = temporary;
});

afterEach(async () => {
  if (outer === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = outer;
  await folder[Symbol.asyncDispose]();
});

/** What a killed daemon leaves: its data folder with a lock that nobody holds, and its socket folder. */
async function leaveBehind(name: string): Promise<string> {
  const data = await openDataFolder(join(folder.path, name));
  const { path } = await openSocketFolder(data.path, 'redis');
  await data[Symbol.asyncDispose]();
  return path;
}

it('removes the socket folder of a daemon that is gone', async () => {
  const log = new RecordingLogger();
  const path = await leaveBehind('dead');
  expect(path.startsWith(tmpdir())).toBe(true);
  await removeAbandonedFolders(log);
  expect(await readdir(temporary)).toEqual([]);
  expect(log.lines).toMatchObject([{ level: 'info' }]);
});

it('leaves that of a daemon which lives, also while its server is down', async () => {
  await using data = await openDataFolder(join(folder.path, 'alive'));
  await using sockets = await openSocketFolder(data.path, 'postgres');
  await removeAbandonedFolders(new RecordingLogger());
  expect(await readdir(temporary)).toEqual([basename(sockets.path)]);
});

it('leaves what it cannot be sure of: no owner, an owner of another name, one that is not there', async () => {
  const bare = join(temporary, 'switchboard-0123456789abcdef-redis');
  const forged = join(temporary, 'switchboard-fedcba9876543210-redis');
  const moved = socketFolderPath('/nowhere/at/all', 'redis', temporary);
  const unlike = join(temporary, 'switchboard-notes');
  for (const each of [bare, forged, moved, unlike]) await mkdir(each);
  await leaveBehind('dead');
  await writeFile(join(forged, 'owner'), join(folder.path, 'dead'));
  await writeFile(join(moved, 'owner'), '/nowhere/at/all');
  await removeAbandonedFolders(new RecordingLogger());
  expect((await readdir(temporary)).sort()).toEqual(
    [bare, forged, moved, unlike].map((path) => basename(path)).sort(),
  );
});
