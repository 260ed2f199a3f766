import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { makeKeyRing } from '../../../src/vault/key-ring.ts';
import { CURRENT_KEY, namedKey, OLD_KEY } from '../../support/sealed-sample.ts';
import { VaultRoot } from '../../support/vault-root.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from '../../support/vault-stage.ts';

const LONG_AGO = new Date(Date.now() - 31 * 24 * 3_600_000);

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

async function open(settings: VaultStageSettings = {}): Promise<VaultStage> {
  return stack.use(await VaultStage.open(places, settings));
}

/** Makes every generation of the vault look as if nobody had written to it for more than a month. */
async function age(stage: VaultStage): Promise<void> {
  for (const name of await stage.listDisk()) {
    await utimes(join(places.sessionPath, stage.accountId, name), LONG_AGO, LONG_AGO);
  }
}

/** What a daemon whose database knows no account makes of the vaults. */
const removeOrphans = (stage: VaultStage) => stage.vault.removeOrphans(async () => new Set());

it('removes the old vault of an account that is gone, sealed with the current key or one before', async () => {
  const first = await open({ keyRing: makeKeyRing({ current: OLD_KEY, previous: [] }) });
  await first.seal('by the old key');
  const second = await open({ keyRing: makeKeyRing({ current: CURRENT_KEY, previous: [OLD_KEY] }) });
  await second.seal('by the current key');
  expect(await removeOrphans(second)).toBe(0);
  await age(second);
  expect(await removeOrphans(second)).toBe(1);
  expect(await readdir(places.sessionPath)).toEqual([]);
});

it("never removes another daemon's vault, which other keys have sealed, however old it is", async () => {
  const owner = await open();
  await owner.seal('of the other daemon');
  await age(owner);
  const stranger = await open({ keyRing: makeKeyRing({ current: namedKey('a stranger'), previous: [] }) });
  expect(await removeOrphans(stranger)).toBe(0);
  expect(await owner.listDisk()).toEqual(['1.vault']);
});

it('leaves a vault alone of which a generation does not say whose it is', async () => {
  const stage = await open();
  await stage.seal('ours');
  await writeFile(stage.folder.pathOf(stage.accountId, 2), 'no vault at all');
  await age(stage);
  expect(await removeOrphans(stage)).toBe(0);
  expect(await stage.listDisk()).toEqual(['1.vault', '2.vault']);
});

it('does not count a folder in which there is no vault', async () => {
  const stage = await open();
  await mkdir(join(places.sessionPath, stage.accountId));
  expect(await removeOrphans(stage)).toBe(0);
});
