import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AccountStore } from '../../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted, purgeAccount } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const INSTANCE = parseInstanceId('test');

const stack = new AsyncDisposableStack();
let db: Executor;
let store: AccountStore;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
  store = makeAccountStore(db);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
});

/** The account's history in order: kind, state or words, reason and attempt. */
async function history(): Promise<unknown[][]> {
  const rows = await db
    .selectFrom('session_events')
    .select(['kind', 'state', 'reason', 'attempt', 'text'])
    .where('account_id', '=', account)
    .orderBy('id')
    .execute();
  return rows.map(({ kind, state, reason, attempt, text }) => [kind, state, reason, attempt, text]);
}

it('keeps every state once, in order', async () => {
  await store.saveStart(account, INSTANCE);
  await store.saveStarting(INSTANCE);
  await store.saveState(account, { state: 'awaiting_scan', reason: null });
  await store.saveState(account, { state: 'syncing', reason: null });
  const identity = { wid: '491700000001@c.us', phoneNumber: '+491700000001', profileName: null };
  await store.saveLinked(account, identity);
  await store.saveState(account, { state: 'connected', reason: null });
  await store.saveState(account, {
    state: 'needs_human',
    reason: 'logged_out',
    lastError: 'It ended the link.',
  });
  expect(await history()).toEqual([
    ['state', 'starting', null, null, null],
    ['state', 'awaiting_scan', null, null, null],
    ['state', 'syncing', null, null, null],
    ['state', 'connected', null, null, null],
    ['state', 'needs_human', 'logged_out', null, 'It ended the link.'],
  ]);
  const rows = await db
    .selectFrom('session_events')
    .select('instance_id')
    .where('account_id', '=', account)
    .execute();
  expect(new Set(rows.map((row) => row.instance_id))).toEqual(new Set(['test']));
});

it('keeps each attempt to reconnect by itself', async () => {
  for (const attempt of [1, 2, 3]) {
    await store.saveState(account, { state: 'reconnecting', reason: 'browser_died', attempt });
  }
  await store.saveState(account, { state: 'reconnecting', reason: 'page_unreachable', attempt: 4 });
  expect(await history()).toEqual([
    ['state', 'reconnecting', 'browser_died', 1, null],
    ['state', 'reconnecting', 'browser_died', 2, null],
    ['state', 'reconnecting', 'browser_died', 3, null],
    ['state', 'reconnecting', 'page_unreachable', 4, null],
  ]);
});

it('enters nothing twice when a write is repeated, also with an alert in between', async () => {
  const fell = { state: 'reconnecting', reason: 'browser_died', attempt: 5 } as const;
  await store.saveState(account, fell);
  await store.saveState(account, fell);
  await store.saveAlert(account, {
    kind: 'reconnect_failing',
    reason: 'browser_died',
    text: 'The browser ended.',
  });
  await store.saveState(account, fell);
  expect(await history()).toEqual([
    ['state', 'reconnecting', 'browser_died', 5, null],
    ['alert', null, 'browser_died', null, 'reconnect_failing: The browser ended.'],
  ]);
});

it('keeps a state that comes again after another one', async () => {
  for (const state of ['connected', 'syncing', 'connected', 'syncing'] as const) {
    await store.saveState(account, { state, reason: null });
  }
  expect((await history()).map(([, state]) => state)).toEqual([
    'connected',
    'syncing',
    'connected',
    'syncing',
  ]);
});

it('keeps errors that PostgreSQL could not store as they are', async () => {
  const lastError = 'Protocol error\u0000: \ud800 Target closed';
  await store.saveState(account, { state: 'reconnecting', reason: 'browser_died', attempt: 1, lastError });
  const [[, , , , text] = []] = await history();
  expect(text).toMatch(/Protocol error.*Target closed/s);
});

it('writes nothing of an account that was deleted', async () => {
  await markAccountDeleted(db, account);
  await store.saveState(account, { state: 'starting', reason: null });
  expect(await history()).toEqual([]);
});

it('goes with its account when that is purged, and stays when it is only deleted', async () => {
  await store.saveState(account, { state: 'connected', reason: null });
  await store.saveAlert(account, { kind: 'needs_human', reason: 'banned', text: 'Blocked.' });
  await markAccountDeleted(db, account);
  expect(await history()).toHaveLength(2);
  await purgeAccount(db, account);
  expect(await history()).toEqual([]);
});
