import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ABSENT_WAIT_MS, AwaitedGenerationError } from '../../../src/vault/absent-generation.ts';
import { type LeasedVault, LeasedVaults } from '../../support/leased-vaults.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { VaultRoot } from '../../support/vault-root.ts';

const LEFT_BEHIND =
  'A sealed session was opened that is older than the newest, which another instance did not copy';

let root: VaultRoot;
let daemons: LeasedVaults;
let one: LeasedVault;
let other: LeasedVault;
let clock: ManualClock;

beforeAll(async () => {
  root = await VaultRoot.open();
});
afterAll(() => root[Symbol.asyncDispose]());
beforeEach(async () => {
  daemons = new LeasedVaults(await root.newPlaces());
  clock = new ManualClock();
  one = await daemons.open('one');
  other = await daemons.open('other', { clock });
  await daemons.hold(one);
  await one.stage.seal('shared');
  return () => daemons[Symbol.asyncDispose]();
});

/** A session of one that was sealed, often, while the database was away. */
async function sealUnentered(...texts: readonly string[]): Promise<void> {
  const { index } = one.stage;
  const { save } = index;
  await one.stage.keeper.takeOut(daemons.accountId);
  index.save = () => Promise.reject(new Error('The database is away.'));
  for (const text of texts) await one.stage.seal(text);
  index.save = save;
}

const catchUp = ({ stage }: LeasedVault) =>
  stage.vault.catchUp(async (ids) => new Set(ids), new AbortController().signal);

describe('what was sealed while the database was away', () => {
  it('is gone on from by the daemon that sealed it, which enters it before it uses the profile', async () => {
    await sealUnentered('second', 'third');
    const again = await daemons.open('one');
    await daemons.hold(again);
    expect(await again.stage.takeOut()).toBe('third');
    expect(await again.stage.listIndex()).toEqual([3, 2, 1]);
    // Its profile is lost with the machine, before anything else was sealed.
    await rm(again.stage.profilePath, { recursive: true });
    await daemons.hold(again);
    expect(await again.stage.takeOut()).toBe('third');
  });

  it('is no newer than what another instance has sealed since under the same number', async () => {
    await sealUnentered('second');
    await daemons.hold(other);
    await other.stage.seal('theirs');
    await daemons.hold(one);
    expect(await one.stage.takeOut()).toBe('theirs');
  });

  it('is no newer than what another instance has sealed since under a lower number, and is removed', async () => {
    await sealUnentered('second', 'third', 'fourth');
    await daemons.hold(other);
    await other.stage.seal('theirs');
    await daemons.hold(one);
    expect(await one.stage.takeOut()).toBe('theirs');
    expect(await one.stage.listDisk()).toEqual(['1.lease', '1.vault']);
    await one.stage.store('ours again');
    await one.stage.putAway();
    await daemons.hold(other);
    expect(await other.stage.takeOut()).toBe('ours again');
  });

  it('does not count once another instance has used the profile, though that has sealed nothing', async () => {
    await sealUnentered('second');
    await daemons.hold(other);
    expect(await other.stage.takeOut()).toBe('shared');
    await daemons.hold(one);
    expect(await one.stage.takeOut()).toBe('shared');
  });

  it('counts where the database was put back to what it was before', async () => {
    await sealUnentered('second');
    await one.stage.db.updateTable('accounts').set({ profile_epoch: 0 }).execute();
    await daemons.hold(one);
    expect(await one.stage.takeOut()).toBe('second');
  });

  it('is neither entered nor copied in the place of what another instance has sealed since', async () => {
    await sealUnentered('second');
    await daemons.hold(other);
    await other.stage.takeOut();
    await other.stage.store('theirs');
    other.backup.reach = 'none';
    await other.stage.putAway();
    await daemons.hold(one);
    expect(await catchUp(one)).toBe(0);
    expect(await one.stage.listDatabase()).toEqual([1]);
    await daemons.hold(other);
    expect(await other.stage.takeOut()).toBe('theirs');
  });

  it('is not entered afterwards either, where the other has the account only in use', async () => {
    await sealUnentered('second');
    await daemons.hold(other);
    await other.stage.takeOut();
    await daemons.hold(one);
    expect(await catchUp(one)).toBe(0);
    expect(await one.stage.listIndex()).toEqual([1]);
  });

  it('is destroyed with the link, whoever went on with it', async () => {
    await sealUnentered('second', 'third', 'fourth');
    await daemons.hold(other);
    await other.stage.seal('theirs');
    await daemons.hold(one);
    await one.stage.keeper.destroy(daemons.accountId);
    expect(await one.stage.listDisk()).toEqual([]);
    expect(await one.stage.takeOut()).toBeNull();
  });

  it('is removed where another instance destroys the link', async () => {
    await sealUnentered('second', 'third', 'fourth');
    await daemons.hold(other);
    await other.stage.takeOut();
    await other.stage.keeper.destroy(daemons.accountId);
    await one.stage.vault.finishWipes();
    expect(await one.stage.listDisk()).toEqual([]);
  });
});

