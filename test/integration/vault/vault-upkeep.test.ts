import { randomUUID } from 'node:crypto';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CopyReport } from '../../../src/vault/copy-reports.ts';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { makeS3Backup } from '../../../src/vault/s3-backup.ts';
import { VaultFolder } from '../../../src/vault/vault-folder.ts';
import { FrailBackup } from '../../support/frail-backup.ts';
import { damageProfileSample } from '../../support/profile-sample.ts';
import { openS3Server } from '../../support/s3-server.ts';
import { CURRENT_KEY, NEXT_KEY } from '../../support/sealed-sample.ts';
import { VaultProcess } from '../../support/vault-process.ts';
import { VaultRoot } from '../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../support/vault-stage.ts';

const PASSPHRASE = 'a sentence that nobody says';

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
  stage = stack.use(await VaultStage.open(places, { wrapBackup, ...settings }));
  return stage;
}

/** While the key is changed: the next one seals, the current one still opens. */
const both = () => ({ keyRing: makeKeyRing({ current: NEXT_KEY, previous: [CURRENT_KEY] }) });
/** After the current one was taken away. */
const next = () => ({ keyRing: makeKeyRing({ current: NEXT_KEY, previous: [] }) });
const { currentKeyId: nextKeyId } = makeKeyRing({ current: NEXT_KEY, previous: [] });

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  places = await root.newPlaces();
  await restart();
  return () => stack.disposeAsync();
});

const pathOf = (generation: number) => stage.folder.pathOf(stage.accountId, generation);
const keysInIndex = async () => (await stage.index.find(stage.accountId)).snapshots.map(({ keyId }) => keyId);

async function holdBy(instance: string): Promise<void> {
  const { db, accountId } = stage;
  await db.updateTable('accounts').set({ instance_id: instance }).where('id', '=', accountId).execute();
}

describe('a rotation', () => {
  it('wraps every copy anew, tells of each as it is done, and the old key may go', async () => {
    for (const text of ['first', 'second', 'third']) await stage.seal(text);
    await restart(both());
    const told: string[] = [];
    for await (const { generation, source, outcome, keyId } of stage.upkeep.rotate([stage.accountId])) {
      told.push(`${generation} ${source} ${outcome}`);
      expect(keyId).toBe(nextKeyId);
      // Those of later reports are still to be done.
      if (told.length === 1) expect((await keysInIndex()).at(-1)).not.toBe(nextKeyId);
    }
    expect(told).toEqual([
      '3 disk rotated',
      '3 database rotated',
      '2 disk rotated',
      '2 database rotated',
      '1 disk rotated',
    ]);
    expect(await keysInIndex()).toEqual([nextKeyId, nextKeyId, nextKeyId]);
    await restart(next());
    expect((await stage.rotate()).every((line) => line.endsWith('current'))).toBe(true);
    expect(await stage.takeOut()).toBe('third');
    await stage.putAway();
    expect((await stage.verify()).filter((line) => !line.endsWith('good'))).toEqual([]);
  });

  it('reaches a session whose newest generation is in a backup alone', async () => {
    for (const text of ['first', 'second']) await stage.seal(text);
    await rm(pathOf(2));
    await restart(both());
    expect(await stage.rotate()).toContain('2 database rotated');
    expect((await keysInIndex())[0]).toBe(nextKeyId);
    await restart(next());
    expect(await stage.takeOut()).toBe('second');
  });

  it('that was killed between a copy and its entry is completed by the next one', async () => {
    await stage.seal('first');
    await using killed = new VaultProcess(places);
    await killed.dies({ do: 'rotate', dieAt: 'snapshot-on-disk' });
    expect((await keysInIndex())[0]).not.toBe(nextKeyId);
    await restart(both());
    expect(await stage.rotate()).toEqual(['1 disk current', '1 database rotated']);
    expect(await keysInIndex()).toEqual([nextKeyId]);
    await restart(next());
    expect(await stage.takeOut()).toBe('first');
  });

  it('leaves the old key entered while a copy that needs it is out of reach', async () => {
    await stage.seal('first');
    await restart(both());
    const [before] = await keysInIndex();
    backup.reach = 'none';
    expect(await stage.rotate()).toEqual(['1 disk rotated', '1 database unreachable']);
    expect(await keysInIndex()).toEqual([before]);
    // The disk's copy needs it no more, and that is seen whatever the index says.
    await restart(next());
    expect(await stage.takeOut()).toBe('first');
  });

  it('does not wait for a copy that is damaged: nothing opens it', async () => {
    await stage.seal('first');
    await truncate(pathOf(1), 900_000);
    await restart(both());
    expect(await stage.rotate()).toEqual(['1 disk damaged', '1 database rotated']);
    expect(await keysInIndex()).toEqual([nextKeyId]);
  });

  it('is never certain of an account that another instance holds, whose disk is elsewhere', async () => {
    await stage.seal('first');
    await restart(both());
    await holdBy('elsewhere');
    const [before] = await keysInIndex();
    expect(await stage.rotate()).toEqual(['1 disk rotated', '1 database rotated']);
    expect(await keysInIndex()).toEqual([before]);
    const need = { keyId: before, instanceId: 'elsewhere', snapshots: 1 };
    expect(await stage.upkeep.findOtherKeys()).toContainEqual(need);
    await holdBy('test');
    expect(await stage.rotate()).toEqual(['1 disk current', '1 database current']);
    expect(await keysInIndex()).toEqual([nextKeyId]);
    expect(await stage.upkeep.findOtherKeys()).not.toContainEqual(need);
  });

  it.each<[string, (from: VaultStage) => Promise<void>, string[]]>([
    ['destroyed', (from) => from.keeper.destroy(from.accountId), []],
    [
      'pruned',
      async (from) => {
        for (const text of ['2', '3', '4']) await from.seal(text);
      },
      ['2.vault', '3.vault', '4.vault'],
    ],
  ])('does not bring a generation back that was %s meanwhile', async (_what, happen, left) => {
    await stage.seal('first');
    const other = await restart(both());
    class SlowFolder extends VaultFolder {
      override async write(...given: Parameters<VaultFolder['write']>): Promise<number> {
        await happen(other);
        return super.write(...given);
      }
    }
    await restart({ ...both(), wrapFolder: (path) => new SlowFolder(path, () => undefined) });
    await stage.rotate();
    expect(await stage.listDisk()).toEqual(left);
    expect(await stage.listIndex()).toEqual(left.map((name) => Number.parseInt(name, 10)).reverse());
  });
});

