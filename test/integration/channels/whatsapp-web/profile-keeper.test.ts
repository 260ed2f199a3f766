import { randomBytes, randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAccountId } from '../../../../src/accounts/ids.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { readProfileMark, writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { makeKeyRing } from '../../../../src/vault/key-ring.ts';
import { VaultFolder } from '../../../../src/vault/vault-folder.ts';
import {
  damageProfileSample,
  logOfProfile,
  makeProfileSample,
  storeInProfile,
} from '../../../support/profile-sample.ts';
import { OLD_KEY } from '../../../support/sealed-sample.ts';
import { hasRealDisks, openSmallDisk } from '../../../support/small-disk.ts';
import { VaultRoot } from '../../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../../support/vault-stage.ts';

const MEGABYTE = 1024 ** 2;
const TOO_OLD = 'An opened profile is older than the vault and is not used';
const CUT_OFF = 'An opened profile may lack what was written before the machine went down and is not used';
const DAMAGED = 'An opened profile is damaged: the vault is opened instead';
const NOT_SEALED = 'A session could not be sealed and stays open';

let root: VaultRoot;
let places: VaultPlaces;
let stage: VaultStage;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());

/** Another daemon starts on what the last one left, which was killed as far as it can tell. */
async function restart(settings: VaultStageSettings = {}): Promise<VaultStage> {
  return stack.use(await VaultStage.open(places, settings));
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  places = await root.newPlaces();
  stage = await restart();
  return () => stack.disposeAsync();
});

const messages = (of: VaultStage) => of.log.lines.map(({ message }) => message);

/** A session that was sealed once and is open, with another text than the vault. */
async function openSealed(text: string): Promise<void> {
  await stage.seal('sealed');
  await stage.keeper.takeOut(stage.accountId);
  await stage.store(text);
}

/** The profile is what a disk has of it when the machine is up again. */
async function rebootMachine(): Promise<void> {
  const mark = await readProfileMark(stage.profilePath);
  await writeProfileMark(stage.profilePath, { generation: mark?.generation ?? 0, boot: 'another' });
}

/** An opened profile of before the last generation, as a machine has that was away while another went on. */
async function leaveOlder(): Promise<void> {
  await openSealed('older');
  const away = `${places.runtimePath}-away`;
  await cp(stage.profilePath, away, { recursive: true });
  await stage.store('newest');
  await stage.putAway();
  await rename(away, stage.profilePath);
}

