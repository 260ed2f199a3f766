import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_TIMINGS } from '../../config/session-timings.ts';
import { waitMs } from '../../lib/abort.ts';
import { errnoOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { INSTANCE_ARGUMENT, MARKER_ARGUMENT } from './browser.ts';

const { killDeadlineMs, killLookMs } = DEFAULT_TIMINGS;

/** How puppeteer names the profile to a browser; its renderers and helpers do not carry it. */
const PROFILE_ARGUMENT = '--user-data-dir';

/** Where the start of a process stands behind its name in /proc/<pid>/stat. */
const STARTED_AT = 19;

/** Where a process stands among the others. */
export interface ProcessPlace {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly zombie: boolean;
  readonly startedAt: string;
}

interface ProcessEntry extends ProcessPlace {
  readonly args: readonly string[];
}

/** As reading of a process fails that ended meanwhile (proc(5)), or that belongs to somebody whose processes are hidden. */
const UNSEEN: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** A process that was ours when it was looked at. The kernel gives numbers again; with its start one is its own. */
export interface KnownProcess {
  readonly pid: number;
  /** In ticks since the boot of the machine. */
  readonly startedAt: string;
}

/** A browser of a daemon, by what it carries on its command line; null what it does not. */
export interface MarkedBrowser {
  readonly process: KnownProcess;
  readonly profilePath: string;
  readonly accountId: string;
  readonly instanceId: string | null;
}

function readPlace(pid: number): ProcessPlace | undefined {
  const stat = readOfProcess(pid, 'stat');
  if (stat === undefined) return undefined;
  // After the name, which may hold anything, the third field of proc(5) and those that follow.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    zombie: state === 'Z',
    startedAt: fields[STARTED_AT] ?? '',
  };
}

function readProcess(pid: number): ProcessEntry | undefined {
  const place = readPlace(pid);
  if (place === undefined) return undefined;
  const command = readOfProcess(pid, 'cmdline');
  return command === undefined ? undefined : { ...place, args: command.split('\0') };
}

