import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccountStore } from '../../../src/accounts/account.ts';
import { type AccountId, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { deleteUnusedAccount } from '../../../src/db/account-directory.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { makeSnapshotIndex } from '../../../src/db/snapshot-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';
import { countStatements } from '../../support/statement-count.ts';

const HERE = parseInstanceId('here');
const THERE = parseInstanceId('there');
const IDENTITY = { wid: '491700000001@c.us', phoneNumber: '+491700000001', profileName: 'Shop' };

const stack = new AsyncDisposableStack();
let db: Executor;
let store: AccountStore;
let id: AccountId;
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 3 })).db;
  store = makeAccountStore(db);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('accounts').execute();
  id = await insertTestAccount(db);
});

/** Moves the instants of the row back, so that the next change shows. */
async function age(): Promise<Date> {
  const past = new Date('2026-01-01T00:00:00Z');
  await db.updateTable('accounts').set({ state_since: past }).where('id', '=', id).execute();
  return past;
}

describe('a code', () => {
  it('of the page that PostgreSQL could not store as it is, is stored as far as it can be', async () => {
    const expiresAt = new Date();
    await store.saveQr(id, { text: 'q\0r', expiresAt });
    await store.savePairingCode(id, { text: 'AB\ud800CD', expiresAt });
    expect(await store.getAccount(id)).toMatchObject({ qr: 'q\uFFFDr', pairingCode: 'AB\uFFFDCD' });
  });
});

describe('state', () => {
  it('of a new account is registered, without anything', async () => {
    expect(await store.getAccount(id)).toMatchObject({
      state: 'registered',
      reason: null,
      wanted: false,
      linked: false,
      phoneNumber: null,
      qr: null,
      isActive: true,
    });
  });

  it('keeps its instant while state and reason stay the same', async () => {
    await store.saveState(id, { state: 'reconnecting', reason: 'browser_died', lastError: 'x\0y' });
    const past = await age();
    await store.saveState(id, { state: 'reconnecting', reason: 'browser_died' });
    expect(await store.getAccount(id)).toMatchObject({ since: past, lastError: 'x\uFFFDy' });
    await store.saveState(id, { state: 'reconnecting', reason: 'page_crashed' });
    expect((await store.getAccount(id)).since.getTime()).toBeGreaterThan(past.getTime());
  });

  it('tells when the connection was lost, once', async () => {
    await store.saveLinked(id, IDENTITY);
    expect((await store.getAccount(id)).lastDisconnectedAt).toBeNull();
    await store.saveState(id, { state: 'reconnecting', reason: 'browser_died' });
    const { lastDisconnectedAt } = await store.getAccount(id);
    expect(lastDisconnectedAt).toBeInstanceOf(Date);
    await store.saveState(id, { state: 'disconnected', reason: 'user_disconnected' });
    expect((await store.getAccount(id)).lastDisconnectedAt).toEqual(lastDisconnectedAt);
  });
});

it('is changed no more by a write that was given up while it waited', async () => {
  const given = new AbortController();
  let late: Promise<void> = Promise.resolve();
  await db.transaction().execute(async (trx) => {
    await trx.selectFrom('accounts').select('id').where('id', '=', id).forUpdate().execute();
    late = store.saveState(id, { state: 'closing', reason: null }, given.signal);
    late.catch(() => undefined);
    await vi.waitFor(async () => {
      const waiting = await sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
      expect(waiting.rows).toHaveLength(1);
    });
    given.abort(new Error('given up'));
  });
  await expect(late).rejects.toThrow('given up');
  expect(await store.getAccount(id)).toMatchObject({ state: 'registered' });
  const entered = db.selectFrom('session_events').select('state').where('account_id', '=', id);
  expect(await entered.execute()).toEqual([]);
});

describe('link', () => {
  it('is stored with who it is, and clears the QR code and the error', async () => {
    await store.saveQr(id, { text: 'qr', expiresAt: new Date() });
    await store.saveState(id, { state: 'reconnecting', reason: 'browser_died', lastError: 'gone' });
    await store.saveLinked(id, IDENTITY);
    const account = await store.getAccount(id);
    expect(account).toMatchObject({
      linked: true,
      phoneNumber: '+491700000001',
      profileName: 'Shop',
      state: 'connected',
      reason: null,
      lastError: null,
      qr: null,
      firstLinkedAt: expect.any(Date),
      lastConnectedAt: expect.any(Date),
    });
    const past = await age();
    await store.saveLinked(id, IDENTITY);
    expect(await store.getAccount(id)).toMatchObject({ since: past, firstLinkedAt: account.firstLinkedAt });
  });

  it('of another number than before is the first of that one', async () => {
    await store.saveLinked(id, IDENTITY);
    const long = new Date(Date.now() - 1_000_000);
    await db.updateTable('accounts').set({ first_linked_at: long }).where('id', '=', id).execute();
    await store.saveOver(id, HERE);
    await store.saveLinked(id, IDENTITY);
    expect((await store.getAccount(id)).firstLinkedAt).toEqual(long);
    await store.saveOver(id, HERE);
    await store.saveLinked(id, { ...IDENTITY, phoneNumber: '+491700000002' });
    expect((await store.getAccount(id)).firstLinkedAt?.getTime()).toBeGreaterThan(long.getTime());
  });

  it('of one number belongs to one account, until it is forgotten', async () => {
    const other = await insertTestAccount(db);
    await store.saveLinked(id, IDENTITY);
    await expect(store.saveLinked(other, IDENTITY)).rejects.toMatchObject({ code: 'ALREADY_LINKED' });
    await store.saveOver(id, HERE);
    await store.saveLinked(other, IDENTITY);
    expect(await store.getAccount(id)).toMatchObject({ linked: false, phoneNumber: '+491700000001' });
  });

  it('keeps its number if the page tells none later, and has none if it never did', async () => {
    const hidden = { ...IDENTITY, wid: '99@lid', phoneNumber: null };
    await store.saveLinked(id, IDENTITY);
    await store.saveLinked(id, hidden);
    expect((await store.getAccount(id)).phoneNumber).toBe('+491700000001');
    await store.saveOver(id, HERE);
    await store.saveLinked(id, hidden);
    expect((await store.getAccount(id)).phoneNumber).toBeNull();
  });

  it('is given up by an account that is deleted', async () => {
    await store.saveLinked(id, IDENTITY);
    await markAccountDeleted(db, id);
    const other = await insertTestAccount(db);
    await store.saveLinked(other, IDENTITY);
    await expect(store.getAccount(id)).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  });
});