describe('what a profile lacks', () => {
  const sealedAt = async (generation: number) => {
    const { snapshots } = await stage.index.find(stage.accountId);
    return snapshots.find((snapshot) => snapshot.generation === generation)?.sealedAt;
  };
  const loseMachine = async () => {
    await rm(stage.profilePath, { recursive: true });
    stage = await restart();
  };

  it('is nothing if it is new', async () => {
    await stage.takeOut();
    expect(stage.restoredFrom).toEqual([]);
  });

  it('is told when the vault is opened, and of an opened profile it is nothing', async () => {
    const before = Date.now();
    await stage.seal('sealed');
    const after = Date.now();
    await stage.takeOut();
    expect(stage.restoredFrom).toEqual([await sealedAt(1)]);
    const from = stage.restoredFrom[0]?.getTime();
    expect(from).toBeGreaterThanOrEqual(before);
    expect(from).toBeLessThanOrEqual(after);
    stage = await restart();
    await stage.takeOut();
    expect(stage.restoredFrom).toEqual([]);
  });

  it('is told before the profile is sealed again, which no page may have used', async () => {
    await openSealed('lost with its machine');
    await loseMachine();
    await stage.takeOut();
    await stage.putAway();
    await stage.takeOut();
    const [older, newer] = [await sealedAt(1), await sealedAt(2)];
    expect(stage.restoredFrom).toEqual([older, newer]);
    expect(newer?.getTime()).toBeGreaterThan(older?.getTime() ?? Number.NaN);
  });

  it('is told of the copy that is opened, if it is not the newest', async () => {
    await openSealed('newest');
    await stage.putAway();
    const [older, path] = [await sealedAt(1), join(places.sessionPath, places.accountId, '2.vault')];
    await truncate(path, 1_000);
    await stage.db.deleteFrom('vault_chunks').where('generation', '=', '2').execute();
    stage = await restart();
    expect(await stage.takeOut()).toBe('sealed');
    expect(stage.restoredFrom).toEqual([older]);
  });

  it('is told too if the profile is opened in the place of one that nobody takes out', async () => {
    await leaveOlder();
    stage = await restart();
    await stage.putAway();
    expect(stage.restoredFrom).toEqual([await sealedAt(2)]);
  });

  it('begins when the copy of a running one was taken, not when it was sealed', async () => {
    await openSealed('snapshot');
    let copiedAt = Number.POSITIVE_INFINITY;
    const onStep: VaultStageSettings['onStep'] = (step) => {
      if (step === 'profile-copied') copiedAt = Date.now();
    };
    stage = await restart({ onStep });
    await stage.takeOut();
    const begunAt = Date.now();
    await stage.keeper.snapshot(stage.accountId);
    await loseMachine();
    await stage.takeOut();
    const from = stage.restoredFrom[0]?.getTime();
    expect(from).toBeGreaterThanOrEqual(begunAt);
    expect(from).toBeLessThanOrEqual(copiedAt);
  });

  it('keeps the profile from being opened while nobody can be told, and what lies there stays', async () => {
    await leaveOlder();
    const away = async () => {
      throw new Error('The database is away.');
    };
    stage = await restart({ onRestored: away });
    await expect(stage.takeOut()).rejects.toThrow('The database is away.');
    await stage.putAway();
    expect(messages(stage)).toContain(NOT_SEALED);
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
    expect(await stage.read()).toBe('older');
    const told = stage.restoredFrom;
    stage = await restart();
    expect(await stage.takeOut()).toBe('newest');
    expect(told).toEqual([...stage.restoredFrom, ...stage.restoredFrom]);
  });
});

