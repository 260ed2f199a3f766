import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRuntimeFolder } from '../../../../src/channels/whatsapp-web/runtime-folder.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

/** More sessions than any machine has memory for. */
const TOO_MANY = 1_000_000_000;

let root: TemporaryFolder;
/** A folder in memory that stands for all of it. */
let memory: string;
let log: RecordingLogger;

beforeEach(async () => {
  root = await openTemporaryFolder();
  memory = await mkdtemp('/dev/shm/switchboard-test-');
  log = new RecordingLogger();
});
afterEach(async () => {
  await root[Symbol.asyncDispose]();
  await rm(memory, { recursive: true, force: true });
});

const open = (more: Partial<Parameters<typeof openRuntimeFolder>[0]> = {}) =>
  openRuntimeFolder({
    configured: null,
    dataPath: root.path,
    maxSessions: 1,
    log,
    sharedMemory: memory,
    ...more,
  });

it('is a private folder in memory, the same one after every start, removed when it is empty', async () => {
  const folder = await open();
  expect(folder.path.startsWith(`${memory}/`)).toBe(true);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
  expect(folder.formerPaths).toEqual([join(root.path, 'live')]);
  expect(folder.isInMemory).toBe(true);
  expect((await open()).path).toBe(folder.path);
  await folder[Symbol.asyncDispose]();
  expect(await readdir(memory)).toEqual([]);
});

it('is another one for another data folder', async () => {
  await mkdir(join(root.path, 'other'));
  expect((await open({ dataPath: join(root.path, 'other') })).path).not.toBe((await open()).path);
});

it('stays if something is left in it', async () => {
  const folder = await open();
  await mkdir(join(folder.path, 'session-left'));
  await folder[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual(['session-left']);
});

it('lies under the data folder, where memory has no room for every session', async () => {
  const folder = await open({ maxSessions: TOO_MANY });
  expect(folder.path).toBe(join(root.path, 'live'));
  expect(folder.formerPaths).toHaveLength(1);
  expect(folder.isInMemory).toBe(false);
  expect(await readdir(memory)).toEqual([]);
});

it.each([
  ['belongs to nobody, being a link', (path: string) => symlink(root.path, path)],
  ['is a file', (path: string) => writeFile(path, '')],
])('lies under the data folder if its name in memory %s', async (_what, take) => {
  const { path } = await open();
  await rm(path, { recursive: true });
  await take(path);
  expect((await open()).path).toBe(join(root.path, 'live'));
});

it('is the configured one if that lies in the data folder, shut to others', async () => {
  const configured = join(root.path, 'mine');
  await mkdir(configured);
  await chmod(configured, 0o755);
  const folder = await open({ configured });
  expect(folder.path).toBe(configured);
  expect((await stat(configured)).mode & 0o777).toBe(0o700);
  expect(folder.formerPaths).toHaveLength(2);
  expect(folder.isInMemory).toBe(false);
});

describe('a configured folder elsewhere', () => {
  let elsewhere: string;
  beforeEach(async () => {
    elsewhere = join(memory, 'elsewhere');
    await mkdir(elsewhere, { mode: 0o755 });
  });

  it('holds a folder of its own for each data folder, so that several instances may be told of the same one', async () => {
    const other = join(root.path, 'other');
    await mkdir(other);
    const folders = [
      await open({ configured: elsewhere }),
      await open({ configured: elsewhere, dataPath: other }),
    ];
    expect(new Set(folders.map(({ path }) => path)).size).toBe(2);
    for (const folder of folders) {
      expect(folder.path.startsWith(`${elsewhere}/switchboard-`)).toBe(true);
      expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
      expect(folder.isInMemory).toBe(true);
    }
    expect((await open({ configured: elsewhere })).path).toBe(folders[0]?.path);
    for (const folder of folders) await folder[Symbol.asyncDispose]();
    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('is a former place itself, since profiles were opened in it before', async () => {
    const { formerPaths } = await open({ configured: elsewhere });
    expect(formerPaths).toContain(elsewhere);
  });

  it('is none of the data folder through a link in that', async () => {
    const link = join(root.path, 'link');
    await symlink(elsewhere, link);
    expect((await open({ configured: link })).path.startsWith(`${link}/switchboard-`)).toBe(true);
  });
});

it('that cannot be written is refused by the name of its variable', async () => {
  await writeFile(join(root.path, 'file'), '');
  await expect(open({ configured: join(root.path, 'file', 'below') })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: [{ field: 'WHATSAPP_RUNTIME_PATH' }],
  });
});

it('is a folder of its own below one that others write to as well, which stays as it is', async () => {
  const shared = join(memory, 'shared');
  await mkdir(shared);
  await chmod(shared, 0o1777);
  const folder = await open({ configured: shared });
  expect(folder.path.startsWith(`${shared}/switchboard-`)).toBe(true);
  expect((await stat(shared)).mode & 0o7777).toBe(0o1777);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
});

it('stays in memory while something lies there, whatever the room', async () => {
  const { path } = await open();
  await mkdir(join(path, 'session-left'));
  expect((await open({ maxSessions: TOO_MANY })).path).toBe(path);
});

it('remembers where profiles were opened before it was configured otherwise, until nothing lies there', async () => {
  const [first, second] = [join(root.path, 'first'), join(root.path, 'a second')];
  await open({ configured: first });
  await mkdir(join(first, 'session-left'));
  expect((await open({ configured: second })).formerPaths).toContain(first);
  await mkdir(join(second, 'session-left'));
  // A start that was cut off before it took anything over forgets nothing.
  expect((await open()).formerPaths).toEqual([join(root.path, 'live'), second, first]);
  await rm(first, { recursive: true });
  expect((await open()).formerPaths).toContain(second);
  expect((await open()).formerPaths).not.toContain(first);
});

it('takes nothing over from where somebody else may have put it', async () => {
  const first = join(root.path, 'first');
  await open({ configured: first });
  await mkdir(join(root.path, 'mine', 'session-left'), { recursive: true });
  await rm(first, { recursive: true });
  await symlink(join(root.path, 'mine'), first);
  expect((await open()).formerPaths).not.toContain(first);
});

it('is no former one of its own under another name', async () => {
  const { path: onDisk } = await open({ maxSessions: TOO_MANY });
  const alias = join(root.path, 'alias');
  await symlink(onDisk, alias);
  const aliased = await open({ configured: alias });
  expect(aliased.path).toBe(alias);
  expect(aliased.formerPaths).not.toContain(onDisk);
  expect((await open({ configured: alias })).formerPaths).not.toContain(onDisk);
});

it('needs nothing of what it remembered', async () => {
  await writeFile(join(root.path, 'runtime-paths'), '\0garbage\n../up\n');
  expect((await open()).formerPaths).toEqual([join(root.path, 'live')]);
});
