import type { Measured, Table } from '../benchmark.ts';
import { bytesToText, median, timesToText } from '../figures.ts';
import type { SealTimes } from './contender.ts';
import type { FolderDigest } from './folder-digest.ts';
import type { MemoryNeeded } from './memory-run.ts';
import type { Zstd } from './tar-contender.ts';
import type { VaultSettings } from './vault-settings.ts';

/** What one contender needed in one round. */
export type Turn = SealTimes & { readonly openedMs: number };

export interface Round {
  readonly ours: Turn;
  readonly theirs: Turn;
}

export interface VaultRun {
  readonly settings: VaultSettings;
  readonly zstd: Zstd;
  readonly names: { readonly ours: string; readonly theirs: string };
  readonly digest: FolderDigest;
  readonly rounds: readonly Round[];
  readonly memory: { readonly seal: MemoryNeeded; readonly open: MemoryNeeded };
}

/** What the figures of a turn are called in the table. */
const LINES = {
  writtenMs: 'sealing, until the file is written',
  syncedMs: 'sealing, until it is safe on the disk',
  openedMs: 'opening',
  bytes: 'size of the file',
} as const satisfies Record<keyof Turn, string>;

/** Medians side by side. A ratio is ours by theirs: below 1 ours is faster or smaller. */
export function report(run: VaultRun): Measured {
  const { settings, digest, rounds, zstd, memory } = run;
  const counted = rounds.length === 1 ? 'one round' : `medians of ${rounds.length} rounds, in turns`;
  return {
    title:
      `A profile of ${bytesToText(digest.bytes)} in ${digest.files} files (seed ${settings.seed}); ${counted}; ` +
      'every file was opened again and compared.',
    tables: [makeComparison(run), makeMemoryTable(memory)],
    notes: makeNotes(zstd),
    figures: {
      settings,
      reference: { name: run.names.theirs, zstd },
      profile: digest,
      sealRatio: compare(rounds, 'writtenMs').ratio,
      sealMs: compare(rounds, 'writtenMs'),
      sealSyncedMs: compare(rounds, 'syncedMs'),
      openMs: compare(rounds, 'openedMs'),
      sizeBytes: compare(rounds, 'bytes'),
      memory,
      rounds,
    },
  };
}

function compare(rounds: readonly Round[], figure: keyof Turn) {
  const ours = median(rounds.map((round) => round.ours[figure]));
  const theirs = median(rounds.map((round) => round.theirs[figure]));
  return { ours, theirs, ratio: ours / theirs };
}

function makeComparison({ names, rounds }: VaultRun): Table {
  const row = (figure: keyof Turn) => {
    const text = (who: keyof Round) => {
      const values = rounds.map((round) => round[who][figure]);
      return figure === 'bytes' ? bytesToText(median(values)) : timesToText(values);
    };
    return [LINES[figure], text('ours'), text('theirs'), compare(rounds, figure).ratio.toFixed(2)];
  };
  const lines = (Object.keys(LINES) as (keyof Turn)[]).map(row);
  return [['', names.ours, names.theirs, 'ratio'], ...lines];
}

function makeMemoryTable({ seal, open }: VaultRun['memory']): Table {
  const row = (name: string, { heapBytes, bufferBytes, growthBytes }: MemoryNeeded) => [
    name,
    ...[heapBytes, bufferBytes, growthBytes].map(bytesToText),
  ];
  return [
    ['memory at most', 'JavaScript heap', 'buffers', 'growth of the process'],
    row('while sealing', seal),
    row('while opening', open),
  ];
}

function makeNotes(zstd: Zstd): readonly string[] {
  const fair = 'Sealing also encrypts and opening also verifies; tar | zstd does neither.';
  const stand =
    zstd === 'program'
      ? 'zstd is the program of this machine.'
      : "zstd is Node's own, in a process beside tar, whose start and end are not counted.";
  return [`${fair} ${stand}`];
}