/** What the kernel says of a process; undefined if it ended, or is not for us to see. @throws if that is not known */
function readOfProcess(pid: number, what: 'stat' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8');
  } catch (thrown) {
    // With no file handle left a living browser would count as gone, and its account would be given away.
    if (UNSEEN.has(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}

function listPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function listProcesses(): ProcessEntry[] {
  return listPids().flatMap((pid) => readProcess(pid) ?? []);
}

/** All processes of the machine, without their arguments. */
export function listPlaces(): ProcessPlace[] {
  return listPids().flatMap((pid) => readPlace(pid) ?? []);
}

function listLiving(): ProcessEntry[] {
  return listProcesses().filter((entry) => !entry.zombie && entry.pid !== process.pid);
}

/** The value of an argument `<name>=<value>`: a whole one, not some words within another. */
function argumentOf({ args }: ProcessEntry, name: string): string | undefined {
  return args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Which process has a number now, be it dead and only not waited for; undefined if none has. */
export function identifyProcess(pid: number): KnownProcess | undefined {
  const entry = readProcess(pid);
  return entry && { pid, startedAt: entry.startedAt };
}

/**
 * Living processes that belong to a profile's browser: those that carry both it and our mark as arguments of their own,
 * so that nobody is met who only speaks of it, their descendants, and the rest of their process groups (puppeteer starts
 * each browser as the leader of one). `known` is one more leader, also if it has ended by now. Those of other users,
 * which nobody can signal, are none.
 */
export function findBrowserProcesses(profilePath: string, known?: KnownProcess): number[] {
  return findFamily(profilePath, known).filter(maySignal);
}

function findFamily(profilePath: string, known: KnownProcess | undefined): number[] {
  return familyAmong(listLiving(), profilePath, known);
}

function familyAmong(
  all: readonly ProcessEntry[],
  profilePath: string,
  known: KnownProcess | undefined,
): number[] {
  // A number that was given again says that nothing is left of its group either: the kernel waits for that.
  const now = all.find(({ pid }) => pid === known?.pid);
  const leader = now === undefined || now.startedAt === known?.startedAt ? known?.pid : undefined;
  const isNamed = (entry: ProcessEntry) =>
    entry.args.includes(`${PROFILE_ARGUMENT}=${profilePath}`) &&
    argumentOf(entry, MARKER_ARGUMENT) !== undefined;
  const isKnown = ({ pid, group }: ProcessEntry) => pid === leader || group === leader;
  return withRelatives(
    all,
    all.filter((entry) => isNamed(entry) || isKnown(entry)),
  );
}

/** The processes, their descendants, and the rest of their process groups. */
function withRelatives(all: readonly ProcessEntry[], some: readonly ProcessEntry[]): number[] {
  const mine = new Set(some.map(({ pid }) => pid));
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of all) {
      if (mine.has(entry.pid) || !(mine.has(entry.parent) || mine.has(entry.group))) continue;
      mine.add(entry.pid);
      grown = true;
    }
  }
  return [...mine];
}

export interface KillOptions {
  /** Asked directly before each signal; once it is not true any more nothing is killed. */
  readonly mayKill?: () => boolean;
  readonly log?: Pick<Logger, 'warn'> | undefined;
}

/**
 * Kills whatever lives of a profile's browser and resolves when it is gone; true if there was something to kill.
 * Only then may the profile's locks be removed (faults F28, F29). For profiles that this process alone uses: a browser that
 * is launched meanwhile is killed as well.
 */
export async function killBrowserProcesses(
  profilePath: string,
  { known, ...options }: KillOptions & { readonly known?: KnownProcess | undefined } = {},
): Promise<boolean> {
  return await killFamily(profilePath, () => findFamily(profilePath, known), options);
}

/** The processes of a profile's browser as they are at this moment, to be killed and no later ones. */
export function lookAtBrowser(profilePath: string): readonly KnownProcess[] {
  const all = listLiving();
  const family = new Set(familyAmong(all, profilePath, undefined));
  return all.filter(({ pid }) => family.has(pid)).map(({ pid, startedAt }) => ({ pid, startedAt }));
}

/**
 * The same of processes that were seen to be a browser of the profile, and of what they have started: a browser that somebody
 * launches there meanwhile, however long this process stood still, is left alone.
 */
export async function killSeen(
  profilePath: string,
  seen: readonly KnownProcess[],
  options: KillOptions = {},
): Promise<boolean> {
  if (seen.length === 0) return false;
  return await killFamily(profilePath, () => findSeen(seen), options);
}

function findSeen(seen: readonly KnownProcess[]): number[] {
  const all = listLiving();
  const now = new Map(all.map(({ pid, startedAt }) => [pid, startedAt]));
  const starts = new Map(seen.map(({ pid, startedAt }) => [pid, startedAt]));
  // The number of a group is not given again while anybody is left in it.
  const isSeen = (pid: number) => starts.has(pid) && (now.get(pid) ?? starts.get(pid)) === starts.get(pid);
  return withRelatives(
    all,
    all.filter(({ pid, group }) => isSeen(pid) || isSeen(group)),
  );
}

async function killFamily(
  profilePath: string,
  find: () => readonly number[],
  { mayKill = () => true, log }: KillOptions,
): Promise<boolean> {
  const deadline = AbortSignal.timeout(killDeadlineMs);
  const foreign = new Set<number>();
  let killed = false;
  for (;;) {
    const family = find();
    for (const pid of family.filter((each) => !maySignal(each) && !foreign.has(each))) {
      foreign.add(pid);
      log?.warn('A process of another user was not killed', { pid, profilePath });
    }
    const living = family.filter((pid) => !foreign.has(pid));
    if (living.length === 0 || deadline.aborted) return killed;
    for (const pid of living) {
      if (!mayKill()) return killed;
      killed = signal(pid, 'SIGKILL') === 'told' || killed;
    }
    await waitMs(killLookMs, new AbortController().signal);
  }
}

/** All browsers of one daemon, found in one look: how many there are, and their processes. */
export function findInstanceBrowsers(instanceId: string): {
  readonly browsers: number;
  readonly pids: readonly number[];
} {
  const all = listLiving();
  const named = all.filter(
    (entry) =>
      argumentOf(entry, MARKER_ARGUMENT) !== undefined && argumentOf(entry, INSTANCE_ARGUMENT) === instanceId,
  );
  const profiles = new Set(named.map((entry) => argumentOf(entry, PROFILE_ARGUMENT)));
  return { browsers: profiles.size, pids: withRelatives(all, named) };
}

/** Who is gone may be signalled: it does no harm. */
function maySignal(pid: number): boolean {
  return signal(pid, 0) !== 'refused';
}

function signal(pid: number, name: 'SIGKILL' | 0): 'told' | 'gone' | 'refused' {
  try {
    process.kill(pid, name);
    return 'told';
  } catch (thrown) {
    const code = errnoOf(thrown);
    if (code === 'EPERM') return 'refused';
    if (code === 'ESRCH') return 'gone';
    throw thrown;
  }
}

/** Profiles under `root` that a living process has on its command line, whoever started it. */
export function findProfilesInUse(root: string): string[] {
  const found = listProcesses().flatMap((entry) => argumentOf(entry, PROFILE_ARGUMENT) ?? []);
  return [...new Set(found)].filter((path) => path.startsWith(`${root}/`));
}

/** The browsers of all daemons of this machine. */
export function listMarkedBrowsers(): MarkedBrowser[] {
  return listLiving().flatMap((entry) => {
    const profilePath = argumentOf(entry, PROFILE_ARGUMENT);
    const accountId = argumentOf(entry, MARKER_ARGUMENT);
    if (profilePath === undefined || accountId === undefined) return [];
    const instanceId = argumentOf(entry, INSTANCE_ARGUMENT) ?? null;
    const { pid, startedAt } = entry;
    return [{ process: { pid, startedAt }, profilePath, accountId, instanceId }];
  });
}

/**
 * Removes Chromium's lock files of a profile whose browser is gone: a lock of another host stops a launch (F30). One
 * whose process lives on this host stays: the browser itself knows what to make of it, and two on one profile would
 * spoil it (F29).
 */
export function removeProfileLocks(profilePath: string): void {
  if (isLockedByLiving(profilePath)) return;
  for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket']) {
    rmSync(join(profilePath, name), { force: true });
  }
}

/** The lock is a link to `<host>-<pid>`. */
function isLockedByLiving(profilePath: string): boolean {
  const [, host, pid] = /^(.*)-(\d+)$/.exec(readLock(profilePath)) ?? [];
  return host === hostname() && readProcess(Number(pid)) !== undefined;
}

function readLock(profilePath: string): string {
  try {
    return readlinkSync(join(profilePath, 'SingletonLock'));
  } catch {
    // There is no lock, or it is none of Chromium's.
    return '';
  }
}
