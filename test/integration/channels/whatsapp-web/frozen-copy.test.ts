import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findBrowserProcesses,
  killBrowserProcesses,
} from '../../../../src/channels/whatsapp-web/browser-process.ts';
import { copyFrozen } from '../../../../src/channels/whatsapp-web/frozen-copy.ts';
import { findKeptEntries } from '../../../../src/channels/whatsapp-web/profile-content.ts';
import { findDamage } from '../../../../src/channels/whatsapp-web/profile-damage.ts';
import { writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { cutTornLogs } from '../../../../src/channels/whatsapp-web/torn-log.ts';
import { packFolder, unpackInto } from '../../../../src/vault/profile-archive.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { scaled } from '../../../support/scale.ts';
import { countRecords, StoragePage, storeRecords } from '../../../support/storage-page.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';

const LIMITS = { maxBytes: 1024 ** 3, maxEntries: 10_000 };
/** Far more than it takes on a busy machine. */
const DEADLINE_MS = 20_000;

let folder: TemporaryFolder;
let profile: string;
let target: string;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  profile = join(folder.path, 'session-1');
  target = join(folder.path, 'copy');
  await mkdir(join(profile, 'Default', 'IndexedDB'), { recursive: true });
});
afterEach(() => folder[Symbol.asyncDispose]());

const stateOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) (.).*$/s, '$1');

describe('a program that writes without a pause', () => {
  let program: ChildProcess;
  let pid: number;

  beforeEach(async () => {
    // Two files that always get the same line, by a child of a child: only one that stands still shows them alike.
    const lines =
      'n=0; while :; do n=$((n+1)); echo $n >> "$1/a"; echo $n >> "$1/b"; [ $n -eq 5 ] && echo up; done';
    const script = `sh -c '${lines}' writer "$1"; exit 0`;
    const at = join(profile, 'Default', 'IndexedDB');
    program = spawn(
      'sh',
      ['-c', script, 'browser', at, `--user-data-dir=${profile}`, '--switchboard-account=1'],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    pid = program.pid ?? 0;
    await once(program.stdout ?? program, 'data');
  });
  afterEach(async () => {
    const ended = once(program, 'exit');
    await killBrowserProcesses(profile);
    await ended;
  });

  const isAwake = () => expect(findBrowserProcesses(profile).map(stateOf)).not.toContain('T');

  it('stands still while it is copied, and goes on', async () => {
    const read = (name: string) => readFile(join(target, 'Default', 'IndexedDB', name), 'utf8');
    const frozenMs = await copyFrozen(profile, target, DEADLINE_MS);
    isAwake();
    expect(frozenMs).toBeGreaterThan(0);
    const [a, b] = [(await read('a')).trimEnd().split('\n'), (await read('b')).trimEnd().split('\n')];
    expect(a.length - b.length).toBeGreaterThanOrEqual(0);
    expect(a.length - b.length).toBeLessThanOrEqual(1);
  });

  it('goes on if the copy fails, of which nothing is left', async () => {
    const failing = (path: string) => {
      const found = findBrowserProcesses(path);
      if (found.every((each) => stateOf(each) === 'T')) throw new Error('Nobody can be asked.');
      return found;
    };
    await expect(copyFrozen(profile, target, DEADLINE_MS, { findProcesses: failing })).rejects.toThrow(
      'Nobody can be asked.',
    );
    isAwake();
    expect(existsSync(target)).toBe(false);
  });

  it('goes on at the deadline, which the copy does not outlive', async () => {
    for (let nth = 0; nth < 3_000; nth += 1) await writeFile(join(profile, 'Default', `file ${nth}`), 'x');
    await expect(copyFrozen(profile, target, 15)).rejects.toThrow('could not be copied within 15 ms');
    isAwake();
    expect(existsSync(target)).toBe(false);
  });

  it('is no trouble if a process of it has ended when it is to stand still', async () => {
    const ended = spawn('true');
    await once(ended, 'exit');
    const looks = [[ended.pid ?? 0]];
    const find = (path: string) => [...findBrowserProcesses(path), ...(looks.pop() ?? [])];
    expect(await copyFrozen(profile, target, DEADLINE_MS, { findProcesses: find })).toBeGreaterThan(0);
    isAwake();
  });

  it.each(['SIGSTOP', 'SIGCONT'] as const)(
    'goes on if a process of it cannot be sent a %s',
    async (refused) => {
      let isFirst = true;
      const kill = (each: number, name: 'SIGSTOP' | 'SIGCONT') => {
        if (name === refused && isFirst) {
          isFirst = false;
          // As for one of another user, which is stopped by nobody.
          if (name === 'SIGCONT') process.kill(each, name);
          throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
        }
        process.kill(each, name);
      };
      await expect(copyFrozen(profile, target, DEADLINE_MS, { kill })).rejects.toThrow();
      expect(isFirst).toBe(false);
      isAwake();
      expect(existsSync(target)).toBe(false);
    },
  );

  it('tells when it stands still, before anything is copied', async () => {
    const seen: string[] = [];
    const onFrozen = () => seen.push(...findBrowserProcesses(profile).map(stateOf), ...readdirSync(target));
    await copyFrozen(profile, target, DEADLINE_MS, { onFrozen });
    expect([...new Set(seen)]).toEqual(['T']);
    isAwake();
  });

  it('has not stood still if the target is there already', async () => {
    await mkdir(target);
    await writeFile(join(target, 'mine'), 'x');
    await expect(copyFrozen(profile, target, DEADLINE_MS)).rejects.toThrow('EEXIST');
    expect(await readdir(target)).toEqual(['mine']);
    isAwake();
    expect(stateOf(pid)).not.toBe('T');
  });
});

it('is a plain copy if no browser runs', async () => {
  await writeFile(join(profile, 'Default', 'Cookies'), 'x');
  await copyFrozen(profile, target, DEADLINE_MS);
  expect(await readFile(join(target, 'Default', 'Cookies'), 'utf8')).toBe('x');
});

describe('a browser that stores without a pause', () => {
  let stack: AsyncDisposableStack;
  let site: StoragePage;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    site = stack.use(await StoragePage.open());
    stack.defer(async () => void (await killBrowserProcesses(profile)));
    stack.defer(async () => void (await killBrowserProcesses(target)));
  });
  afterEach(() => stack.disposeAsync());

  /** The browser finds at least so many records in a profile, in which no damage was seen. */
  async function holds(path: string, records: number): Promise<void> {
    expect(await findDamage(path, { isLinked: true })).toBeUndefined();
    await cutTornLogs(path);
    const { browser, page } = await site.launch(path);
    const found = await countRecords(page);
    await browser.close();
    expect(found).toBeGreaterThanOrEqual(records);
    expect(await findDamage(path, { isLinked: true })).toBeUndefined();
  }

  it('has nothing damaged in its copies, and loses none of what it had stored', async () => {
    const { browser, page } = await site.launch(profile);
    let records = 0;
    for (let round = 0; round < scaled(3, 20); round += 1) {
      await storeRecords(page, 40);
      records += 40;
      const going = storeRecords(page, 40);
      target = join(folder.path, `copy-${round}`);
      await copyFrozen(profile, target, DEADLINE_MS);
      await holds(target, records);
      await going;
      records += 40;
    }
    const tables = (await readdir(target, { recursive: true })).filter((name) => name.endsWith('.ldb'));
    expect(tables.length).toBeGreaterThan(0);
    await browser.close();
    await holds(profile, records);
  });

  it('has nothing damaged when it was killed', async () => {
    let records = 0;
    for (let round = 0; round < scaled(3, 20); round += 1) {
      const { browser, page } = await site.launch(profile);
      await storeRecords(page, 40);
      records += 40;
      await page.evaluate(() => localStorage.clear());
      const going = storeRecords(page, 400).catch(() => 'killed');
      const key = `key ${(round * 7) % 50}`;
      await page.waitForFunction((last) => localStorage.getItem(last) !== null, {}, key);
      await killBrowserProcesses(profile);
      expect(await going).toBe('killed');
      await browser.close().catch(() => undefined);
      await holds(profile, records);
    }
  });
});

