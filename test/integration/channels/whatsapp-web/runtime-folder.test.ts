import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openRuntimeFolder } from '../../../../src/channels/whatsapp-web/runtime-folder.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

/** More sessions than any machine has memory for. */
const TOO_MANY = 1_000_000_000;
const ON_A_DISK = 'Opened sessions lie on a disk while they run';

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

const warnings = () => log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

it('is a private folder in memory, the same one after every start, removed when it is empty', async () => {
  const folder = await open();
  expect(folder.path.startsWith(`${memory}/`)).toBe(true);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
  expect(folder.formerPaths).toEqual([join(root.path, 'live')]);
  expect(warnings()).toEqual([]);
  expect((await open()).path).toBe(folder.path);
  await folder[Symbol.asyncDispose]();
  expect(await readdir(memory)).toEqual([]);
});

it('is another one for another data folder', async () => {
  expect((await open({ dataPath: join(root.path, 'other') })).path).not.toBe((await open()).path);
});

it('stays if something is left in it', async () => {
  const folder = await open();
  await mkdir(join(folder.path, 'session-left'));
  await folder[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual(['session-left']);
});

it('lies under the data folder, with a warning, where memory has no room for every session', async () => {
  const folder = await open({ maxSessions: TOO_MANY });
  expect(folder.path).toBe(join(root.path, 'live'));
  expect(folder.formerPaths).toHaveLength(1);
  expect(warnings()).toEqual([ON_A_DISK]);
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

it('is the configured one, shut to others, with a warning if that is on a disk', async () => {
  const configured = join(root.path, 'mine');
  await mkdir(configured);
  await chmod(configured, 0o755);
  const folder = await open({ configured });
  expect(folder.path).toBe(configured);
  expect((await stat(configured)).mode & 0o777).toBe(0o700);
  expect(folder.formerPaths).toHaveLength(2);
  expect(warnings()).toEqual([ON_A_DISK]);
  expect((await open({ configured: join(memory, 'mine') })).path).toBe(join(memory, 'mine'));
  expect(warnings()).toHaveLength(1);
});

it('that cannot be written is refused by the name of its variable', async () => {
  await writeFile(join(root.path, 'file'), '');
  await expect(open({ configured: join(root.path, 'file', 'below') })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: [{ field: 'WHATSAPP_RUNTIME_PATH' }],
  });
});
