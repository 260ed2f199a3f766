import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { profilePathOf } from '../../../../src/channels/whatsapp-web/profile.ts';
import type { SessionTimings } from '../../../../src/config/session-timings.ts';
import { AppError } from '../../../../src/lib/errors.ts';
import { BarePool } from '../../../support/bare-pool.ts';
import { makeProfileSample } from '../../../support/profile-sample.ts';
import { findFalseSteps } from '../../../support/state-history.ts';

const INSTANCE = parseInstanceId('test');
const DAMAGED = new AppError('VAULT_DAMAGED', { message: 'No copy is whole.' });

let bare: BarePool;
let accountId: AccountId;

beforeEach(() => open());

async function open(timings: Partial<SessionTimings> = {}): Promise<void> {
  bare = await BarePool.open({ maxConnections: 1, timings: { profileEndMs: 50, ...timings } });
  accountId = await bare.create();
}

afterEach(async () => {
  const falseSteps = await findFalseSteps(bare.db, accountId);
  await bare[Symbol.asyncDispose]();
  expect(falseSteps).toEqual([]);
});

/** A phone has been linked, without a word of the session that it was linked in. */
const setLinked = () =>
  bare.db.updateTable('accounts').set({ linked: true }).where('id', '=', accountId).execute();

/** Starts the account and resolves once its session opens its profile, which then does not come to an end. */
async function startAndHang(): Promise<void> {
  const { reached } = bare.profiles.hold('takeOut');
  await bare.pool.start(accountId);
  await reached;
}

describe('a profile whose opening hangs', () => {
  it('keeps no daemon from stopping', async () => {
    const opening = bare.index.hold('find');
    await bare.pool.start(accountId);
    await opening.reached;
    await bare.pool[Symbol.asyncDispose]();
    expect(await bare.store.face.getAccount(accountId)).toMatchObject({
      state: 'disconnected',
      reason: 'daemon_stopped',
      wanted: true,
    });
    opening.go();
  });

  it('is told, and frees its slot for whoever disconnects the account; what comes late is destroyed', async () => {
    await bare[Symbol.asyncDispose]();
    await open({ profileDeadlineMs: 300 });
    const opening = bare.index.hold('find');
    await bare.pool.start(accountId);
    await opening.reached;
    expect(await bare.state(accountId, 'reconnecting')).toMatchObject({ reason: 'vault_unavailable' });
    await expect(bare.pool.disconnect(accountId)).rejects.toMatchObject({ code: 'SESSION_DEADLINE' });
    expect(await bare.state(accountId, 'disconnected')).toMatchObject({ reason: 'user_disconnected' });
    const other = await bare.create();
    await bare.pool.start(other);
    await bare.pool.disconnect(other);
    const before = bare.steps.length;
    opening.go();
    const order = () => bare.steps.slice(before).filter((step) => /opening-moved|profile-removed/.test(step));
    await vi.waitFor(() => expect(order()).toEqual(['wipe-profile-removed']));
    expect(await bare.profiles.face.listOpen()).toEqual([]);
  });
});

it('is started again if nobody can be told what its restored profile lacks, and opens it once they can', async () => {
  const { face } = bare.profiles;
  await face.takeOut(accountId);
  await makeProfileSample(profilePathOf(bare.runtimePath, accountId), 'sealed');
  await setLinked();
  await face.seal(accountId);
  const before = bare.steps.length;
  const isOpen = () => bare.steps.slice(before).includes('opening-moved');
  bare.restorations.fail('onRestored', new AppError('UNAVAILABLE', { message: 'The database is away.' }));
  await bare.pool.start(accountId);
  await vi.waitFor(() => expect(isOpen()).toBe(true), { timeout: 20_000 });
  expect(await bare.history(accountId)).toContain('reconnecting vault_unavailable');
  await bare.pool.disconnect(accountId);
});

it('seals at its stop what an earlier run has left open, though the session has not come to its turn', async () => {
  const { profiles } = bare;
  const path = profilePathOf(bare.runtimePath, accountId);
  await profiles.face.takeOut(accountId);
  await makeProfileSample(path, 'left open');
  await setLinked();
  await bare.pool[Symbol.asyncDispose]();
  await bare.boot({ maxConnections: 20 });
  // As many as may start at a time, whose profiles do not open.
  for (let n = 0; n < availableParallelism(); n += 1) {
    const { reached } = profiles.hold('takeOut');
    await bare.pool.start(await bare.create());
    await reached;
  }
  await bare.pool.start(accountId);
  await bare.pool[Symbol.asyncDispose]();
  expect(existsSync(path)).toBe(false);
  expect((await bare.index.face.find(accountId)).snapshots).toHaveLength(1);
});

