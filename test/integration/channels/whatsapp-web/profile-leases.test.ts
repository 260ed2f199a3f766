import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  readBoot,
  readProfileMark,
  writeProfileMark,
} from '../../../../src/channels/whatsapp-web/profile-mark.ts';
import { LeaseLostError } from '../../../../src/instances/lease.ts';
import { messagesOf, moveAway, VaultDaemons } from '../../../support/vault-daemons.ts';
import { VaultRoot } from '../../../support/vault-root.ts';

const OUTDATED = 'An opened profile is from before another instance had the account and is not used';

let root: VaultRoot;
let daemons: VaultDaemons;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  daemons = new VaultDaemons(await root.newPlaces());
  return () => daemons[Symbol.asyncDispose]();
});

it('is sealed as newer than what others have sealed, by a daemon that lost the account and got it back', async () => {
  const one = await daemons.leaveOpen();
  const other = await daemons.open('b');
  one.lease = undefined;
  await daemons.hold(other, 'b');
  for (const text of ['theirs', 'theirs too']) await other.stage.seal(text);
  other.lease = undefined;
  await daemons.hold(one, 'a');
  expect(await one.stage.takeOut()).toBe('theirs too');
  await one.stage.store('ours again');
  await one.stage.putAway();
  one.lease = undefined;
  await daemons.hold(other, 'b');
  expect(await other.stage.takeOut()).toBe('ours again');
});

describe('a profile whose lease is over', () => {
  const NOT_SEALED = [
    'A running session could not be sealed',
    'A session could not be sealed and stays open',
  ];

  it('is neither marked nor sealed', async () => {
    const late = await daemons.leaveOpen();
    const mark = await readProfileMark(late.stage.profilePath);
    const disk = await late.stage.listDisk();
    late.lease = undefined;
    await late.stage.keeper.snapshot(late.stage.accountId);
    await late.stage.putAway();
    await daemons.hold(late, 'a');
    await late.stage.keeper.snapshot(late.stage.accountId);
    expect(messagesOf(late).filter((message) => NOT_SEALED.includes(message))).toEqual([
      ...NOT_SEALED,
      NOT_SEALED[0],
    ]);
    expect(await late.stage.listDisk()).toEqual(disk);
    expect(await readProfileMark(late.stage.profilePath)).toEqual(mark);
    await late.stage.putAway();
    expect(await late.stage.takeOut()).toBe('gone on');
  });

  it('is not taken out either', async () => {
    const late = await daemons.leaveOpen();
    late.lease = undefined;
    await expect(late.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
  });

  it('is not used if its mark names no lease', async () => {
    const one = await daemons.leaveOpen();
    await writeProfileMark(one.stage.profilePath, { generation: 100, boot: await readBoot() });
    const again = await daemons.open('a');
    await daemons.hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('sealed');
    expect(messagesOf(again)).toContain(OUTDATED);
  });
});

describe('a profile that was left open under an earlier lease', () => {
  beforeEach(() => daemons.leaveOpen());

  it('is used however often the account was taken since, if nobody has opened its profile', async () => {
    for (let time = 0; time < 3; time += 1) await daemons.hold(await daemons.open('a'), 'a');
    await daemons.hold(await daemons.open('b'), 'b');
    const again = await daemons.open('a');
    await daemons.hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('gone on');
    expect(again.stage.restoredFrom).toEqual([]);
  });

  it('is used if a start was cut off before it was written down that it uses it', async () => {
    for (let time = 0; time < 2; time += 1) {
      const cutOff = await daemons.open('a');
      await daemons.hold(cutOff, 'a');
      cutOff.stage.index.saveUse = () => Promise.reject(new Error('The database is away.'));
      await expect(cutOff.stage.takeOut()).rejects.toThrow('The database is away.');
      expect((await readProfileMark(cutOff.stage.profilePath))?.leaseEpochs).toContain(cutOff.lease?.epoch);
    }
    const again = await daemons.open('a');
    await daemons.hold(again, 'a');
    expect(await again.stage.takeOut()).toBe('gone on');
  });

  it('is not used if another machine has opened the vault since, though it has sealed nothing', async () => {
    const other = await daemons.open('b');
    await daemons.hold(other, 'b');
    await moveAway(other);
    expect(await other.stage.takeOut()).toBe('sealed');
    const again = await daemons.open('a');
    await daemons.hold(again, 'a');
    await moveAway(again);
    expect(await again.stage.takeOut()).toBe('sealed');
    expect(messagesOf(again)).toContain(OUTDATED);
  });

  it('is not used under a lease that is over by then', async () => {
    const late = await daemons.open('a');
    await daemons.hold(late, 'a');
    await daemons.hold(await daemons.open('b'), 'b');
    await expect(late.stage.takeOut()).rejects.toBeInstanceOf(LeaseLostError);
  });
});
