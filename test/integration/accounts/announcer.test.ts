import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SessionChange } from '../../../src/accounts/account.ts';
import { type Announcer, openAnnouncer } from '../../../src/accounts/announcer.ts';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { SessionStatus } from '../../../src/channels/channel.ts';
import { findAccountTodayOfAny, updateAccount } from '../../../src/db/account-directory.ts';
import type { LimitNews } from '../../../src/db/account-news-store.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { countUsage } from '../../../src/db/usage-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { openTestDatabase } from '../../support/database.ts';
import { HeardAnnouncements } from '../../support/heard-announcements.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

/** Longer than any test; what is held for it is never told. */
const FOR_EVER_MS = 3_600_000;
const NEEDS_SCAN: SessionChange = { state: 'needs_human', reason: 'logged_out' };
const FELL: SessionChange = { state: 'reconnecting', reason: 'browser_died', attempt: 1 };

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;
const statuses = new Map<AccountId, SessionStatus>();

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: new RecordingLogger() })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  statuses.clear();
  // Whoever opens tells of all accounts what was not told before.
  await db.deleteFrom('accounts').execute();
  account = await insertTestAccount(db);
});

async function openHeard(announceGraceMs = FOR_EVER_MS, log = new RecordingLogger()) {
  const timings = { announceGraceMs, qrLifetimeMs: 120_000 };
  const findStatus = (id: AccountId) => statuses.get(id);
  const announcer = await openAnnouncer({ db, findStatus, timings, clock: systemClock, log });
  return {
    announcer,
    heard: new HeardAnnouncements(announcer),
    [Symbol.asyncDispose]: () => announcer[Symbol.asyncDispose](),
  };
}

/** Stores a change as a session does, then tells of it. */
async function enter(announcer: Announcer, change: SessionChange): Promise<void> {
  await makeAccountStore(db).saveState(account, change);
  announcer.onState(account, change);
}

function failing(failures: number): SessionStatus {
  const reconnect = { attempt: failures, failures, nextAt: Date.UTC(2026, 2, 1) };
  return { isClientActive: false, clientInfo: null, lastError: 'gone', reconnect };
}

async function send(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) await countUsage(db, account, 'sent', new Date());
}

describe('states', () => {
  it('are announced once each, as they are stored', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    await enter(announcer, { state: 'starting', reason: null });
    await enter(announcer, { state: 'connected', reason: null });
    announcer.onState(account, { state: 'connected', reason: null });
    await enter(announcer, NEEDS_SCAN);
    const told = await heard.untilCount('status', 3);
    expect(told.map(({ state, reason }) => [state, reason])).toEqual([
      ['starting', null],
      ['connected', null],
      ['needs_human', 'logged_out'],
    ]);
    const stored = (await findAccountTodayOfAny(db, account))?.account;
    expect(told[2]).toMatchObject({ accountId: account, tenantId: stored?.tenantId, since: stored?.since });
  });

  it('that pass within the grace are not announced', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    await enter(announcer, { state: 'connected', reason: null });
    await enter(announcer, FELL);
    await enter(announcer, { state: 'connected', reason: null });
    await enter(announcer, NEEDS_SCAN);
    const told = await heard.untilCount('status', 2);
    expect(told.map(({ state }) => state)).toEqual(['connected', 'needs_human']);
  });

  it('that last are announced once, with the attempt that is coming', async () => {
    await using stage = await openHeard(1);
    const { announcer, heard } = stage;
    statuses.set(account, failing(2));
    await enter(announcer, { state: 'connected', reason: null });
    await enter(announcer, FELL);
    await heard.untilCount('status', 2);
    await enter(announcer, { ...FELL, attempt: 2 });
    await enter(announcer, { state: 'connected', reason: null });
    const told = await heard.untilCount('status', 3);
    expect(told.map(({ state }) => state)).toEqual(['connected', 'reconnecting', 'connected']);
    expect(told[1]?.reconnect).toEqual({ attempt: 2, nextAt: new Date(Date.UTC(2026, 2, 1)) });
    expect(told[2]?.reconnect).toBeNull();
  });

  it('that are held when the daemon stops are dropped', async () => {
    const { announcer, heard } = await openHeard();
    await enter(announcer, { state: 'connected', reason: null });
    await enter(announcer, FELL);
    await heard.untilCount('status', 1);
    await announcer[Symbol.asyncDispose]();
    announcer.onState(account, NEEDS_SCAN);
    await announcer[Symbol.asyncDispose]();
    expect(heard.of('status').map(({ state }) => state)).toEqual(['connected']);
  });

  it('of an account that was deleted are nobody’s any more', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    await markAccountDeleted(db, account);
    announcer.onState(account, NEEDS_SCAN);
    account = await insertTestAccount(db);
    await enter(announcer, NEEDS_SCAN);
    const told = await heard.untilCount('status', 1);
    expect(told.map(({ accountId }) => accountId)).toEqual([account]);
  });
});

