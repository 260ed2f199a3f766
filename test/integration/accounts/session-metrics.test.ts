import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountStore, ALERT_KINDS } from '../../../src/accounts/account.ts';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { REASONS } from '../../../src/accounts/reason.ts';
import { measureSessions } from '../../../src/accounts/session-metrics.ts';
import { SESSION_STATES } from '../../../src/accounts/state.ts';
import { countAccountsByState } from '../../../src/db/account-directory.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { Metrics } from '../../../src/observability/metrics.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { countedSeries, parseSeries } from '../../support/metric-series.ts';
import { silentLog } from '../../support/silent-log.ts';

const INSTANCE = parseInstanceId('test');
const IDENTITY = { wid: '491700000001@c.us', phoneNumber: '+491700000001', profileName: null };

const stack = new AsyncDisposableStack();
let db: Executor;
let metrics: Metrics;
let store: AccountStore;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('session_events').execute();
  await db.deleteFrom('accounts').execute();
  metrics = new Metrics();
  store = makeAccountStore(db, {
    history: measureSessions(metrics, () => countAccountsByState(db, INSTANCE)),
  });
  account = await insertTestAccount(db);
  await want(account, INSTANCE);
});

/** A user wants the account connected on the instance; it has not been started yet. */
async function want(id: AccountId, instanceId: InstanceId): Promise<void> {
  await db
    .updateTable('accounts')
    .set({ wanted: true, instance_id: instanceId })
    .where('id', '=', id)
    .execute();
}

/** What the history holds, counted by the database. */
async function historyBy(column: 'state' | 'reason', kind: 'attempts' | 'all'): Promise<object> {
  const rows = await db
    .selectFrom('session_events')
    .select([column, (eb) => eb.fn.countAll<string>().as('count')])
    .where('kind', '=', 'state')
    .$if(kind === 'attempts', (query) => query.where('attempt', 'is not', null))
    .groupBy(column)
    .execute();
  return Object.fromEntries(rows.map((row) => [row[column], Number(row.count)]));
}

/** A first link, flickers, falls, a failing reconnect, a fall that needs a human; writes are repeated as they may be. */
async function live(): Promise<void> {
  await store.saveStarting(INSTANCE);
  await store.saveState(account, { state: 'starting', reason: null });
  for (const state of ['awaiting_scan', 'pairing', 'syncing'] as const)
    await store.saveState(account, { state, reason: null });
  await store.saveLinked(account, IDENTITY);
  await store.saveState(account, { state: 'connected', reason: null });
  for (let flicker = 0; flicker < 3; flicker += 1) {
    await store.saveState(account, { state: 'syncing', reason: null });
    await store.saveLinked(account, IDENTITY);
    await store.saveState(account, { state: 'connected', reason: null });
    await store.saveState(account, { state: 'reconnecting', reason: 'connection_lost' });
    await store.saveState(account, { state: 'connected', reason: null });
  }
  for (const attempt of [1, 2, 3, 4, 5]) {
    const fell = { state: 'reconnecting', reason: 'browser_died', attempt, lastError: 'gone' } as const;
    await store.saveState(account, fell);
    await store.saveState(account, fell);
  }
  await store.saveAlert(account, { kind: 'reconnect_failing', reason: 'browser_died', text: 'It ended.' });
  await store.saveState(account, { state: 'needs_human', reason: 'banned' });
  await store.saveAlert(account, { kind: 'needs_human', reason: 'banned', text: 'Blocked.' });
}

it('counts each state that was stored once, with its flickers, as the history has it', async () => {
  await live();
  const text = await metrics.text();
  const states = countedSeries(text, 'switchboard_session_state_changes_total');
  expect(states).toEqual({
    starting: 1,
    awaiting_scan: 1,
    pairing: 1,
    syncing: 4,
    connected: 7,
    reconnecting: 8,
    needs_human: 1,
  });
  expect(states).toEqual(await historyBy('state', 'all'));
  const reconnects = countedSeries(text, 'switchboard_session_reconnects_total');
  expect(reconnects).toEqual({ browser_died: 5 });
  expect(reconnects).toEqual(await historyBy('reason', 'attempts'));
  expect(parseSeries(text, 'switchboard_session_alerts_total')).toEqual({
    reconnect_failing: 1,
    flapping: 0,
    needs_human: 1,
  });
});

it('shows how many accounts of this instance are in each state', async () => {
  const [elsewhere, deleted] = [await insertTestAccount(db), await insertTestAccount(db)];
  await want(elsewhere, parseInstanceId('other'));
  await want(deleted, INSTANCE);
  await markAccountDeleted(db, deleted);
  const sessions = async () => parseSeries(await metrics.text(), 'switchboard_sessions');
  const none = Object.fromEntries(Object.keys(SESSION_STATES).map((state) => [state, 0]));
  expect(await sessions()).toEqual({ ...none, registered: 1 });
  await store.saveState(account, { state: 'connected', reason: null });
  expect(await sessions()).toEqual({ ...none, connected: 1 });
});

it('does not count what could not be stored', async () => {
  await store.saveLinked(account, IDENTITY);
  const second = await insertTestAccount(db);
  await expect(store.saveLinked(second, IDENTITY)).rejects.toMatchObject({ code: 'ALREADY_LINKED' });
  await markAccountDeleted(db, second);
  await store.saveState(second, { state: 'connected', reason: null });
  const states = countedSeries(await metrics.text(), 'switchboard_session_state_changes_total');
  expect(states).toEqual({ connected: 1 });
});

it('has one series for each state, each reason to reconnect and each kind of alert, however many accounts there are', async () => {
  const seriesOf = async () =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith('switchboard_session')).length;
  const before = await seriesOf();
  const retried = Object.values(REASONS).filter(({ retry }) => retry !== 'never').length;
  expect(before).toBe(2 * Object.keys(SESSION_STATES).length + retried + ALERT_KINDS.length);
  await live();
  account = await insertTestAccount(db);
  await want(account, INSTANCE);
  await store.saveState(account, { state: 'reconnecting', reason: 'page_crashed', attempt: 1 });
  expect(await seriesOf()).toBe(before);
  expect(await metrics.text()).not.toContain(account);
});
