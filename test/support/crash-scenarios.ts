import { rm } from 'node:fs/promises';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import { damageProfileSample } from './profile-sample.ts';
import type { VaultOrder } from './vault-program.ts';
import type { VaultStage } from './vault-stage.ts';

const SEALING = ['snapshot-begun', 'snapshot-written', 'snapshot-synced', 'snapshot-renamed'] as const;
const KEEPING = ['snapshot-indexed', 'snapshot-copied', 'snapshot-backed-up', 'snapshots-pruned'] as const;
const OPENING = [
  'opening-begun',
  'opening-unpacked',
  'opening-checked',
  'opening-cleared',
  'opening-moved',
] as const;
const WIPING = ['wipe-disk-removed', 'wipe-copies-removed', 'wipe-done'] as const;

/** Something that a daemon does with a vault and may be killed at. */
export interface CrashScenario {
  readonly name: string;
  /** Makes what is there before. What is newest has the text `new`, what is older the text `old`. */
  prepare(stage: VaultStage): Promise<void>;
  /** What comes before the work in the same process. */
  readonly first: readonly VaultOrder['do'][];
  readonly work: VaultOrder['do'];
  /** Every step of the work, in order. */
  readonly steps: readonly VaultStep[];
}

async function sealSome(stage: VaultStage, newest: string): Promise<void> {
  for (const text of ['old', 'old', newest]) await stage.seal(text);
}

async function openAndStore(stage: VaultStage, text: string): Promise<void> {
  await stage.keeper.takeOut(stage.accountId);
  await stage.store(text);
}

/** In each of these the session is there afterwards, as it was left. */
export const KEEPING_SCENARIOS: readonly CrashScenario[] = [
  {
    name: 'the first sealing of a new link',
    prepare: (stage) => openAndStore(stage, 'new'),
    first: ['takeOut'],
    work: 'putAway',
    steps: ['profile-marked', ...SEALING, 'snapshot-on-disk', 'profile-removed', ...KEEPING],
  },
  {
    name: 'a stop after others, where old generations go',
    async prepare(stage) {
      await sealSome(stage, 'old');
      await openAndStore(stage, 'new');
    },
    first: ['takeOut'],
    work: 'putAway',
    steps: [
      'profile-marked',
      ...SEALING,
      'snapshot-on-disk',
      'profile-removed',
      ...KEEPING.slice(0, 3),
      'copies-pruned',
      'snapshots-pruned',
    ],
  },
  {
    name: 'a snapshot while the browser runs',
    async prepare(stage) {
      await stage.seal('old');
      await openAndStore(stage, 'new');
    },
    first: ['takeOut'],
    work: 'snapshot',
    steps: ['profile-marked', 'profile-frozen', 'profile-copied', ...SEALING, 'snapshot-on-disk', ...KEEPING],
  },
  {
    name: 'an opening',
    prepare: (stage) => sealSome(stage, 'new'),
    first: [],
    work: 'takeOut',
    steps: OPENING,
  },
  {
    name: 'an opening of the copy in the database',
    async prepare(stage) {
      await sealSome(stage, 'new');
      await stage.folder.remove(stage.accountId, await stage.folder.list(stage.accountId));
    },
    first: [],
    work: 'takeOut',
    steps: OPENING,
  },
  {
    name: 'an opening in the place of a damaged profile',
    async prepare(stage) {
      await sealSome(stage, 'new');
      await stage.keeper.takeOut(stage.accountId);
      await damageProfileSample(stage.profilePath);
    },
    first: [],
    work: 'takeOut',
    steps: OPENING,
  },
];

/** In each of these the session was destroyed: nothing may be left of it. */
export const DESTROYING_SCENARIOS: readonly CrashScenario[] = [
  {
    name: 'a disconnect of an open session',
    async prepare(stage) {
      await sealSome(stage, 'old');
      await openAndStore(stage, 'new');
    },
    first: ['takeOut'],
    work: 'destroy',
    steps: ['wipe-marked', 'wipe-profile-removed', ...WIPING],
  },
  {
    name: 'a disconnect of a session that is at rest on the disk alone',
    async prepare(stage) {
      await stage.seal('new');
      await stage.backup.remove(stage.accountId, [1]);
      await stage.index.remove(stage.accountId, [1]);
    },
    first: [],
    work: 'destroy',
    steps: ['wipe-marked', 'wipe-profile-removed', ...WIPING],
  },
  {
    name: 'a start that completes a disconnect',
    async prepare(stage) {
      await sealSome(stage, 'new');
      await stage.vault.markDestroyed(stage.accountId, 10);
    },
    first: [],
    work: 'boot',
    steps: WIPING,
  },
  {
    name: 'a disconnect of what a machine without a disk has',
    async prepare(stage) {
      await sealSome(stage, 'new');
      await rm(stage.folder.pathOf(stage.accountId, 3));
    },
    first: [],
    work: 'destroy',
    steps: ['wipe-marked', 'wipe-profile-removed', ...WIPING],
  },
];