it('never throws a link away that was made while a new code was being asked for', async () => {
  await setLinked();
  const { reached } = bare.profiles.hold('takeOut');
  await bare.pool.start(accountId, { fresh: true });
  await reached;
  expect(await bare.store.face.getAccount(accountId)).toMatchObject({ linked: true });
  expect(bare.steps.filter((step) => step.startsWith('wipe'))).toEqual([]);
});

it('is closed once, however often that is asked for', async () => {
  await startAndHang();
  await Promise.all([bare.pool[Symbol.asyncDispose](), bare.pool[Symbol.asyncDispose]()]);
  await bare.store.face.saveStart(accountId, INSTANCE);
  await bare.pool[Symbol.asyncDispose]();
  expect(await bare.store.face.getAccount(accountId)).toMatchObject({ state: 'starting' });
});

describe('a start while the session before comes to rest by itself', () => {
  it('is what counts in the end', async () => {
    const rest = bare.store.hold('saveRest');
    bare.profiles.fail('takeOut', DAMAGED);
    await bare.pool.start(accountId);
    await rest.reached;
    const asked = startAndHang();
    rest.go();
    await asked;
    expect(await bare.state(accountId, 'starting')).toMatchObject({ wanted: true });
    expect(await bare.history(accountId)).toEqual(['starting', 'needs_human vault_damaged', 'starting']);
    await bare.pool.disconnect(accountId);
  });

  it('keeps its place: no other account gets in between', async () => {
    const other = await bare.create();
    const rest = bare.store.hold('saveRest');
    bare.profiles.fail('takeOut', DAMAGED);
    await bare.pool.start(accountId);
    await rest.reached;
    const looking = bare.store.hold('getAccount');
    const asked = startAndHang();
    await looking.reached;
    rest.go();
    await vi.waitFor(() => expect(bare.pool.findStatus(accountId)).toBeUndefined());
    await expect(bare.pool.start(other)).rejects.toMatchObject({ code: 'POOL_FULL' });
    looking.go();
    await asked;
    await expect(bare.pool.start(other)).rejects.toMatchObject({ code: 'POOL_FULL' });
    await bare.pool.disconnect(accountId);
    await bare.pool.start(other);
    await bare.pool.disconnect(other);
  });
});

it.each(['saveStart', 'getAccount'] as const)(
  'brings back a session that was stopped for a start which then failed (%s)',
  async (call) => {
    await startAndHang();
    if (call === 'getAccount') bare.store.pass('getAccount');
    bare.store.fail(call, new Error('The database is away.'));
    const again = bare.profiles.hold('takeOut');
    await expect(bare.pool.start(accountId)).rejects.toThrow('The database is away.');
    await again.reached;
    expect(await bare.state(accountId, 'starting')).toMatchObject({ wanted: true });
    expect(await bare.history(accountId)).toEqual(['starting', 'closing', 'starting']);
    await bare.pool.disconnect(accountId);
  },
);

it('rests after an export that could not be sealed, and says so', async () => {
  await startAndHang();
  bare.profiles.fail('seal', new Error('The disk is away.'));
  await expect(bare.pool.release(accountId)).rejects.toThrow('The disk is away.');
  expect(await bare.store.face.getAccount(accountId)).toMatchObject({
    state: 'disconnected',
    reason: 'exported',
    wanted: false,
  });
});

describe('a daemon that was killed over the end of a session', () => {
  beforeEach(() => bare.pool[Symbol.asyncDispose]());

  it.each(['connected', 'reconnecting', 'closing'] as const)(
    'says of an account that it had begun to disconnect (%s) that it is disconnected',
    async (state) => {
      const store = bare.store.face;
      await store.saveStart(accountId, INSTANCE);
      await store.saveLinked(accountId, { wid: '49@c.us', phoneNumber: '+49', profileName: null });
      await store.saveOver(accountId, INSTANCE);
      await store.saveState(accountId, { state, reason: null });
      const elsewhere = await bare.create();
      await store.saveStart(elsewhere, parseInstanceId('elsewhere'));
      await store.saveOver(elsewhere, parseInstanceId('elsewhere'));
      await bare.boot();
      await bare.pool.restore();
      expect(await store.getAccount(accountId)).toMatchObject({
        state: 'disconnected',
        reason: 'user_disconnected',
        qr: null,
      });
      expect((await bare.history(accountId)).at(-1)).toBe('disconnected user_disconnected');
      expect(await store.getAccount(elsewhere)).toMatchObject({ state: 'starting' });
    },
  );

  it('goes on with one that it had begun to seal for an export', async () => {
    const { reached } = bare.profiles.hold('takeOut');
    await bare.store.face.saveStart(accountId, INSTANCE);
    await bare.store.face.saveState(accountId, { state: 'closing', reason: null });
    await bare.boot();
    await bare.pool.restore();
    await reached;
    expect(await bare.history(accountId)).toEqual(['starting', 'closing', 'starting']);
    await bare.pool.disconnect(accountId);
  });
});
