import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted, purgeAccount } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { makeSnapshotIndex } from '../../../src/db/snapshot-store.ts';
import type { NewSnapshot, SnapshotIndex } from '../../../src/vault/snapshot-index.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog as log } from '../../support/silent-log.ts';

const HERE = parseInstanceId('here');

const stack = new AsyncDisposableStack();
let db: Executor;
let index: SnapshotIndex;
let id: AccountId;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 })).db;
  index = makeSnapshotIndex(db, HERE);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  for (const table of ['vault_snapshots', 'accounts'] as const) await db.deleteFrom(table).execute();
  id = await insertTestAccount(db);
});

function record(generation: number, keyId = 'k1') {
  return { accountId: id, generation, sealedAt: new Date(1_000 * generation), keyId, bytes: 5 * 1024 ** 3 };
}

const snapshot = (generation: number, keyId?: string): NewSnapshot => ({
  ...record(generation, keyId),
  profileEpoch: null,
});

async function save(...generations: readonly number[]): Promise<void> {
  for (const generation of generations) await index.save(snapshot(generation));
}

describe('the index', () => {
  it('knows nothing of an account that has no snapshot', async () => {
    const nothing = { snapshots: [], wipedThrough: 0, isHeldHere: true, profileEpoch: null };
    expect(await index.find(id)).toEqual(nothing);
    expect(await index.find(makeAccountId())).toEqual(nothing);
  });

  it('lists snapshots newest first by number, whatever the order in which they were saved', async () => {
    await save(2, 10, 9);
    const { snapshots } = await index.find(id);
    expect(snapshots.map(({ generation }) => generation)).toEqual([10, 9, 2]);
    expect(snapshots[0]).toEqual({ ...record(10), copies: [], sealer: 'here' });
  });

  it('keeps the copies of a snapshot that is saved again under another key', async () => {
    await save(1);
    await index.saveCopy(id, 1, 's3');
    await index.save(snapshot(1, 'k2'));
    expect((await index.find(id)).snapshots).toEqual([
      { ...record(1, 'k2'), copies: ['s3'], sealer: 'here' },
    ]);
  });

  it('takes nothing of an account that another instance holds, and changes nothing of it', async () => {
    const holdBy = (instance: string) =>
      db.updateTable('accounts').set({ instance_id: instance }).where('id', '=', id).execute();
    await holdBy('here');
    await save(1);
    await holdBy('there');
    for (const generation of [1, 2]) {
      await expect(index.save(snapshot(generation, 'k2'))).rejects.toMatchObject({
        code: 'VAULT_STORAGE_FAILED',
        message: expect.stringContaining('another instance'),
      });
    }
    expect(await index.find(id)).toMatchObject({ snapshots: [record(1)], isHeldHere: false });
  });

  it('takes nothing that was sealed before the profile was used under a later lease, unless it is that very snapshot', async () => {
    const setEpoch = (epoch: number | null) =>
      db.updateTable('accounts').set({ profile_epoch: epoch }).where('id', '=', id).execute();
    await setEpoch(5);
    await index.save({ ...snapshot(1), profileEpoch: 5 });
    await setEpoch(7);
    for (const profileEpoch of [5, null]) {
      const late = index.save({ ...snapshot(2), profileEpoch });
      await expect(late).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    }
    const other = { ...snapshot(1), sealedAt: new Date(), profileEpoch: 7 };
    await expect(index.save(other)).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    await index.save({ ...snapshot(1, 'k2'), profileEpoch: 5 });
    await index.save({ ...snapshot(3), profileEpoch: 8 });
    expect((await index.find(id)).snapshots).toMatchObject([record(3), record(1, 'k2')]);
  });

  it('tells of each snapshot whether another instance has sealed it', async () => {
    await save(1);
    const there = makeSnapshotIndex(db, parseInstanceId('there'));
    const sealers = async () => (await there.find(id)).snapshots.map(({ sealer }) => sealer);
    await there.save(snapshot(2));
    expect(await sealers()).toEqual(['here', 'elsewhere']);
    await db.updateTable('vault_snapshots').set({ sealed_by: null }).execute();
    expect(await sealers()).toEqual(['unknown', 'unknown']);
  });

  it('says which key is needed now of what is entered, and enters nothing by that', async () => {
    await save(1);
    await index.saveCopy(id, 1, 's3');
    for (const generation of [1, 2]) await index.saveKey(id, generation, 'k2');
    expect((await index.find(id)).snapshots).toEqual([
      { ...record(1, 'k2'), copies: ['s3'], sealer: 'here' },
    ]);
  });

  it('names each copy once, also when two are entered at the same moment, and forgets them singly', async () => {
    await save(1, 2);
    await Promise.all(['database', 's3', 's3', 'database'].map((name) => index.saveCopy(id, 1, name)));
    const copies = async () => (await index.find(id)).snapshots.at(-1)?.copies.toSorted();
    expect(await copies()).toEqual(['database', 's3']);
    for (let repeat = 0; repeat < 2; repeat += 1) await index.removeCopies(id, [1, 2, 3], 'database');
    expect(await copies()).toEqual(['s3']);
  });

  it('counts by key and instance what needs another key, of all accounts, and nothing that counts no more', async () => {
    const make = async (instance: string, change: object = {}) => {
      const accountId = await insertTestAccount(db);
      await db.updateTable('accounts').set({ instance_id: 'here' }).where('id', '=', accountId).execute();
      for (const [generation, keyId] of [
        [1, 'old'],
        [2, 'older'],
        [3, 'new'],
      ] as const)
        await index.save({ ...snapshot(generation, keyId), accountId });
      const set = { instance_id: instance, ...change };
      await db.updateTable('accounts').set(set).where('id', '=', accountId).execute();
    };
    await make('here', { vault_wiped_through: 1 });
    await make('there', { tenant_id: 'another' });
    await make('there');
    await make('there', { deleted_at: new Date() });
    expect(await index.countOtherKeys('new')).toEqual([
      { keyId: 'older', instanceId: 'here', snapshots: 1 },
      { keyId: 'old', instanceId: 'there', snapshots: 2 },
      { keyId: 'older', instanceId: 'there', snapshots: 2 },
    ]);
  });

  it('removes what is named and nothing else, once or twice', async () => {
    await save(1, 2, 3);
    const other = await insertTestAccount(db);
    await index.save({ ...snapshot(1), accountId: other });
    for (let repeat = 0; repeat < 2; repeat += 1) await index.remove(id, [1, 2]);
    expect((await index.find(id)).snapshots.map(({ generation }) => generation)).toEqual([3]);
    expect((await index.find(other)).snapshots).toHaveLength(1);
  });
});