describe('an opened profile that a crash has left', () => {
  it('is used if it was opened from the newest generation', async () => {
    await openSealed('live');
    stage = await restart();
    expect(await stage.takeOut()).toBe('live');
    expect(stage.keeper.isSealed(stage.accountId)).toBe(true);
  });

  it('is used if it was sealed while it ran and has gone on since', async () => {
    await openSealed('snapshot');
    await stage.keeper.snapshot(stage.accountId);
    await stage.store('live');
    stage = await restart();
    expect(await stage.takeOut()).toBe('live');
  });

  it('is not used if the vault has a newer generation, and that is said', async () => {
    await leaveOlder();
    stage = await restart();
    expect(await stage.takeOut()).toBe('newest');
    expect(messages(stage)).toContain(TOO_OLD);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['no mark', (path) => rm(path)],
    ['a mark that cannot be read', (path) => writeFile(path, '{"generation"')],
    ['a mark that is no number', (path) => writeFile(path, '{"generation":"9"}')],
  ])('is not used in the place of a vault if it has %s', async (_what, change) => {
    await openSealed('live');
    await change(join(stage.profilePath, 'switchboard.json'));
    stage = await restart();
    expect(await stage.takeOut()).toBe('sealed');
  });

  it('is not used if its storage is damaged, and that is said', async () => {
    await openSealed('live');
    await damageProfileSample(stage.profilePath);
    stage = await restart();
    expect(await stage.takeOut()).toBe('sealed');
    expect(messages(stage)).toContain(DAMAGED);
  });

  it('is used whatever it is like if nothing was ever sealed', async () => {
    await stage.keeper.takeOut(stage.accountId);
    await stage.store('live');
    await damageProfileSample(stage.profilePath);
    stage = await restart();
    await stage.keeper.takeOut(stage.accountId);
    expect(await readProfileMark(stage.profilePath)).toMatchObject({ generation: 0 });
    expect(stage.keeper.isSealed(stage.accountId)).toBe(false);
  });

  it('is not used where the machine itself went down, if the vault has its generation', async () => {
    await openSealed('snapshot');
    await stage.keeper.snapshot(stage.accountId);
    await stage.store('live');
    await rebootMachine();
    // Of what was not on the disk yet only the names are.
    await truncate(logOfProfile(stage.profilePath), 0);
    stage = await restart();
    expect(await stage.takeOut()).toBe('snapshot');
    expect(messages(stage)).toContain(CUT_OFF);
    // What is opened now is of this run of the machine.
    await stage.store('later');
    stage = await restart();
    expect(await stage.takeOut()).toBe('later');
  });

  it('is used where the machine went down, if the vault is older or there is none', async () => {
    await stage.keeper.takeOut(stage.accountId);
    await stage.store('never sealed');
    await rebootMachine();
    stage = await restart();
    expect(await stage.takeOut()).toBe('never sealed');
    await stage.putAway();
    await openSealed('live');
    await writeProfileMark(stage.profilePath, { generation: 100, boot: 'another' });
    stage = await restart();
    expect(await stage.takeOut()).toBe('live');
    expect((await readProfileMark(stage.profilePath))?.boot).not.toBe('another');
  });

  it('stays where it is if the vault that should replace it cannot be opened', async () => {
    await openSealed('live');
    await damageProfileSample(stage.profilePath);
    stage = await restart({ keyRing: makeKeyRing({ current: OLD_KEY, previous: [] }) });
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_KEY_MISSING' });
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
  });
});

describe('an opened profile that nobody takes out', () => {
  it('is sealed', async () => {
    await openSealed('live');
    stage = await restart();
    await stage.putAway();
    expect(await stage.listRuntime()).toEqual([]);
    expect(await stage.takeOut()).toBe('live');
  });

  it('is never sealed over a newer generation', async () => {
    await leaveOlder();
    stage = await restart();
    await stage.putAway();
    expect(await stage.listRuntime()).toEqual([]);
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    expect(await stage.takeOut()).toBe('newest');
  });

  it('is never sealed over a good generation if it is damaged', async () => {
    await openSealed('live');
    await damageProfileSample(stage.profilePath);
    stage = await restart();
    await stage.putAway();
    expect(await stage.listDisk()).toEqual(['1.vault']);
    expect(await stage.takeOut()).toBe('sealed');
  });

  it('is left as it is if it is of no use, and the vault cannot be opened', async () => {
    await leaveOlder();
    stage = await restart({ keyRing: makeKeyRing({ current: OLD_KEY, previous: [] }) });
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_KEY_MISSING' });
    await stage.putAway();
    expect(messages(stage)).toContain(NOT_SEALED);
    expect(stage.outcomes).toEqual(['seal_failed']);
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
  });

  it('of a link that was destroyed is not sealed', async () => {
    await openSealed('live');
    const away = `${places.runtimePath}-away`;
    await cp(stage.profilePath, away, { recursive: true });
    await stage.keeper.destroy(stage.accountId);
    await rename(away, stage.profilePath);
    stage = await restart();
    await stage.putAway();
    expect(await stage.listDisk()).toEqual([]);
    expect(await stage.takeOut()).toBeNull();
  });
});

describe('an opening', () => {
  it.each(['opening-begun', 'opening-unpacked', 'opening-checked'])(
    'that is cut off at %s leaves nothing of itself',
    async (last) => {
      await stage.seal('sealed');
      const stop = new AbortController();
      stage = await restart({ onStep: (step) => step === last && stop.abort(new Error('stopped')) });
      await expect(stage.keeper.takeOut(stage.accountId, stop.signal)).rejects.toThrow('stopped');
      expect(await stage.listRuntime()).toEqual([]);
      expect(await stage.takeOut()).toBe('sealed');
    },
  );
});

