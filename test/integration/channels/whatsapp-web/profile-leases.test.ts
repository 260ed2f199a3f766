import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAccountId, parseInstanceId } from '../../../../src/accounts/ids.ts';
import {
  readBoot,
  readProfileMark,
  writeProfileMark,
} from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { takeLease } from '../../../../src/db/lease-store.ts';
import { type Lease, LeaseLostError } from '../../../../src/instances/lease.ts';
import { endRun, insertRun } from '../../../support/instance-rows.ts';
import { VaultRoot } from '../../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../../support/vault-stage.ts';

const STRANGE = 'An opened profile is from before another instance had the account and is not used';

let root: VaultRoot;
let places: VaultPlaces;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  places = await root.newPlaces();
  return () => stack.disposeAsync();
});

/** A daemon with a disk of its own, and the lease that it takes itself to hold. */
interface Daemon {
  readonly stage: VaultStage;
  lease: Lease | undefined;
}

/** One that is opened again under the same name is that daemon after a kill. */
async function openDaemon(name: string, settings: VaultStageSettings = {}): Promise<Daemon> {
  const [runtimePath, sessionPath] = [`${places.runtimePath}-${name}`, `${places.sessionPath}-${name}`];
  const findLease = () => daemon.lease;
  const all = { ...settings, findLease, instance: name };
  const stage = stack.use(await VaultStage.open({ ...places, runtimePath, sessionPath }, all));
  const daemon: Daemon = { stage, lease: undefined };
  return daemon;
}

/** It holds the account from now on; whoever held it does not, and may not know. */
async function take({ stage }: Daemon, instance: string): Promise<Lease> {
  const { db, accountId } = stage;
  const { lease_run } = await db
    .selectFrom('accounts')
    .select('lease_run')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow();
  if (lease_run !== null) await endRun(db, Number(lease_run));
  const run = await insertRun(db, instance);
  stack.defer(() => endRun(db, run));
  const instanceId = parseInstanceId(instance);
  const taking = await takeLease(db, { accountId: parseAccountId(places.accountId), run, instanceId });
  if (taking.kind !== 'taken') throw new Error(`The lease could not be taken: ${taking.kind}.`);
  return taking.lease;
}

/** It takes the lease, and knows of it. */
async function hold(daemon: Daemon, instance: string): Promise<void> {
  daemon.lease = await take(daemon, instance);
}

const messages = ({ stage }: Daemon) => stage.log.lines.map(({ message }) => message);

/** Of the daemon `a`, which was killed over a session that had gone on since it was sealed. */
async function leaveOpen(): Promise<Daemon> {
  const daemon = await openDaemon('a');
  await hold(daemon, 'a');
  await daemon.stage.seal('sealed');
  await daemon.stage.takeOut();
  await daemon.stage.store('gone on');
  return daemon;
}

it('is sealed as newer than what others have sealed, by a daemon that lost the account and got it back', async () => {
  const one = await leaveOpen();
  const other = await openDaemon('b');
  one.lease = undefined;
  await hold(other, 'b');
  for (const text of ['theirs', 'theirs too']) await other.stage.seal(text);
  other.lease = undefined;
  await hold(one, 'a');
  expect(await one.stage.takeOut()).toBe('theirs too');
  await one.stage.store('ours again');
  await one.stage.putAway();
  one.lease = undefined;
  await hold(other, 'b');
  expect(await other.stage.takeOut()).toBe('ours again');
});

describe('a profile whose lease is over', () => {
  const NOT_SEALED = [
    'A running session could not be sealed',
    'A session could not be sealed and stays open',
  ];

  it('is neither marked nor sealed', async () => {
    const late = await leaveOpen();
    const mark = await readProfileMark(late.stage.profilePath);
    const disk = await late.stage.listDisk();
    late.lease = undefined;
    await late.stage.keeper.snapshot(late.stage.accountId);
    await late.stage.putAway();
    await hold(late, 'a');
    await late.stage.keeper.snapshot(late.stage.accountId);
    expect(messages(late).filter((message) => NOT_SEALED.includes(message))).toEqual([
      ...NOT_SEALED,
      NOT_SEALED[0],
    ]);
    expect(await late.stage.listDisk()).toEqual(disk);
    expect(await readProfileMark(late.stage.profilePath)).toEqual(mark);
    await late.stage.putAway();
    expect(await late.stage.takeOut()).toBe('gone on');
  });

  it('is not taken out either', async () => {
    const late = await leaveOpen();
    late.lease = undefined;
    await expect(late.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
  });

  it('is not used if its mark names no lease', async () => {
    const one = await leaveOpen();
    await writeProfileMark(one.stage.profilePath, { generation: 100, boot: await readBoot() });
    const again = await openDaemon('a');
    await hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('sealed');
    expect(messages(again)).toContain(STRANGE);
  });
});

describe('a profile that was left open under an earlier lease', () => {
  beforeEach(leaveOpen);

  it('is used however often the account was taken since, if nobody has opened its profile', async () => {
    for (let time = 0; time < 3; time += 1) await hold(await openDaemon('a'), 'a');
    await hold(await openDaemon('b'), 'b');
    const again = await openDaemon('a');
    await hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('gone on');
    expect(again.stage.restoredFrom).toEqual([]);
  });

  it('is used if a start was cut off before it was written down that it uses it', async () => {
    for (let time = 0; time < 2; time += 1) {
      const cutOff = await openDaemon('a');
      await hold(cutOff, 'a');
      cutOff.stage.index.saveUse = () => Promise.reject(new Error('The database is away.'));
      await expect(cutOff.stage.takeOut()).rejects.toThrow('The database is away.');
      expect((await readProfileMark(cutOff.stage.profilePath))?.leaseEpochs).toContain(cutOff.lease?.epoch);
    }
    const again = await openDaemon('a');
    await hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('gone on');
  });

  it('is not used if another instance has opened the profile since, though it has sealed nothing', async () => {
    const other = await openDaemon('b');
    await hold(other, 'b');
    expect(await other.stage.takeOut()).toBe('sealed');
    const again = await openDaemon('a');
    await hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('sealed');
    expect(messages(again)).toContain(STRANGE);
  });

  it('is not used under a lease that is over by then', async () => {
    const late = await openDaemon('a');
    await hold(late, 'a');
    await hold(await openDaemon('b'), 'b');
    await expect(late.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
  });
});
