import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, type InstanceId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { copyFrozen } from '../../../../src/channels/whatsapp-web/frozen-copy.ts';
import { writeProfileMark } from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { openInstancePresence } from '../../../../src/db/instance-presence.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { silentLog } from '../../../support/silent-log.ts';

const OTHER = parseInstanceId('other');
/** Of a profile that is newer than anything in the vault. */
const NEWEST = 100;
/** Far more than a copy takes on a busy machine. */
const DEADLINE_MS = 20_000;

let stage: PoolStage;
let accountId: AccountId;

beforeAll(async () => {
  stage = await PoolStage.open();
  accountId = await stage.link(await stage.world.phone('shop'));
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Generations, oldest first. */
async function listVault(): Promise<number[]> {
  const names = await readdir(join(stage.vaultPath, accountId));
  return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
}
const connections = () => stage.of(accountId).connections.length;

it('seals a session that is asked to start again while the daemon stops', async () => {
  const refused = expect(stage.pool.start(accountId)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await stage.pool[Symbol.asyncDispose]();
  await refused;
  expect(await readdir(stage.livePath)).toEqual([]);
});

/** A killed daemon has left the profile open, and nobody wants the account connected. */
async function leaveOpen(): Promise<void> {
  await stage.reopen();
  await stage.pool.start(accountId);
  await stage.connected(accountId, connections() + 1);
  const away = join(stage.livePath, '..', 'away');
  await copyFrozen(stage.profilePath(accountId), away, DEADLINE_MS);
  await stage.reopen();
  await writeProfileMark(away, { generation: NEWEST, boot: null });
  await rename(away, stage.profilePath(accountId));
}

/** Another instance has had the account connected since, and has let it rest. */
async function leaveTo(instanceId: InstanceId): Promise<void> {
  await stage.store.saveStart(accountId, instanceId);
  await stage.store.saveRest(accountId, { reason: 'exported' });
}

beforeEach(({ task }) => (task.name.startsWith('seals') ? undefined : leaveOpen()));

it('discards a profile that was left open if another instance has the account, and is there', async () => {
  const before = await listVault();
  await leaveTo(OTHER);
  await using _other = await openInstancePresence({
    connection: stage.connection,
    instanceId: OTHER,
    log: silentLog,
  });
  await stage.pool.restore();
  expect(await readdir(stage.livePath)).toEqual([]);
  expect(await listVault()).toEqual(before);
});

it('keeps it in the vault if that instance is gone, as one is that was given another name', async () => {
  const newest = (await listVault()).at(-1) ?? 0;
  await leaveTo(OTHER);
  await stage.pool.restore();
  expect(await readdir(stage.livePath)).toEqual([]);
  expect((await listVault()).at(-1)).toBe(newest + 1);
});
