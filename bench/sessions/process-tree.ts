import { readdirSync, readFileSync } from 'node:fs';
import { readTreeMemory } from '../../src/channels/whatsapp-web/process-memory.ts';

/** Kinds of processes. What a daemon keeps beside its sessions is `stores`: the library keeps nothing. */
export const KINDS = ['browser', 'renderer', 'gpu', 'utility', 'zygote', 'other', 'node', 'stores'] as const;
export type Kind = (typeof KINDS)[number];

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** User and system time, seconds. */
  readonly cpuSeconds: number;
  readonly args: readonly string[];
}

/** The clock ticks of /proc in a second: the same on every Linux. */
const TICKS_PER_SECOND = 100;
/** Places behind the name in /proc/<pid>/stat. */
const [PARENT, GROUP, USER_TIME, SYSTEM_TIME] = [1, 2, 11, 12];

/** All processes that descend from some, and what is left of their process groups, at one moment. */
export class ProcessTree {
  readonly #entries: readonly Entry[];

  constructor(roots: readonly number[]) {
    const all = listEntries();
    const mine = new Set(roots);
    for (let grown = true; grown; ) {
      grown = false;
      for (const { pid, parent, group } of all) {
        if (mine.has(pid) || !(mine.has(parent) || mine.has(group))) continue;
        mine.add(pid);
        grown = true;
      }
    }
    this.#entries = all.filter(({ pid }) => mine.has(pid));
  }

  /** The profiles that its browsers have open. */
  get profiles(): readonly string[] {
    const found = this.#entries.flatMap(({ args }) => argumentOf(args, '--user-data-dir') ?? []);
    return [...new Set(found)];
  }

  /** Processes of each kind. */
  get counts(): Record<Kind, number> {
    return mapKinds((kind) => this.#of(kind).length);
  }

  /** Seconds of CPU time that processes of each kind have taken since an earlier look; of those that have ended, none. */
  cpuSecondsSince(earlier: ProcessTree): Record<Kind, number> {
    const before = new Map(earlier.#entries.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
    const takenBy = ({ pid, cpuSeconds }: Entry) => cpuSeconds - (before.get(pid) ?? 0);
    return mapKinds((kind) => this.#of(kind).reduce((sum, entry) => sum + takenBy(entry), 0));
  }

  /** Each shared page counted in parts (PSS), bytes. */
  async readMemory(): Promise<Record<Kind, number>> {
    const pairs = KINDS.map(async (kind) => {
      return [kind, await readTreeMemory(this.#of(kind).map(({ pid }) => pid))] as const;
    });
    return Object.fromEntries(await Promise.all(pairs)) as Record<Kind, number>;
  }

  #of(kind: Kind): readonly Entry[] {
    return this.#entries.filter((entry) => kindOf(entry) === kind);
  }
}

export function mapKinds(make: (kind: Kind) => number): Record<Kind, number> {
  return Object.fromEntries(KINDS.map((kind) => [kind, make(kind)])) as Record<Kind, number>;
}

function kindOf({ args }: Entry): Kind {
  const name = (args[0] ?? '').split(' ')[0]?.split('/').at(-1) ?? '';
  const type = argumentOf(args, '--type');
  if (name.startsWith('redis') || name.startsWith('postgres')) return 'stores';
  if (type === 'gpu-process') return 'gpu';
  if (type === 'renderer' || type === 'utility' || type === 'zygote') return type;
  if (type === undefined && argumentOf(args, '--user-data-dir') !== undefined) return 'browser';
  return name === 'node' ? 'node' : 'other';
}

/** A renderer writes its arguments over by a title, in which they stand behind each other. */
function argumentOf(args: readonly string[], name: string): string | undefined {
  const all = args.length > 2 ? args : args.flatMap((arg) => arg.split(' '));
  return all.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}

function listEntries(): readonly Entry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name)) ?? []);
}

function readEntry(pid: number): Entry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const numberAt = (place: number) => Number(fields[place]);
    return {
      pid,
      parent: numberAt(PARENT),
      group: numberAt(GROUP),
      cpuSeconds: (numberAt(USER_TIME) + numberAt(SYSTEM_TIME)) / TICKS_PER_SECOND,
      args: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'),
    };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}