it('opens an account while another is being sealed and its own snapshot waits for that', async () => {
  const { promise: hanging, resolve: goOn } = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  class SlowFolder extends VaultFolder {
    override async write(...args: Parameters<VaultFolder['write']>): Promise<number> {
      if (args[0] === stage.accountId) {
        reached.resolve();
        await hanging;
      }
      return super.write(...args);
    }
  }
  stage = await restart({ wrapFolder: (path) => new SlowFolder(path, () => undefined) });
  const { keeper, accountId } = stage;
  const other = parseAccountId((await root.newPlaces()).accountId);
  for (const [id, path] of [accountId, other].map(
    (each) => [each, profilePathOf(places.runtimePath, each)] as const,
  )) {
    await keeper.takeOut(id);
    await makeProfileSample(path, id);
  }
  const first = keeper.snapshot(accountId);
  await reached.promise;
  const second = keeper.snapshot(other);
  await keeper.takeOut(other);
  goOn();
  await Promise.all([first, second]);
  expect(keeper.isSealed(other)).toBe(true);
});

describe('a snapshot of a running session', () => {
  it('is of the session as it was at that moment', async () => {
    await stage.keeper.takeOut(stage.accountId);
    await stage.store('then');
    expect(stage.keeper.isSealed(stage.accountId)).toBe(false);
    await stage.keeper.snapshot(stage.accountId);
    expect(stage.keeper.isSealed(stage.accountId)).toBe(true);
    await stage.store('later');
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
    await rm(stage.profilePath, { recursive: true });
    stage = await restart();
    expect(await stage.takeOut()).toBe('then');
  });

  it('is not sealed if the profile is damaged, and nothing of it is left', async () => {
    await openSealed('live');
    await damageProfileSample(stage.profilePath);
    await stage.keeper.snapshot(stage.accountId);
    expect(messages(stage)).toContain('A running session could not be sealed');
    expect(stage.outcomes).toEqual(['sealed', 'kept', 'seal_failed']);
    expect(await stage.listDisk()).toEqual(['1.vault']);
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
  });

  it.runIf(hasRealDisks)('is not made if its copy would leave the browser no room', async () => {
    using disk = openSmallDisk(join(root.path, `small-${randomUUID()}`));
    places = { ...places, runtimePath: join(disk.path, 'live') };
    const free = async () => (await statfs(disk.path)).bavail * (await statfs(disk.path)).bsize;
    stage = await restart({ freeDiskBytes: (await free()) - 50 * MEGABYTE });
    await openSealed('live');
    const bulk = join(stage.profilePath, 'Default', 'Local Storage', 'bulk');
    await writeFile(bulk, Buffer.alloc(20 * MEGABYTE));
    await stage.keeper.snapshot(stage.accountId);
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    // A table costs no room, since it gets another name.
    await rename(bulk, `${bulk}.ldb`);
    await stage.keeper.snapshot(stage.accountId);
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault', '3.vault']);
    await writeFile(bulk, Buffer.alloc(20 * MEGABYTE));
    await stage.keeper.snapshot(stage.accountId);
    expect(messages(stage)).toContain('A running session could not be sealed');
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault', '3.vault']);
    expect(await stage.listRuntime()).toEqual([basename(stage.profilePath)]);
  });

  it('of a session that is not open is none', async () => {
    await stage.keeper.snapshot(stage.accountId);
    expect(await stage.listDisk()).toEqual([]);
  });
});

