import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { SHARED_MEMORY } from '../../../../src/channels/whatsapp-web/runtime-folder.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';
import { type VaultDaemon, VaultDaemons } from '../../../support/vault-daemons.ts';
import { VaultRoot } from '../../../support/vault-root.ts';

let root: VaultRoot;
let daemons: VaultDaemons;
/** Whose profile is taken by another one, which stands still over it. */
let former: VaultDaemon;
const started: ChildProcess[] = [];

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  daemons = new VaultDaemons(await root.newPlaces());
  former = await daemons.leaveOpen();
  return async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    await daemons[Symbol.asyncDispose]();
  };
});

async function enter(name: string, settings: { readonly runtimePath?: string } = {}): Promise<VaultDaemon> {
  const daemon = await daemons.open(name, settings);
  await daemons.hold(daemon, name);
  return daemon;
}

/** A process that has the profile open, as a browser has. */
function launch(profilePath: string): ChildProcess {
  const marks = [`--user-data-dir=${profilePath}`, '--switchboard-account=1'];
  const child = spawn('sh', ['-c', 'echo up; read line', 'sh', ...marks], { detached: true });
  started.push(child);
  return child;
}
/** One that is removed before another is brought in its place, which takes turns of the loop. */
const leaveEarlier = ({ stage }: VaultDaemon) =>
  mkdirSync(join(stage.profilePath, 'Default'), { recursive: true });
async function launched(profilePath: string): Promise<ChildProcess> {
  const child = launch(profilePath);
  await once(child.stdout ?? child, 'data');
  return child;
}
const isAlive = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

function remark(profilePath: string, changes: object): void {
  const path = join(profilePath, 'switchboard.json');
  const mark = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...mark, ...changes }));
}
/** The profile is used under another lease from now on. */
const markAs = (profilePath: string, epoch: number) => remark(profilePath, { leaseEpochs: [epoch] });

it('opens nothing of an account that another instance took while it looked at the profile that it had open', async () => {
  await enter('b');
  // Moved away under its eyes: the mark was still read, and nothing of the rest.
  rmSync(join(former.stage.profilePath, 'Default'), { recursive: true });
  for (const _time of [1, 2])
    await expect(former.stage.keeper.takeOut(former.stage.accountId)).rejects.toThrow(LeaseLostError);
});

describe('an instance that wakes up while it brings a profile', () => {
  it('neither takes the profile nor ends the browser that its owner uses again', async () => {
    const { profilePath } = former.stage;
    const browser = await launched(profilePath);
    const taker = await enter('b');
    leaveEarlier(taker);
    let next: ChildProcess | undefined;
    // When the browser of before is seen to be gone the account is its owner's again, whose next one runs.
    browser.once('exit', () => {
      next = launch(profilePath);
      taker.lease = undefined;
    });
    await expect(taker.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
    expect(next !== undefined && isAlive(next)).toBe(true);
    expect(await former.stage.read()).toBe('gone on');
  });

  it('does not take a profile that somebody has begun to use meanwhile', async () => {
    const { profilePath } = former.stage;
    const browser = await launched(profilePath);
    const taker = await enter('b');
    leaveEarlier(taker);
    browser.once('exit', () => markAs(profilePath, 1_000_000));
    expect(await taker.stage.takeOut()).toBe('sealed');
    expect(await former.stage.read()).toBe('gone on');
  });
});

describe('a profile that is brought by a copy', () => {
  it('stays where it was until its use elsewhere is written down', async () => {
    await using memory = await openTemporaryFolder(SHARED_MEMORY);
    const taker = await enter('b', { runtimePath: memory.path });
    taker.stage.index.saveUse = () => Promise.reject(new LeaseLostError());
    await expect(taker.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
    expect(await former.stage.read()).toBe('gone on');
  });

  it('stays where it was if its owner uses it again by then', async () => {
    await using memory = await openTemporaryFolder(SHARED_MEMORY);
    const taker = await enter('b', { runtimePath: memory.path });
    const { index } = taker.stage;
    const { saveUse } = index;
    index.saveUse = async (accountId, epoch, path) => {
      await saveUse(accountId, epoch, path);
      markAs(former.stage.profilePath, epoch);
    };
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(await former.stage.read()).toBe('gone on');
  });
});

describe('a profile whose browser may only sleep, unseen, in another container', () => {
  it.each(['another', null])(
    'is copied, so that what that one writes when it wakes up meets no other (%s)',
    async (pidNamespace) => {
      const { profilePath } = former.stage;
      remark(profilePath, { pidNamespace });
      await using state = await open(join(profilePath, 'Local State'), 'a');
      const taker = await enter('b');
      expect(await taker.stage.takeOut()).toBe('gone on');
      const before = await readFile(join(taker.stage.profilePath, 'Local State'), 'utf8');
      await state.write('what the sleeper writes');
      expect(await readFile(join(taker.stage.profilePath, 'Local State'), 'utf8')).toBe(before);
      expect(await former.stage.listRuntime()).toEqual([]);
    },
  );
});

describe('a profile that is there and cannot be brought', () => {
  let now: number;
  const clock = { ...systemClock, monotonic: () => now };
  let memory: TemporaryFolder;
  let taker: VaultDaemon;

  beforeEach(async () => {
    now = 0;
    memory = await openTemporaryFolder(SHARED_MEMORY);
    taker = await daemons.open('b', { runtimePath: memory.path, clock });
    await daemons.hold(taker, 'b');
    return () => memory[Symbol.asyncDispose]();
  });

  /** Cannot be copied while it is there. */
  const hindrance = () => join(former.stage.profilePath, 'Default', 'IndexedDB', 'hindrance');
  const hinder = () => execFileSync('mkfifo', [hindrance()]);

  it('is waited for', async () => {
    hinder();
    await expect(taker.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    now += 10_000;
    await expect(taker.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    rmSync(hindrance());
    expect(await taker.stage.takeOut()).toBe('gone on');
  });

  it('is given up in the end', async () => {
    hinder();
    await expect(taker.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    now += 15_000;
    expect(await taker.stage.takeOut()).toBe('sealed');
  });

  it('is waited for without an end while a browser has it open', async () => {
    const browser = await launched(former.stage.profilePath);
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => true);
    await expect(taker.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    now += 3_600_000;
    await expect(taker.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    kill.mockRestore();
    expect(isAlive(browser)).toBe(true);
    expect(await taker.stage.takeOut()).toBe('gone on');
  }, 30_000);
});
