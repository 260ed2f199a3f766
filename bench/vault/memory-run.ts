/**
 * How much memory a process needs to seal or open a profile. Run as a program it does one of the two once and prints
 * what it needed: in a process of its own, because whatever ran before would count.
 */
import { runChild } from './child-run.ts';
import { makeSealedContender } from './sealed-contender.ts';

/** Often enough to see each MiB that is sealed. */
const LOOK_EVERY_MS = 2;

/** Bytes at the worst moment. */
export interface MemoryNeeded {
  /** In use on V8's heap, garbage that was not collected yet included. */
  readonly heapBytes: number;
  /** Of buffers, which lie outside of the heap. */
  readonly bufferBytes: number;
  /** What the whole process grew by, at most: its largest size, less the one before it began. */
  readonly growthBytes: number;
}

/** The profile is what is sealed, or the new folder that is opened into; `vault` holds the sealed file. */
export interface MemoryTask {
  readonly direction: 'seal' | 'open';
  readonly vault: string;
  readonly profile: string;
}

/** `heapLimitMegabytes`: V8's heap cannot grow beyond it, and the process ends where it would have to. */
export async function measureMemory(
  task: MemoryTask,
  signal: AbortSignal,
  { heapLimitMegabytes }: { readonly heapLimitMegabytes?: number } = {},
): Promise<MemoryNeeded> {
  const limit = heapLimitMegabytes === undefined ? [] : [`--max-old-space-size=${heapLimitMegabytes}`];
  const args = [...limit, import.meta.filename, task.direction, task.vault, task.profile];
  return JSON.parse(await runChild(process.execPath, args, { signal })) as MemoryNeeded;
}

async function run({ direction, vault, profile }: MemoryTask): Promise<MemoryNeeded> {
  const contender = makeSealedContender(vault);
  const before = process.memoryUsage();
  let { heapUsed: heapBytes, arrayBuffers: bufferBytes } = before;
  const look = () => {
    const now = process.memoryUsage();
    heapBytes = Math.max(heapBytes, now.heapUsed);
    bufferBytes = Math.max(bufferBytes, now.arrayBuffers);
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  await contender[direction](profile, new AbortController().signal);
  clearInterval(looking);
  look();
  // The system keeps the largest size itself, in KiB.
  const growthBytes = process.resourceUsage().maxRSS * 1024 - before.rss;
  return { heapBytes, bufferBytes, growthBytes };
}

if (import.meta.main) {
  const [direction, vault = '', profile = ''] = process.argv.slice(2);
  const task = { direction: direction === 'open' ? 'open' : 'seal', vault, profile } as const;
  process.stdout.write(JSON.stringify(await run(task)));
}
