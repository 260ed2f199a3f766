import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readProfileMark, writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { SHARED_MEMORY } from '../../../../src/channels/whatsapp-web/runtime-folder.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import { openTemporaryFolder } from '../../../support/temporary-folder.ts';
import {
  messagesOf,
  moveAway,
  readPlaces,
  type VaultDaemon,
  VaultDaemons,
} from '../../../support/vault-daemons.ts';
import { VaultRoot } from '../../../support/vault-root.ts';

const OUT_OF_REACH =
  'The profile that an account had open is out of reach: what its page took since the last snapshot is lost';
const BROUGHT = 'An account goes on with the profile that another instance had open';

let root: VaultRoot;
let daemons: VaultDaemons;
/** What was killed, stands still or was cut off over its session. */
let former: VaultDaemon;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  daemons = new VaultDaemons(await root.newPlaces());
  former = await daemons.leaveOpen();
  return () => daemons[Symbol.asyncDispose]();
});

async function join(name: string): Promise<VaultDaemon> {
  const daemon = await daemons.open(name);
  await daemons.hold(daemon, name);
  return daemon;
}
const details = ({ stage }: VaultDaemon) =>
  stage.log.lines.filter(({ message }) => message === OUT_OF_REACH).map(({ fields }) => fields);

describe('an instance that takes an account', () => {
  it('goes on with the profile that lies open at another one, and says where it lies now', async () => {
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(taker.stage.restoredFrom).toEqual([]);
    expect(messagesOf(taker)).toContain(BROUGHT);
    expect(await readPlaces(taker)).toEqual([taker.stage.profilePath]);
    expect(await former.stage.listRuntime()).toEqual([]);
    await taker.stage.store('further');
    await taker.stage.putAway();
    expect(await (await join('c')).stage.takeOut()).toBe('further');
  });

  it('does so also if an earlier profile lies open at its own place', async () => {
    await (await join('b')).stage.takeOut();
    const back = await join('a');
    expect(await back.stage.takeOut()).toBe('gone on');
    await back.stage.store('back');
    const again = await join('b');
    await again.stage.store('earlier');
    expect(await again.stage.takeOut()).toBe('back');
  });

  it('brings it by a copy where it lies on another file system', async () => {
    await using memory = await openTemporaryFolder(SHARED_MEMORY);
    const taker = await daemons.open('b', { runtimePath: memory.path });
    await daemons.hold(taker, 'b');
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(await readdir(memory.path)).toHaveLength(1);
    expect(await former.stage.listRuntime()).toEqual([]);
  });

  it('ends the browsers that still use it, before it is moved', async () => {
    const { profilePath } = former.stage;
    const marks = [`--user-data-dir=${profilePath}`, '--switchboard-account=1'];
    const browser = spawn('sh', ['-c', 'echo up; read line', 'sh', ...marks]);
    const ended = once(browser, 'exit');
    await once(browser.stdout, 'data');
    expect(await (await join('b')).stage.takeOut()).toBe('gone on');
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('opens the vault if the machine went down since, and says what is missing', async () => {
    const mark = await readProfileMark(former.stage.profilePath);
    if (mark === undefined) throw new Error('The profile bears no mark.');
    await writeProfileMark(former.stage.profilePath, { ...mark, boot: 'another' });
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('sealed');
    const { accountId, profilePath } = former.stage;
    const missing = [`${profilePath}: it is from before the machine went down`];
    expect(details(taker)).toEqual([expect.objectContaining({ accountId, missing })]);
  });

  it('opens the vault if the profile lies on another machine', async () => {
    const taker = await join('b');
    await moveAway(taker);
    expect(await taker.stage.takeOut()).toBe('sealed');
    expect(details(taker)).toEqual([
      expect.objectContaining({ missing: [expect.stringContaining('nothing lies there')] }),
    ]);
  });

  it('opens the vault if others can write where the profile lies', async () => {
    await chmod(dirname(former.stage.profilePath), 0o777);
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('sealed');
    expect(details(taker)).toEqual([
      expect.objectContaining({ missing: [expect.stringContaining('another user')] }),
    ]);
  });

  it('opens the vault, without a word, if the profile was sealed', async () => {
    await former.stage.putAway();
    expect(await readPlaces(former)).toEqual([]);
    const taker = await join('b');
    expect(await taker.stage.takeOut()).toBe('gone on');
    expect(taker.stage.restoredFrom).toHaveLength(1);
    expect(messagesOf(taker)).not.toContain(OUT_OF_REACH);
  });

  it('takes nothing of a link that was destroyed', async () => {
    const ender = await join('b');
    await ender.stage.keeper.destroy(ender.stage.accountId);
    expect(await (await join('c')).stage.takeOut()).toBe(null);
    expect(await (await join('a')).stage.takeOut()).toBe(null);
  });
});

describe('a profile that was being brought to an instance which died over it', () => {
  /** The taker dies after that many of its writes about the account. */
  async function dieAfter(writes: 'the first' | 'the move'): Promise<void> {
    const taker = await join('b');
    const { index } = taker.stage;
    const dies = () => Promise.reject(new Error('It died.'));
    const { savePlaces } = index;
    if (writes === 'the move') index.saveUse = dies;
    else
      index.savePlaces = async (...places) => {
        await savePlaces(...places);
        return dies();
      };
    await expect(taker.stage.takeOut()).rejects.toThrow('It died.');
    expect(existsSync(taker.stage.profilePath)).toBe(writes === 'the move');
  }

  it.each(['the first', 'the move'] as const)('is found by the next one, after %s', async (writes) => {
    await dieAfter(writes);
    const next = await join('c');
    expect(await next.stage.takeOut()).toBe('gone on');
    expect(next.stage.restoredFrom).toEqual([]);
    expect(await readPlaces(next)).toEqual([next.stage.profilePath]);
  });

  it.each(['the first', 'the move'] as const)('is found by its former holder, after %s', async (writes) => {
    await dieAfter(writes);
    expect(await (await join('a')).stage.takeOut()).toBe('gone on');
  });

  it('is left alone if the lease is over by then', async () => {
    const taker = await join('b');
    const { index } = taker.stage;
    const { savePlaces } = index;
    index.savePlaces = async (...places) => {
      await savePlaces(...places);
      taker.lease = undefined;
    };
    await expect(taker.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
    expect(existsSync(former.stage.profilePath)).toBe(true);
    expect(await (await join('c')).stage.takeOut()).toBe('gone on');
  });
});

describe('a former holder that wakes up', () => {
  it('does no harm to the profile that was taken from it, and says nothing that alarms', async () => {
    const taker = await join('b');
    await taker.stage.takeOut();
    former.lease = undefined;
    const { keeper, accountId, log } = former.stage;
    const before = log.lines.length;
    await keeper.putAway(accountId);
    await keeper.discard(accountId);
    await keeper.discardOutdated(accountId);
    await expect(former.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
    expect(log.lines.slice(before).filter(({ level }) => level === 'error')).toEqual([]);
    await keeper.snapshot(accountId);
    expect(log.lines.slice(before).filter(({ level }) => level === 'error')).toEqual([]);
    expect(await former.stage.listRuntime()).toEqual([]);
    expect(await taker.stage.read()).toBe('gone on');
    expect(await readPlaces(taker)).toEqual([taker.stage.profilePath]);
  });

  it('starts nothing with it while it takes itself to hold the account', async () => {
    await (await join('b')).stage.takeOut();
    await expect(former.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
  });

  it('leaves its profile to whoever holds the account, until that has begun to use one', async () => {
    const taker = await join('b');
    former.lease = undefined;
    await former.stage.keeper.discardOutdated(former.stage.accountId);
    await moveAway(taker);
    expect(await readdir(dirname(former.stage.profilePath))).toHaveLength(1);
    expect(await taker.stage.takeOut()).toBe('sealed');
    await former.stage.keeper.discardOutdated(former.stage.accountId);
    expect(await former.stage.listRuntime()).toEqual([]);
  });
});
