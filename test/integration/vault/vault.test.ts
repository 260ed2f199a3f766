import { cp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { makeSnapshotIndex } from '../../../src/db/snapshot-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { Vault } from '../../../src/vault/vault.ts';
import { FrailBackup } from '../../support/frail-backup.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { CURRENT_KEY, OLD_KEY } from '../../support/sealed-sample.ts';
import { countStatements } from '../../support/statement-count.ts';
import { VaultRoot } from '../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../support/vault-stage.ts';

const FROM_ANOTHER = 'A sealed session was opened from another copy than the newest';
const NOT_WIPED = 'Copies of a destroyed session are left where they cannot be reached';

let root: VaultRoot;
let places: VaultPlaces;
let backup: FrailBackup;
let stage: VaultStage;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());

/** A daemon that starts on what another has left. */
async function restart(settings: VaultStageSettings = {}): Promise<VaultStage> {
  const wrapBackup: VaultStageSettings['wrapBackup'] = (inner) => {
    backup = new FrailBackup(inner);
    return backup;
  };
  return stack.use(await VaultStage.open(places, { wrapBackup, ...settings }));
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  places = await root.newPlaces();
  stage = await restart();
  return () => stack.disposeAsync();
});

const pathOf = (generation: number) => stage.folder.pathOf(stage.accountId, generation);

async function sealThree(): Promise<void> {
  for (const text of ['first', 'second', 'third']) await stage.seal(text);
}

async function flipByte(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 5_000);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 5_000);
}

/** What `takeOut` warns of, if it was not the newest copy. */
function warnings(of: VaultStage): string {
  const lines = of.log.lines.filter(({ message }) => message === FROM_ANOTHER);
  return JSON.stringify(lines.map(({ level, fields }) => ({ level, ...fields })));
}

describe('the newest generation', () => {
  it('is opened from the disk without a word', async () => {
    await sealThree();
    stage = await restart();
    expect(await stage.takeOut()).toBe('third');
    expect(warnings(stage)).toBe('[]');
  });

  it('is nothing at all for an account that was never sealed', async () => {
    expect(await stage.vault.findNewest(stage.accountId)).toEqual({
      generation: 0,
      isSealed: false,
      profileEpoch: null,
    });
    expect(await stage.takeOut()).toBeNull();
  });

  it.each<[string, () => Promise<void>]>([
    ['was changed', () => flipByte(pathOf(3))],
    ['was cut off', () => truncate(pathOf(3), 900_000)],
    ['is empty', () => truncate(pathOf(3), 0)],
    ['is gone', () => rm(pathOf(3))],
    ['is an older one under its name', async () => writeFile(pathOf(3), await readFile(pathOf(2)))],
    ['is gone with all the others', () => rm(places.sessionPath, { recursive: true })],
  ])('is opened from the database if the file %s', async (_what, spoil) => {
    await sealThree();
    await spoil();
    stage = await restart();
    expect(await stage.takeOut()).toBe('third');
  });

  it('that was sealed while the database was away is opened from the disk', async () => {
    await stage.seal('first');
    backup.reach = 'none';
    await stage.seal('second');
    expect(await stage.listDatabase()).toEqual([1]);
    stage = await restart();
    expect(await stage.takeOut()).toBe('second');
    await stage.putAway();
    expect(await stage.listDatabase()).toEqual([3, 1]);
  });
});