describe('a link that is over', () => {
  const snapshot = (generation: number) => ({
    accountId: id,
    generation,
    sealedAt: new Date(),
    keyId: '0000000000000000',
    bytes: 1,
    profileEpoch: null,
  });

  it('takes every snapshot with it at the same stroke, for any instance to remove, and none of a later link', async () => {
    const index = makeSnapshotIndex(db, HERE);
    await store.saveLinked(id, IDENTITY);
    for (const generation of [1, 2]) await index.save(snapshot(generation));
    expect(await index.listUnfinishedWipes()).toEqual([]);
    await store.saveOver(id, HERE);
    expect(await index.listUnfinishedWipes()).toEqual([id]);
    // Sealed while the database was away, or just now.
    await index.save(snapshot(5));
    const { wipedThrough } = await index.find(id);
    expect(wipedThrough).toBeGreaterThan(5);
    await index.remove(id, [1, 2, 5]);
    await index.save(snapshot(wipedThrough + 1));
    expect(await index.listUnfinishedWipes()).toEqual([]);
    await store.saveOver(id, HERE);
    expect((await index.find(id)).wipedThrough).toBeGreaterThan(wipedThrough + 1);
  });

  it('is one as well if nothing was ever sealed', async () => {
    await store.saveOver(id, HERE);
    expect((await makeSnapshotIndex(db, HERE).find(id)).wipedThrough).toBeGreaterThan(0);
  });
});

describe('accounts that are wanted', () => {
  it('are those of the instance, and those of none, that were not deleted', async () => {
    const [elsewhere, deleted, nobodys] = [
      await insertTestAccount(db),
      await insertTestAccount(db),
      await insertTestAccount(db),
    ];
    await store.saveStart(id, HERE);
    await store.saveStart(elsewhere, THERE);
    await store.saveStart(deleted, HERE);
    await markAccountDeleted(db, deleted);
    await db.updateTable('accounts').set({ wanted: true }).where('id', '=', nobodys).execute();
    expect((await store.listWanted(HERE)).map((account) => account.id)).toEqual([id, nobodys]);
    await store.saveRest(id, { reason: 'exported' });
    expect((await store.listWanted(HERE)).map((account) => account.id)).toEqual([nobodys]);
  });

  it('show as starting when a daemon comes up, and no others', async () => {
    const elsewhere = await insertTestAccount(db);
    for (const [accountId, instance] of [
      [id, HERE],
      [elsewhere, THERE],
    ] as const) {
      await store.saveStart(accountId, instance);
      await store.saveLinked(accountId, { ...IDENTITY, phoneNumber: null });
    }
    await store.saveStarting(HERE);
    const account = await store.getAccount(id);
    expect(account).toMatchObject({ state: 'starting', reason: null, linked: true });
    expect(account.lastDisconnectedAt).not.toBeNull();
    expect((await store.getAccount(elsewhere)).state).toBe('connected');
  });

  it('are entered into their histories once, in as many statements for a hundred accounts as for one', async () => {
    const counted = countStatements(db);
    const onState = vi.fn();
    const counting = makeAccountStore(counted.db, { history: { onState, onAlert: vi.fn() } });
    await store.saveStart(id, HERE);
    await store.saveState(id, { state: 'awaiting_scan', reason: null });
    await counting.saveStarting(HERE);
    const forOne = counted.count();
    expect(onState).toHaveBeenCalledTimes(1);
    const many = await Promise.all(Array.from({ length: 100 }, () => insertTestAccount(db)));
    await db.updateTable('accounts').set({ wanted: true, instance_id: HERE }).execute();
    await counting.saveStarting(HERE);
    expect(counted.count() - forOne).toBe(forOne);
    // The first of them was starting already.
    expect(onState).toHaveBeenCalledTimes(101);
    const entered = await db
      .selectFrom('session_events')
      .selectAll()
      .where('account_id', 'in', many)
      .execute();
    expect(entered).toHaveLength(100);
    expect(entered[0]).toMatchObject({ kind: 'state', state: 'starting', reason: null, instance_id: HERE });
  });
});

it('does not take back an account that has been linked', async () => {
  await store.saveLinked(id, IDENTITY);
  await deleteUnusedAccount(db, id);
  expect((await store.getAccount(id)).id).toBe(id);
  await expect(store.getAccount(makeAccountId())).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
});
