import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkContext, Measured } from '../benchmark.ts';
import { bytesToText } from '../figures.ts';
import type { Contender } from './contender.ts';
import { digestFolder, type FolderDigest } from './folder-digest.ts';
import { measureMemory } from './memory-run.ts';
import { makeSampleProfile } from './sample-profile.ts';
import { makeSealedContender } from './sealed-contender.ts';
import { hasProgram, makeTarContender, type Zstd } from './tar-contender.ts';
import { type Round, report } from './vault-report.ts';
import { OPTIONS, parseVaultSettings, type VaultSettings } from './vault-settings.ts';

/** Of the profile's size: itself, both files, a copy that was opened, and some air. */
const ROOM_FACTOR = 4.5;

/**
 * Seals and opens a made-up profile with Switchboard's own code and with `tar | zstd`, in turns, and measures what
 * memory it takes. What comes out is compared with what went in, each time.
 */
export const vaultBenchmark: Benchmark = {
  name: 'vault',
  summary: 'sealing and opening a profile against tar | zstd, and the memory that it takes',
  options: OPTIONS,
  async run(values, context) {
    const settings = parseVaultSettings(values);
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-bench-'));
    try {
      return await compare(settings, folder, context);
    } finally {
      // Again where something was put into a folder meanwhile: a tar that was cut off ends a moment later.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

/** One copy of the profile, and what has been made of it. */
interface Stage {
  readonly profile: string;
  readonly digest: FolderDigest;
  /** Does not exist but while something is opened into it. */
  readonly target: string;
  readonly signal: AbortSignal;
}

async function compare(
  settings: VaultSettings,
  folder: string,
  { signal, say }: BenchmarkContext,
): Promise<Measured> {
  await checkRoom(folder, settings.bytes);
  const zstd = await chooseZstd(settings, signal);
  const profile = join(folder, 'profile');
  say(`Making a profile of ${bytesToText(settings.bytes)} …`);
  await makeSampleProfile(profile, { ...settings, signal });
  const stage = { profile, digest: await digestFolder(profile), target: join(folder, 'opened'), signal };
  const vault = join(folder, 'vault');
  const ours = makeSealedContender(vault);
  const theirs = makeTarContender(folder, zstd);
  const rounds: Round[] = [];
  // The first one warms up: caches, and code that is compiled while it runs.
  for (let number = 0; number <= settings.rounds; number += 1) {
    say(number === 0 ? 'Warming up …' : `Round ${number} of ${settings.rounds} …`);
    const round = await runRound(number % 2 === 0 ? [ours, theirs] : [theirs, ours], stage);
    if (number > 0) rounds.push({ ours: round(ours), theirs: round(theirs) });
  }
  say('Measuring memory …');
  const seal = await measureMemory({ direction: 'seal', vault, profile }, signal);
  const open = await measureMemory({ direction: 'open', vault, profile: stage.target }, signal);
  await checkOpened(stage, ours);
  const names = { ours: ours.name, theirs: theirs.name };
  return report({ settings, zstd, names, digest: stage.digest, rounds, memory: { seal, open } });
}

/** Both seal, then both open, in the given order. */
async function runRound(order: readonly Contender[], stage: Stage) {
  const sealed = new Map<Contender, Awaited<ReturnType<Contender['seal']>>>();
  const openedMs = new Map<Contender, number>();
  for (const each of order) sealed.set(each, await each.seal(stage.profile, stage.signal));
  for (const each of order) {
    openedMs.set(each, await each.open(stage.target, stage.signal));
    await checkOpened(stage, each);
  }
  return (contender: Contender) => {
    const [times, openMs] = [sealed.get(contender), openedMs.get(contender)];
    if (times === undefined || openMs === undefined) throw new Error(`${contender.name} had no turn.`);
    return { ...times, openedMs: openMs };
  };
}

/** What was opened is what was sealed; then it is removed. */
async function checkOpened({ target, digest }: Stage, { name }: Contender): Promise<void> {
  const opened = await digestFolder(target);
  if (opened.sha256 !== digest.sha256) {
    throw new Error(
      `${name} did not give back what it was given: ${opened.files} files and ${opened.bytes} bytes instead of ` +
        `${digest.files} and ${digest.bytes}, or with another content. Nothing was measured.`,
    );
  }
  await rm(target, { recursive: true });
}

async function checkRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = bytes * ROOM_FACTOR;
  if (bavail * bsize >= needed) return;
  throw new Error(
    `A run of this size needs ${bytesToText(needed)} in ${folder}, and ${bytesToText(bavail * bsize)} are free. ` +
      'Set TMPDIR to a folder with more room, or give a smaller --size.',
  );
}

/** The program where it is installed: Node's own zstd must not stand in for it unsaid. */
async function chooseZstd({ zstd }: VaultSettings, signal: AbortSignal): Promise<Zstd> {
  if (!(await hasProgram('tar', signal))) {
    throw new Error('There is no tar on this machine to compare with. Install it and run this again.');
  }
  if (zstd !== 'auto' && zstd !== 'program') return zstd;
  if (await hasProgram('zstd', signal)) return 'program';
  if (zstd === 'program')
    throw new Error('There is no zstd on this machine. Leave --zstd out, or install it.');
  return 'node';
}