describe('health', () => {
  it('is announced once as it passes 70 and 90 per cent of the daily limit', async () => {
    await updateAccount(db, account, { dailyLimit: 10 }, new Date());
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    for (let sent = 1; sent <= 10; sent += 1) {
      await send(1);
      for (let look = 0; look < 3; look += 1) announcer.reviewHealth(account);
      // Looks run by themselves: one that came late would find the next level, and skip this one.
      if (sent === 7) await heard.untilCount('health', 1);
    }
    await heard.untilCount('health', 2);
    await updateAccount(db, account, { dailyLimit: 1_000 }, new Date());
    announcer.reviewHealth(account);
    const told = await heard.untilCount('health', 3);
    expect(told.map(({ health }) => health)).toEqual(['Warning', 'Critical', 'Healthy']);
    expect(told[2]).toMatchObject({ accountId: account, sentToday: 10, dailyLimit: 1_000 });
  });

  it('is critical as soon as the alert comes, and good again with the connection', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      statuses.set(account, failing(attempt));
      await enter(announcer, { ...FELL, attempt });
    }
    announcer.onAlert(account, {
      kind: 'reconnect_failing',
      reason: 'browser_died',
      text: 'The browser ended.',
    });
    await heard.untilCount('health', 1);
    const [alert] = await heard.untilCount('alert', 1);
    expect(alert).toMatchObject({ accountId: account, alert: { kind: 'reconnect_failing' } });
    statuses.set(account, { ...failing(0), reconnect: null });
    await enter(announcer, { state: 'connected', reason: null });
    const told = await heard.untilCount('health', 2);
    expect(told.map(({ health }) => health)).toEqual(['Critical', 'Healthy']);
  });

  it('that was told before the daemon started is not told again, and its change is', async () => {
    {
      await using earlier = await openHeard();
      await enter(earlier.announcer, NEEDS_SCAN);
      await earlier.heard.untilCount('health', 1);
    }
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    announcer.reviewHealth(account);
    await enter(announcer, { state: 'starting', reason: null });
    const told = await heard.untilCount('health', 1);
    expect(told.map(({ health }) => health)).toEqual(['Healthy']);
  });

  it('that could not be told before a crash is told by the next daemon, once', async () => {
    await makeAccountStore(db).saveState(account, NEEDS_SCAN);
    await using stage = await openHeard();
    await using other = await openHeard();
    for (const { announcer } of [stage, other]) announcer.reviewHealth(account);
    await stage.announcer.settled();
    await other.announcer.settled();
    const told = [...stage.heard.of('health'), ...other.heard.of('health')];
    expect(told.map(({ health }) => health)).toEqual(['Critical']);
    expect(await newsOf('health')).toEqual([{ health: 'Critical', sentToday: 0, dailyLimit: 1_000 }]);
  });

  it('is looked at again when a new day may have healed it', async () => {
    await updateAccount(db, account, { dailyLimit: 1 }, new Date());
    await send(1);
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    await heard.untilCount('health', 1);
    await db.deleteFrom('account_usage').where('account_id', '=', account).execute();
    expect(announcer.reviewUnhealthy()).toBeGreaterThan(0);
    const told = await heard.untilCount('health', 2);
    expect(told).toMatchObject([
      { accountId: account, health: 'Critical' },
      { accountId: account, health: 'Healthy' },
    ]);
  });
});