describe('the newest that another instance has on its disk alone', () => {
  /** Entered, and copied nowhere; the other holds the account then. */
  beforeEach(async () => {
    one.backup.reach = 'none';
    await one.stage.seal('newest');
    one.backup.reach = 'all';
    await daemons.hold(other);
  });

  const errors = () =>
    other.stage.log.lines.filter(({ level, message }) => level === 'error' && message === LEFT_BEHIND);

  it('is waited for, and opened once that instance has copied it', async () => {
    for (let tried = 0; tried < 3; tried += 1) {
      await expect(other.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
      clock.advance(ABSENT_WAIT_MS / 4);
    }
    expect(await catchUp(one)).toBe(1);
    expect(await other.stage.takeOut()).toBe('newest');
    expect(errors()).toEqual([]);
  });

  it('is waited for a while only', async () => {
    await expect(other.stage.takeOut()).rejects.toMatchObject({ code: 'VAULT_STORAGE_FAILED' });
    clock.advance(ABSENT_WAIT_MS);
    expect(await other.stage.takeOut()).toBe('shared');
    expect(errors()).toHaveLength(1);
  });

  it('is waited for also where that instance was just stopped: it may be back', async () => {
    await daemons.end(one);
    await expect(other.stage.takeOut()).rejects.toBeInstanceOf(AwaitedGenerationError);
    expect(await catchUp(one)).toBe(1);
    expect(await other.stage.takeOut()).toBe('newest');
  });

  it('is waited for anew by an instance that has lost the account meanwhile', async () => {
    await expect(other.stage.takeOut()).rejects.toBeInstanceOf(AwaitedGenerationError);
    clock.advance(ABSENT_WAIT_MS);
    await daemons.hold(one);
    await daemons.hold(other);
    await expect(other.stage.takeOut()).rejects.toBeInstanceOf(AwaitedGenerationError);
  });

  /** Nothing comes in time. */
  const waitInVain = async () => {
    await expect(other.stage.takeOut()).rejects.toBeInstanceOf(AwaitedGenerationError);
    clock.advance(ABSENT_WAIT_MS);
  };

  it('is left behind where that instance does not come back, and the log says what is missing', async () => {
    const [newest, shared] = (await one.stage.index.find(daemons.accountId)).snapshots;
    await daemons.end(one);
    await waitInVain();
    expect(await other.stage.takeOut()).toBe('shared');
    expect(errors()).toMatchObject([
      {
        fields: {
          accountId: daemons.accountId,
          generation: 1,
          newest: 2,
          missingFrom: shared?.sealedAt,
          missingTo: newest?.sealedAt,
        },
      },
    ]);
  });

  it('is not given up for good where nothing older can be opened: that instance may come back', async () => {
    await daemons.end(one);
    await one.stage.backup.remove(daemons.accountId, [1]);
    await waitInVain();
    await expect(other.stage.takeOut()).rejects.toMatchObject({
      code: 'VAULT_STORAGE_FAILED',
      message: expect.stringContaining('Start that instance, or'),
    });
  });

  it('is not copied after all where the other has gone on from something older', async () => {
    await daemons.end(one);
    await waitInVain();
    expect(await other.stage.takeOut()).toBe('shared');
    await other.stage.store('theirs');
    await other.stage.putAway();
    expect(await catchUp(one)).toBe(0);
    expect(await one.stage.listDatabase()).toEqual([3, 1]);
  });
});