it('is still linked where its copy is unpacked, made while messages came and went', async () => {
  await using stage = await PoolStage.open();
  const [shop, alice] = [await stage.world.phone('shop'), await stage.world.phone('alice')];
  const id = await stage.link(shop);
  const codes = stage.of(id).qrs.length;
  for (let round = 1; round <= scaled(2, 8); round += 1) {
    const sending = Array.from({ length: 20 }, (_, nth) => alice.send(shop, `${round}: ${nth}`));
    await stage.received(id, `${round}: 0`);
    target = join(folder.path, `copy-${round}`);
    await copyFrozen(stage.profilePath(id), target, DEADLINE_MS);
    expect(await findDamage(target, { isLinked: true })).toBeUndefined();
    await Promise.all(sending);
    await stage.received(id, `${round}: 19`);
    await stage.pool[Symbol.asyncDispose]();
    const unpacked = join(folder.path, `unpacked-${round}`);
    await unpackInto(packFolder(target, await findKeptEntries(target)), unpacked, LIMITS);
    // Newer than anything in the vault: it is used in its place.
    await writeProfileMark(unpacked, { generation: round * 1_000, boot: null });
    await rename(unpacked, stage.profilePath(id));
    await stage.reopen();
    await stage.pool.restore();
    await stage.connected(id, round + 1);
    await alice.send(shop, `after ${round}`);
    await stage.received(id, `after ${round}`);
  }
  expect(stage.of(id).qrs.length).toBe(codes);
});
