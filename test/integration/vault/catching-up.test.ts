import { randomUUID } from 'node:crypto';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeS3Backup } from '../../../src/vault/s3-backup.ts';
import { FrailBackup } from '../../support/frail-backup.ts';
import { openS3Server } from '../../support/s3-server.ts';
import { VaultRoot } from '../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../support/vault-stage.ts';

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

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  places = await root.newPlaces();
  await restart();
  return () => stack.disposeAsync();
});

const goingOn = new AbortController().signal;
const catchUp = () => stage.vault.catchUp(async (ids) => new Set(ids), goingOn);

/** A session whose copy could not be made when it was sealed; now it could. */
async function sealWithoutCopy(): Promise<void> {
  backup.reach = 'none';
  await stage.seal('first');
  backup.reach = 'all';
}

describe('a session at rest', () => {
  it('gets the copy that could not be made when it was sealed, once it can be', async () => {
    await sealWithoutCopy();
    backup.reach = 'none';
    expect(await catchUp()).toBe(0);
    backup.reach = 'all';
    expect(await catchUp()).toBe(1);
    expect(await stage.verify()).toEqual(['1 disk good', '1 database good']);
    expect(await catchUp()).toBe(0);
    expect(backup.saves).toBe(1);
    await rm(places.sessionPath, { recursive: true });
    await restart();
    expect(await stage.takeOut()).toBe('first');
  });

  it('is entered as its file says', async () => {
    await stage.seal('first');
    const { snapshots } = await stage.index.find(stage.accountId);
    await stage.backup.remove(stage.accountId, [1]);
    await stage.index.remove(stage.accountId, [1]);
    expect(await catchUp()).toBe(1);
    expect((await stage.index.find(stage.accountId)).snapshots).toEqual(snapshots);
    expect(await stage.listDatabase()).toEqual([1]);
  });

  it('gets a copy in a storage that was configured later, and no second one where it has one', async () => {
    for (const text of ['first', 'second']) await stage.seal(text);
    await using server = await openS3Server();
    await restart({ moreBackups: [makeS3Backup(server.config)] });
    expect(await catchUp()).toBe(1);
    expect(server.keys).toEqual([`${server.config.prefix}/${stage.accountId}/2.vault`]);
    expect(backup.saves).toBe(0);
  });
});

describe('nothing is entered or copied', () => {
  it('of a disk that is behind: the newest is elsewhere', async () => {
    for (const text of ['first', 'second']) await stage.seal(text);
    await rm(stage.folder.pathOf(stage.accountId, 2));
    await stage.backup.remove(stage.accountId, [1]);
    await stage.index.removeCopies(stage.accountId, [1], 'database');
    expect(await catchUp()).toBe(0);
    expect(await stage.listDatabase()).toEqual([2]);
  });

  it('of a file that is damaged, which is said', async () => {
    await sealWithoutCopy();
    await truncate(stage.folder.pathOf(stage.accountId, 1), 900_000);
    expect(await catchUp()).toBe(0);
    expect(await stage.listDatabase()).toEqual([]);
    const [line] = stage.log.lines.filter(({ message }) => message.includes('lacks a copy'));
    expect(line).toMatchObject({ level: 'warn', fields: { accountId: stage.accountId } });
  });

  it('of an account that was not chosen, nor once the daemon is asked to stop', async () => {
    await sealWithoutCopy();
    expect(await stage.vault.catchUp(async () => new Set(), goingOn)).toBe(0);
    expect(await stage.vault.catchUp(async (ids) => new Set(ids), AbortSignal.abort())).toBe(0);
    expect(backup.saves).toBe(0);
  });

  it('of a session that is destroyed before its copy is made', async () => {
    await sealWithoutCopy();
    const read = join(root.path, randomUUID());
    await stage.copyDisk(read);
    const other = stage;
    class SlowBackup extends FrailBackup {
      override async save(...[snapshot]: Parameters<FrailBackup['save']>): Promise<void> {
        await other.keeper.destroy(other.accountId);
        // What was read of the file before.
        await super.save({ ...snapshot, path: join(read, '1.vault') });
      }
    }
    await restart({ wrapBackup: (inner) => new SlowBackup(inner) });
    await catchUp();
    expect([await stage.listDisk(), await stage.listDatabase(), await stage.listIndex()]).toEqual([
      [],
      [],
      [],
    ]);
  });
});
