import { readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '../../src/lib/errors.ts';

/** Between two looks for the answer. */
const LOOK_AGAIN_MS = 20;
const PATIENCE_MS = 30_000;

/** What a process must be started with, for its heap to be read by this file. */
export function probeEnvironment(file: string): { NODE_OPTIONS: string; BENCH_HEAP_FILE: string } {
  const probe = new URL('heap-probe.ts', import.meta.url).href;
  return { NODE_OPTIONS: `--import=${probe}`, BENCH_HEAP_FILE: file };
}

/** What the process holds in its heap after a collection, bytes. */
export async function readHeap(pid: number, file: string): Promise<number> {
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
      if ((toError(thrown) as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
      return '';
    });
    if (text !== '') return Number(text);
    patience.throwIfAborted();
    await delay(LOOK_AGAIN_MS);
  }
}