describe('a disk that has little room where profiles are opened', () => {
  it.runIf(hasRealDisks)('is not filled by opening the vault, which stays as it is', async () => {
    using disk = openSmallDisk(join(root.path, `small-${randomUUID()}`));
    places = { ...places, runtimePath: join(disk.path, 'live') };
    stage = await restart();
    await stage.seal('small');
    await stage.takeOut();
    await stage.store('large');
    await writeFile(join(stage.profilePath, 'Default', 'Local Storage', 'bulk'), randomBytes(60 * MEGABYTE));
    await stage.putAway();
    const { bavail, bsize } = await statfs(disk.path);
    const free = bavail * bsize;
    stage = await restart({ freeDiskBytes: free - 50 * MEGABYTE });
    // Nor is the generation before opened in its place, for which there is room.
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await stage.listRuntime()).toEqual([]);
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    stage = await restart({ freeDiskBytes: free - 70 * MEGABYTE });
    expect(await stage.takeOut()).toBe('large');
  });
});

describe('what is asked of one account at the same time', () => {
  it('is done one after another', async () => {
    await openSealed('live');
    const { keeper, accountId } = stage;
    await Promise.all([
      keeper.snapshot(accountId),
      keeper.putAway(accountId),
      keeper.takeOut(accountId),
      keeper.snapshot(accountId),
      keeper.snapshot(accountId),
      keeper.putAway(accountId),
      keeper.putAway(accountId),
      keeper.takeOut(accountId),
    ]);
    await keeper.copied();
    expect(await stage.read()).toBe('live');
    expect(await stage.listDisk()).toEqual(['4.vault', '5.vault', '6.vault']);
    expect(stage.log.lines.filter(({ level }) => ['warn', 'error'].includes(level))).toEqual([]);
    await Promise.all([keeper.putAway(accountId), keeper.destroy(accountId), keeper.takeOut(accountId)]);
    expect(await stage.read()).toBeNull();
    expect(await stage.listDisk()).toEqual([]);
  });
});

describe('profiles where an earlier run opened them', () => {
  let former: string;
  beforeEach(async () => {
    former = join(root.path, randomUUID());
    await mkdir(former);
  });
  const nameOf = () => basename(stage.profilePath);

  it('are taken over', async () => {
    await openSealed('live');
    await rename(stage.profilePath, join(former, nameOf()));
    stage = await restart({ formerPaths: [join(former, 'none'), former] });
    await stage.boot();
    expect(await stage.takeOut()).toBe('live');
    await expect(readFile(join(former, nameOf(), 'switchboard.json'))).rejects.toThrow('ENOENT');
  });

  it('are removed if the profile is here already, which is the later one', async () => {
    await openSealed('live');
    await cp(stage.profilePath, join(former, nameOf()), { recursive: true });
    await storeInProfile(join(former, nameOf()), 'earlier');
    stage = await restart({ formerPaths: [former] });
    await stage.boot();
    expect(await stage.takeOut()).toBe('live');
    await expect(readFile(join(former, nameOf(), 'switchboard.json'))).rejects.toThrow('ENOENT');
  });

  it('are not used if the vault is newer', async () => {
    await leaveOlder();
    await rename(stage.profilePath, join(former, nameOf()));
    stage = await restart({ formerPaths: [former] });
    await stage.boot();
    expect(await stage.takeOut()).toBe('newest');
  });

  it('are cleared of what was cut off, as here, and nothing else is touched', async () => {
    await openSealed('live');
    for (const kind of ['opening', 'copy', 'removed']) {
      for (const folder of [former, places.runtimePath]) {
        await makeHalf(join(folder, `${nameOf()}.${kind}-${randomUUID()}`));
      }
    }
    await writeFile(join(former, 'notes.txt'), 'mine');
    stage = await restart({ formerPaths: [former] });
    await stage.boot();
    expect(await stage.listRuntime()).toEqual([nameOf()]);
    expect(await readFile(join(former, 'notes.txt'), 'utf8')).toBe('mine');
  });
});

async function makeHalf(path: string): Promise<void> {
  await mkdir(path);
  await makeProfileSample(path, 'half');
  await writeProfileMark(path, { generation: 9, boot: null });
}