describe('an older generation', () => {
  it('is opened only if no copy of a newer one is any good, and that is said of each', async () => {
    await sealThree();
    await flipByte(pathOf(3));
    await stage.backup.remove(stage.accountId, [3]);
    stage = await restart();
    expect(await stage.takeOut()).toBe('second');
    expect(warnings(stage)).toContain('"level":"warn"');
    expect(warnings(stage)).toContain('"generation":2,"source":"disk"');
    expect(warnings(stage)).toMatch(/Generation 3 \(disk\): .*Generation 3 \(database\): /);
  });

  it('is opened if the disk has lost the newest, which has no other copy', async () => {
    await stage.seal('first');
    backup.reach = 'none';
    await stage.seal('second');
    backup.reach = 'all';
    await rm(pathOf(2));
    // Reading it is an error of input and output, as on a bad sector.
    await symlink('/proc/self/mem', pathOf(2));
    stage = await restart();
    expect(await stage.takeOut()).toBe('first');
    expect(warnings(stage)).toMatch(/Generation 2 \(disk\): .*EIO/);
  });

  it('is not opened where the newest may lie on the disk of another instance, which holds the account', async () => {
    await stage.seal('first');
    await stage.seal('second');
    await rm(pathOf(2));
    await stage.backup.remove(stage.accountId, [2]);
    await stage.index.removeCopies(stage.accountId, [2], stage.backup.name);
    stage = await restart();
    const holdBy = (instance: string) =>
      stage.db
        .updateTable('accounts')
        .set({ instance_id: instance })
        .where('id', '=', stage.accountId)
        .execute();
    await holdBy('elsewhere');
    await expect(stage.takeOut()).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('the disk of the instance that held the account last'),
    });
    // Once it is this one's, what there is has to do.
    await holdBy('test');
    expect(await stage.takeOut()).toBe('first');
  });

  it('is told from the newest by the index if that is lost everywhere', async () => {
    await sealThree();
    await rm(pathOf(3));
    await stage.backup.remove(stage.accountId, [3]);
    await stage.index.removeCopies(stage.accountId, [3], 'database');
    stage = await restart();
    expect(await stage.takeOut()).toBe('second');
    expect(warnings(stage)).toContain('No copy of generation 3 is left.');
    // The next one does not take the lost one's number.
    await stage.putAway();
    expect((await stage.listDisk()).at(-1)).toBe('4.vault');
  });

  it('is not opened while a newer one may be where it cannot be reached', async () => {
    await sealThree();
    await rm(pathOf(3));
    backup.reach = 'none';
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    expect(await stage.listRuntime()).toEqual([]);
    backup.reach = 'all';
    expect(await stage.takeOut()).toBe('third');
  });
});

describe('a vault of which nothing is any good', () => {
  it('is refused with what is wrong with each copy, and stays as it is', async () => {
    await stage.seal('first');
    await flipByte(pathOf(1));
    await stage.backup.remove(stage.accountId, [1]);
    await expect(stage.takeOut()).rejects.toMatchObject({
      code: 'VAULT_DAMAGED',
      message: expect.stringMatching(/Generation 1 \(disk\): .*Generation 1 \(database\): /),
    });
    expect(await stage.listDisk()).toEqual(['1.vault']);
    expect(await stage.listRuntime()).toEqual([]);
  });
});

describe('a key that is not at hand', () => {
  const other = () => makeKeyRing({ current: OLD_KEY, previous: [] });

  it('stops the opening at once, is named, and nothing is changed', async () => {
    await sealThree();
    const before = [await stage.listDisk(), await stage.listDatabase(), await stage.listIndex()];
    stage = await restart({ keyRing: other() });
    const { currentKeyId } = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    await expect(stage.takeOut()).rejects.toMatchObject({
      code: 'VAULT_KEY_MISSING',
      message: expect.stringContaining(currentKeyId),
      details: { keyId: currentKeyId, generation: 3 },
    });
    await stage.putAway();
    await stage.boot();
    expect([await stage.listDisk(), await stage.listDatabase(), await stage.listIndex()]).toEqual(before);
    expect(await stage.listRuntime()).toEqual([]);
    stage = await restart();
    expect(await stage.takeOut()).toBe('third');
  });

  it('stops it also where an older generation could be opened', async () => {
    stage = await restart({ keyRing: other() });
    await stage.seal('first');
    stage = await restart({ keyRing: makeKeyRing({ current: CURRENT_KEY, previous: [OLD_KEY] }) });
    await stage.seal('second');
    stage = await restart({ keyRing: other() });
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_KEY_MISSING' });
  });
});

