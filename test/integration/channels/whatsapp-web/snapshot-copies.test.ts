import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAccountId } from '../../../../src/accounts/ids.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { type Executor, openDatabase } from '../../../../src/db/database.ts';
import { openTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { FrailBackup } from '../../../support/frail-backup.ts';
import { insertTestAccount } from '../../../support/inbound-events.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { makeProfileSample } from '../../../support/profile-sample.ts';
import { silentLog as log } from '../../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../../support/vault-stage.ts';

const { backupIntervalMs, sharedBackupIntervalMs } = DEFAULT_TIMINGS;

let root: TemporaryFolder;
let database: TestDatabase;
let db: Executor;
let clock: ManualClock;
let backup: FrailBackup;
let stage: VaultStage;
let places: VaultPlaces;
let stack: AsyncDisposableStack;
let hasOthers: boolean;
const whole = new AsyncDisposableStack();

beforeAll(async () => {
  root = whole.use(await openTemporaryFolder());
  database = whole.use(await openTestDatabase());
  db = whole.use(openDatabase({ connection: database.connection, log, poolSize: 2 })).db;
});
afterAll(() => whole.disposeAsync());

/** The sessions of one account of a daemon that is told the real intervals. */
async function openAccount(settings: VaultStageSettings = {}): Promise<VaultStage> {
  const folder = join(root.path, randomUUID());
  places = {
    connection: database.connection,
    accountId: await insertTestAccount(db),
    runtimePath: join(folder, 'live'),
    sessionPath: join(folder, 'sessions'),
  };
  return stack.use(
    await VaultStage.open(places, {
      clock,
      backupIntervalMs,
      sharedBackupIntervalMs,
      hasOthers: () => hasOthers,
      wrapBackup: (inner) => {
        backup = new FrailBackup(inner);
        return backup;
      },
      ...settings,
    }),
  );
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  clock = new ManualClock();
  hasOthers = false;
  stage = await openAccount();
  return () => stack.disposeAsync();
});

/** A session that was linked some time ago and runs, with a copy that was made now. */
async function openCopied(): Promise<void> {
  await stage.seal('sealed');
  await stage.keeper.takeOut(stage.accountId);
  await stage.keeper.snapshot(stage.accountId);
  expect(await stage.listDatabase()).toEqual([2, 1]);
}

describe('copies of a running session', () => {
  it('are due every hour while its instance is alone', async () => {
    await openCopied();
    clock.advance(backupIntervalMs - 1);
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(false);
    await stage.keeper.snapshot(stage.accountId);
    expect(await stage.listDatabase()).toEqual([2, 1]);
    clock.advance(1);
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(true);
    expect(await stage.listDatabase()).toEqual([4, 2]);
  });

  it('are due every few minutes while another instance runs, and a snapshot is sealed for them', async () => {
    await openCopied();
    hasOthers = true;
    clock.advance(sharedBackupIntervalMs - 1);
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(false);
    clock.advance(1);
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(true);
    expect(await stage.listDatabase()).toEqual([3, 2]);
    hasOthers = false;
    clock.advance(sharedBackupIntervalMs);
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(false);
  });

  it('are made with the next snapshot if they failed', async () => {
    await openCopied();
    clock.advance(backupIntervalMs);
    backup.reach = 'none';
    await stage.keeper.snapshot(stage.accountId);
    expect(stage.outcomes.slice(-2)).toEqual(['sealed', 'keep_failed']);
    backup.reach = 'all';
    expect(await stage.keeper.copyWhenDue(stage.accountId)).toBe(true);
    expect(await stage.listDatabase()).toEqual([4, 2]);
  });
});

it('copies the first snapshot of a link and the one that follows it, which alone has all of the link', async () => {
  await stage.keeper.takeOut(stage.accountId);
  await stage.store('early');
  await stage.keeper.snapshot(stage.accountId);
  expect(await stage.listDatabase()).toEqual([1]);
  await stage.store('whole');
  await stage.keeper.snapshot(stage.accountId);
  expect(await stage.listDatabase()).toEqual([2, 1]);
  await stage.keeper.snapshot(stage.accountId);
  expect(await stage.listDatabase()).toEqual([2, 1]);
  // The machine is lost.
  await Promise.all([places.runtimePath, places.sessionPath].map((path) => rm(path, { recursive: true })));
  stage = stack.use(await VaultStage.open(places));
  expect(await stage.takeOut()).toBe('whole');
});

describe('a backup that is slow', () => {
  let goOn: () => void;
  beforeEach(() => {
    const { promise, resolve } = Promise.withResolvers<void>();
    backup.slowness = promise;
    goOn = resolve;
  });
  const isCopying = () => expect.poll(() => backup.begun).toBeGreaterThan(0);

  it('keeps no other account from being sealed, nor its own from being ended and opened', async () => {
    const { keeper, accountId } = stage;
    await keeper.takeOut(accountId);
    await stage.store('one');
    const copied = keeper.snapshot(accountId);
    await isCopying();
    await keeper.putAway(accountId);
    expect(await stage.listRuntime()).toEqual([]);
    expect(await stage.takeOut()).toBe('one');
    const other = parseAccountId(await insertTestAccount(db));
    await keeper.takeOut(other);
    await makeProfileSample(profilePathOf(places.runtimePath, other), 'two');
    const copiedToo = keeper.snapshot(other);
    await expect.poll(() => stage.folder.list(other)).toEqual([1]);
    expect(await stage.listDatabase()).toEqual([]);
    goOn();
    await Promise.all([copied, copiedToo]);
    await keeper.copied();
    expect(await stage.listDatabase()).toEqual([2, 1]);
  });

  it('is waited for by whoever asks for all copies', async () => {
    const { keeper, accountId } = stage;
    await keeper.takeOut(accountId);
    await stage.store('one');
    await keeper.putAway(accountId);
    const told: string[] = [];
    const all = keeper.copied().then(() => told.push('copied'));
    await isCopying();
    expect(told).toEqual([]);
    goOn();
    await all;
    expect(await stage.listDatabase()).toEqual([1]);
  });

  it('leaves nothing of a session that is destroyed meanwhile', async () => {
    const { keeper, accountId } = stage;
    await keeper.takeOut(accountId);
    await stage.store('one');
    await keeper.putAway(accountId);
    await isCopying();
    const destroyed = keeper.destroy(accountId);
    goOn();
    await destroyed;
    await keeper.copied();
    expect(await stage.listDatabase()).toEqual([]);
    expect(await stage.listIndex()).toEqual([]);
    expect(await stage.listDisk()).toEqual([]);
  });

  it('leaves nothing either if another instance destroys the session meanwhile', async () => {
    const { keeper, accountId, vault } = stage;
    await keeper.takeOut(accountId);
    await stage.store('one');
    await keeper.putAway(accountId);
    await isCopying();
    await vault.markDestroyed(accountId, 1);
    await vault.wipe(accountId);
    goOn();
    await keeper.copied();
    expect(await stage.listDatabase()).toEqual([]);
    expect(await stage.listIndex()).toEqual([]);
    expect(await stage.listDisk()).toEqual([]);
  });
});
