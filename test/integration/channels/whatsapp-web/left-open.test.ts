import { existsSync } from 'node:fs';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { copyFrozen } from '../../../../src/channels/whatsapp-web/frozen-copy.ts';
import { readProfileMark, writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { makeSnapshotIndex } from '../../../../src/db/snapshot-store.ts';
import type { LeaseKeeper } from '../../../../src/instances/lease-keeper.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { openShortLeases } from '../../../support/short-leases.ts';

const HERE = parseInstanceId('test');
const OTHER = parseInstanceId('other');
/** Far more than a copy takes on a busy machine. */
const DEADLINE_MS = 20_000;

const stack = new AsyncDisposableStack();
let stage: PoolStage;
let leases: LeaseKeeper;
let other: LeaseKeeper;
let accountId: AccountId;

beforeAll(async () => {
  stage = stack.use(await PoolStage.open());
  leases = stack.use(await openShortLeases(stage, HERE));
  other = stack.use(await openShortLeases(stage, OTHER));
  await stage.reopen({ leases });
  accountId = await stage.link(await stage.world.phone('shop'));
});
afterAll(() => stack.disposeAsync());

/** Generations, oldest first. */
async function listVault(): Promise<number[]> {
  const names = await readdir(join(stage.vaultPath, accountId));
  return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
}
const connections = () => stage.of(accountId).connections.length;
const witness = () => join(stage.profilePath(accountId), 'witness');

it('seals a session that is asked to start again while the daemon stops', async () => {
  const refused = expect(stage.pool.start(accountId)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await stage.pool[Symbol.asyncDispose]();
  await refused;
  expect(await readdir(stage.livePath)).toEqual([]);
  expect(leases.held()).toEqual([]);
});

/** A killed daemon has left the profile open. */
async function leaveOpen(): Promise<void> {
  await stage.reopen({ leases });
  await stage.pool.start(accountId);
  await stage.connected(accountId, connections() + 1);
  const away = join(stage.livePath, '..', 'away');
  await copyFrozen(stage.profilePath(accountId), away, DEADLINE_MS);
  const mark = await readProfileMark(stage.profilePath(accountId));
  if (mark === undefined) throw new Error('The open profile bears no mark.');
  expect(mark.leaseEpochs).toContain(leases.find(accountId)?.epoch);
  await stage.reopen({ leases });
  // Given back once its last copy is there, which no stop waits for.
  await vi.waitFor(() => expect(leases.held()).toEqual([]));
  // Newer than anything in the vault.
  const generation = ((await listVault()).at(-1) ?? 0) + 100;
  await writeProfileMark(away, { ...mark, generation, boot: null });
  await rename(away, stage.profilePath(accountId));
  await writeFile(witness(), '');
}

describe('a profile that was left open', () => {
  beforeEach(leaveOpen);

  /** The instance that holds the account runs its session, on a machine of its own. */
  async function useHeld(): Promise<void> {
    const index = makeSnapshotIndex(stage.db, OTHER, (id) => other.find(id));
    await index.saveUse(accountId, other.find(accountId)?.epoch ?? 0, '/elsewhere');
  }

  /** Another instance has run its session meanwhile. */
  async function useElsewhere(): Promise<void> {
    await other.take(accountId);
    await useHeld();
    await other.release(accountId);
  }

  const nobodyWantsIt = () => stage.store.saveRest(accountId, { reason: 'exported' });

  it('waits for the instance that holds the account, and is discarded once that has used another one', async () => {
    const before = await listVault();
    await other.take(accountId);
    await stage.pool.restore();
    await stage.pool.takeUp([]);
    expect(existsSync(witness())).toBe(true);
    await useHeld();
    await stage.pool.takeUp([]);
    expect(await readdir(stage.livePath)).toEqual([]);
    expect(await listVault()).toEqual(before);
    await other.release(accountId);
  });

  it('is discarded if another instance has used the account since, and nobody wants it connected', async () => {
    const before = await listVault();
    await useElsewhere();
    await nobodyWantsIt();
    await stage.pool.restore();
    expect(await readdir(stage.livePath)).toEqual([]);
    expect(await listVault()).toEqual(before);
  });

  it('is not used either then: the vault is opened in its place', async () => {
    await useElsewhere();
    await stage.pool.start(accountId);
    await stage.connected(accountId, connections() + 1);
    expect(existsSync(witness())).toBe(false);
  });

  it('is used if another instance has held the account since and came to open nothing', async () => {
    await other.take(accountId);
    await other.release(accountId);
    await stage.pool.start(accountId);
    await stage.connected(accountId, connections() + 1);
    expect(existsSync(witness())).toBe(true);
  });

  it('is used if nobody has held the account since', async () => {
    await stage.pool.restore();
    await stage.connected(accountId, connections() + 1);
    expect(existsSync(witness())).toBe(true);
  });

  it('is sealed if nobody has held it since, and nobody wants it connected', async () => {
    const newest = (await listVault()).at(-1) ?? 0;
    await nobodyWantsIt();
    await stage.pool.restore();
    expect(await readdir(stage.livePath)).toEqual([]);
    expect((await listVault()).at(-1)).toBe(newest + 1);
  });
});