describe('old generations', () => {
  it('go: three are kept on disk, two in the database, and the index knows of no others', async () => {
    for (let sealed = 0; sealed < 5; sealed += 1) await stage.seal('text');
    expect(await stage.listDisk()).toEqual(['3.vault', '4.vault', '5.vault']);
    expect(await stage.listDatabase()).toEqual([5, 4]);
    expect(await stage.listIndex()).toEqual([5, 4, 3]);
  });

  it('go from the disk also while a backup lets nothing be removed, and from there when it does', async () => {
    backup.reach = 'no-removal';
    for (let sealed = 0; sealed < 5; sealed += 1) await stage.seal('text');
    expect(await stage.listDisk()).toEqual(['3.vault', '4.vault', '5.vault']);
    backup.reach = 'all';
    await stage.seal('text');
    expect(await stage.listDatabase()).toEqual([6, 5]);
    expect(await stage.listIndex()).toEqual([6, 5, 4]);
  });

  it('stay in the database if only disk snapshots are due', async () => {
    stage = await restart({ backupIntervalMs: 3_600_000 });
    await stage.seal('text');
    await stage.keeper.takeOut(stage.accountId);
    for (let taken = 0; taken < 4; taken += 1) await stage.keeper.snapshot(stage.accountId);
    // The first of a run is always copied.
    expect(await stage.listDatabase()).toEqual([2, 1]);
    expect(await stage.listDisk()).toEqual(['3.vault', '4.vault', '5.vault']);
  });
});

describe('a destroyed vault', () => {
  it('is never opened again while a copy is left that cannot be reached, which is removed later', async () => {
    await sealThree();
    backup.reach = 'none';
    await stage.keeper.destroy(stage.accountId);
    expect(stage.log.lines.map(({ message }) => message)).toContain(NOT_WIPED);
    expect(await stage.listDisk()).toEqual([]);
    expect(await stage.listDatabase()).toEqual([3, 2]);
    expect(await stage.takeOut()).toBeNull();
    expect(await stage.vault.finishWipes()).toBe(0);
    backup.reach = 'all';
    expect(await stage.vault.finishWipes()).toBe(1);
    expect(await stage.listDatabase()).toEqual([]);
    expect(await stage.listIndex()).toEqual([]);
    expect(await stage.vault.finishWipes()).toBe(0);
  });

  it('is looked for in as few statements, however many vaults there are that were not destroyed', async () => {
    await stage.seal('text');
    const counted = countStatements(stage.db);
    const index = makeSnapshotIndex(counted.db, parseInstanceId('test'));
    const keyRing = makeKeyRing({ current: CURRENT_KEY, previous: [] });
    const { folder, backup: database, log } = stage;
    const onStep = () => undefined;
    const vault = new Vault({ folder, keyRing, index, backups: [database], clock: systemClock, log, onStep });
    expect(await vault.finishWipes()).toBe(0);
    const forOne = counted.count();
    for (let nth = 0; nth < 20; nth += 1) {
      const accountId = await insertTestAccount(stage.db);
      await cp(join(places.sessionPath, stage.accountId), join(places.sessionPath, accountId), {
        recursive: true,
      });
    }
    expect(await vault.finishWipes()).toBe(0);
    expect(counted.count() - forOne).toBe(forOne);
  });

  it('leaves what was linked after it alone', async () => {
    await sealThree();
    backup.reach = 'none';
    await stage.keeper.destroy(stage.accountId);
    backup.reach = 'all';
    await stage.seal('another link');
    await stage.vault.finishWipes();
    stage = await restart();
    await stage.boot();
    expect(await stage.takeOut()).toBe('another link');
    expect(await stage.listDatabase()).toEqual(await stage.listIndex());
    expect(await stage.listDatabase()).toHaveLength(1);
  });
});