describe('the daily limit', () => {
  it('is entered to be told once at 70 and once at 90 per cent, however many look', async () => {
    await updateAccount(db, account, { dailyLimit: 10 }, new Date());
    await using stage = await openHeard();
    await using other = await openHeard();
    for (let sent = 0; sent < 10; sent += 1) {
      await send(1);
      for (const { announcer } of [stage, other]) announcer.reviewHealth(account);
      await stage.announcer.settled();
      await other.announcer.settled();
    }
    expect(await newsOf('limit')).toEqual([
      { percent: 70, sentToday: 7, dailyLimit: 10 },
      { percent: 90, sentToday: 9, dailyLimit: 10 },
    ]);
  });

  it('is entered again when its use rises again after the limit was raised', async () => {
    await updateAccount(db, account, { dailyLimit: 10 }, new Date());
    await using stage = await openHeard();
    for (const [sent, dailyLimit] of [
      [7, 10],
      [0, 100],
      [63, 100],
    ] as const) {
      await send(sent);
      await updateAccount(db, account, { dailyLimit }, new Date());
      stage.announcer.reviewHealth(account);
      await stage.announcer.settled();
    }
    const percents = (await newsOf('limit')).map((data) => (data as LimitNews).percent);
    expect(percents).toEqual([70, 70]);
  });
});

/** What was entered of that kind to be told of the account. */
async function newsOf(kind: 'health' | 'limit'): Promise<(object | null)[]> {
  const rows = await db
    .selectFrom('session_events')
    .select('data')
    .where('account_id', '=', account)
    .where('kind', '=', kind)
    .orderBy('id')
    .execute();
  return rows.map(({ data }) => data);
}

describe('codes', () => {
  it('are announced with the time that they are valid for, and when they are over', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    const store = makeAccountStore(db);
    await store.saveStart(account, parseInstanceId('test'));
    const expiresAt = new Date(Date.UTC(2026, 2, 1, 12, 2));
    await store.saveQr(account, { text: 'qr-text', expiresAt });
    await store.savePairingCode(account, { text: 'ABCD1234', expiresAt });
    const row = await store.getAccount(account);
    announcer.onQr(row, 'qr-text');
    announcer.onPairingCode(row, 'ABCD1234');
    announcer.onQr(row, 'not stored yet');
    announcer.onQr(row, null);
    const told = await heard.untilCount('qr', 3);
    expect(told.map(({ text }) => text)).toEqual(['qr-text', 'not stored yet', null]);
    expect(told[0]?.expiresAt).toEqual(expiresAt);
    expect(told[1]?.expiresAt?.getTime()).toBeGreaterThan(systemClock.now());
    expect(told[2]?.expiresAt).toBeNull();
    expect(await heard.untilCount('pairing-code', 1)).toMatchObject([{ text: 'ABCD1234', expiresAt }]);
  });

  it('are over with the session that showed them, and that is said once', async () => {
    await using stage = await openHeard();
    const { announcer, heard } = stage;
    const row = await makeAccountStore(db).getAccount(account);
    announcer.onQr(row, null);
    announcer.onQr(row, 'qr-text');
    await enter(announcer, { state: 'awaiting_scan', reason: null });
    await enter(announcer, { state: 'disconnected', reason: 'qr_given_up' });
    announcer.onQr(row, null);
    announcer.onQr(row, 'another');
    const told = await heard.untilCount('qr', 3);
    expect(told.map(({ text }) => text)).toEqual(['qr-text', null, 'another']);
  });
});

it('tells of a change once the database, which could not be read, can be again', async () => {
  const log = new RecordingLogger();
  const failed = log.next('An account could not be read to tell of it and is read again');
  await using stage = await openHeard(FOR_EVER_MS, log);
  await makeAccountStore(db).saveState(account, NEEDS_SCAN);
  await sql`alter table account_usage rename to usage_away`.execute(db);
  stage.announcer.onState(account, NEEDS_SCAN);
  await failed;
  await sql`alter table usage_away rename to account_usage`.execute(db);
  expect(await stage.heard.untilCount('status', 1)).toMatchObject([{ state: 'needs_human' }]);
});

it('stops also while the database does not answer', async () => {
  const { announcer } = await openHeard();
  const blocked = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const lock = db.transaction().execute(async (trx) => {
    await sql`lock table account_usage in access exclusive mode`.execute(trx);
    locked.resolve();
    await blocked.promise;
  });
  await locked.promise;
  announcer.onState(account, NEEDS_SCAN);
  await announcer[Symbol.asyncDispose]();
  blocked.resolve();
  await lock;
});