describe('a destroyed vault', () => {
  it('ends the link, leaves what the user wants alone, and is to be finished until its entries are gone', async () => {
    const store = makeAccountStore(db);
    await store.saveLinked(id, { wid: '1@c.us', phoneNumber: '+491700000001', profileName: null });
    await db.updateTable('accounts').set({ wanted: true }).where('id', '=', id).execute();
    await save(1, 2);
    expect(await index.listUnfinishedWipes()).toEqual([]);
    await index.saveWiped(id, 2);
    expect(await store.getAccount(id)).toMatchObject({ linked: false, wanted: true });
    expect(await index.listUnfinishedWipes()).toEqual([id]);
    expect((await index.find(id)).wipedThrough).toBe(2);
    await index.remove(id, [1, 2]);
    expect(await index.listUnfinishedWipes()).toEqual([]);
    expect((await index.find(id)).wipedThrough).toBe(2);
  });

  it('is not undone by an earlier mark, and leaves later generations alone', async () => {
    await index.saveWiped(id, 5);
    await index.saveWiped(id, 3);
    await save(6);
    expect((await index.find(id)).wipedThrough).toBe(5);
    expect(await index.listUnfinishedWipes()).toEqual([]);
  });

  it('is found by its entries after its account was deleted', async () => {
    await save(1);
    await index.saveWiped(id, 1);
    await markAccountDeleted(db, id);
    expect(await index.listUnfinishedWipes()).toEqual([id]);
  });

  it('is found by its entries also after its account was purged: they alone say where copies are', async () => {
    await save(1, 2);
    await index.saveCopy(id, 2, 's3');
    await purgeAccount(db, id);
    expect(await index.listUnfinishedWipes()).toEqual([id]);
    const { snapshots, wipedThrough } = await index.find(id);
    expect([snapshots.length, snapshots[0]?.copies, wipedThrough]).toEqual([2, ['s3'], 2]);
  });
});