describe('a key that is not at hand', () => {
  it('is not missed where a copy in a backup was wrapped anew and that on disk was not', async () => {
    await stage.seal('first');
    const old = join(root.path, randomUUID());
    await stage.copyDisk(old);
    await restart(both());
    await stage.rotate();
    await rm(places.sessionPath, { recursive: true });
    await restart(next());
    await stage.restoreDisk(old);
    expect(await stage.takeOut()).toBe('first');
  });

  it('is missed only once it is known: a copy that cannot be asked now says nothing', async () => {
    await stage.seal('first');
    await rm(pathOf(1));
    await restart(next());
    backup.reach = 'none';
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    backup.reach = 'all';
    await expect(stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_KEY_MISSING' });
  });

  it('is not missed for a generation of which nothing is left', async () => {
    await stage.seal('first');
    await restart(both());
    await stage.rotate();
    await restart();
    const record = { accountId: stage.accountId, sealedAt: new Date(), bytes: 1, profileEpoch: null };
    await stage.index.save({ ...record, generation: 2, keyId: '0011223344556677' });
    await restart(next());
    expect(await stage.takeOut()).toBe('first');
  });
});

describe('a verification', () => {
  it('says nothing of a copy that a session which was sealed meanwhile has left no place for', async () => {
    for (const text of ['first', 'second', 'third']) await stage.seal(text);
    const told: string[] = [];
    for await (const { generation, source, outcome } of stage.upkeep.verify([stage.accountId])) {
      if (told.length === 0) await stage.seal('fourth');
      told.push(`${generation} ${source} ${outcome}`);
    }
    expect(told).toEqual(['3 disk good', '3 database good', '2 disk good']);
  });

  it('tells of a generation that the index knows and of which no copy is left', async () => {
    for (const text of ['first', 'second', 'third']) await stage.seal(text);
    await rm(pathOf(1));
    let last: CopyReport | undefined;
    for await (const report of stage.upkeep.verify([stage.accountId])) last = report;
    expect(last).toEqual({
      accountId: stage.accountId,
      generation: 1,
      source: 'none',
      keyId: (await keysInIndex())[0],
      bytes: 0,
      outcome: 'lost',
      detail: 'No copy of it is left.',
    });
    // There it is on a disk that is not ours.
    await holdBy('another');
    expect((await stage.verify()).filter((line) => line.endsWith('lost'))).toEqual([]);
  });
});

describe('a copy in a storage that is not configured any more', () => {
  it('is out of reach, not gone: no older generation is taken for it, and what is missing is named', async () => {
    await using server = await openS3Server();
    const { config } = server;
    await restart({ moreBackups: [makeS3Backup(config)] });
    for (const text of ['first', 'second']) await stage.seal(text);
    await stage.backup.remove(stage.accountId, [2]);
    await stage.index.removeCopies(stage.accountId, [2], 'database');
    await rm(pathOf(2));
    await restart();
    await expect(stage.takeOut()).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('S3_BUCKET'),
    });
    expect(await stage.verify()).toContain('2 s3 unreachable');
    await restart({ moreBackups: [makeS3Backup(config)] });
    expect(await stage.takeOut()).toBe('second');
  });
});

describe('an export', () => {
  const exportOf = () => stage.upkeep.exportNewest(stage.accountId, PASSPHRASE);

  it('is not of an older generation while the newest is only out of reach', async () => {
    for (const text of ['first', 'second']) await stage.seal(text);
    await rm(pathOf(2));
    backup.reach = 'none';
    await expect(exportOf()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    backup.reach = 'all';
    expect((await exportOf()).generation).toBe(2);
    expect(await stage.listRuntime()).toEqual([]);
  });

  it('is of the generation that a start would open: not of one whose storage is damaged', async () => {
    await stage.seal('first');
    await stage.takeOut();
    await damageProfileSample(stage.profilePath);
    await stage.putAway();
    expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
    expect((await exportOf()).generation).toBe(1);
    expect(await stage.listRuntime()).toEqual([]);
  });

  it('is refused where opening it would leave the browsers no room', async () => {
    await stage.seal('first');
    await restart({ freeDiskBytes: 2 ** 52 });
    await expect(exportOf()).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await stage.listRuntime()).toEqual([]);
  });
});
