/**
 * Preloaded into a daemon (`--import=<this file>?folder=<path>`): whenever the file `ask` in the folder is written, the
 * daemon counts what it holds after a garbage collection, and writes it as JSON to `figures-<what was asked>`.
 */
import { mkdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What only the process itself can tell. */
export interface InsideFigures {
  readonly heapBytes: number;
  /** Listeners on the process, of all events together. */
  readonly listeners: number;
  /** Timers, sockets, pipes, child processes and whatever else keeps an event loop busy. */
  readonly resources: number;
}

const folder = new URL(import.meta.url).searchParams.get('folder') ?? '';
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function count(): InsideFigures {
  collectGarbage();
  return {
    heapBytes: process.memoryUsage().heapUsed,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    resources: process.getActiveResourcesInfo().length,
  };
}

function answer(): void {
  const [pid, question] = readFileSync(join(folder, 'ask'), 'utf8').split(' ');
  if (question === undefined || Number(pid) !== process.pid) return;
  const unfinished = join(folder, `unfinished-${question}`);
  writeFileSync(unfinished, JSON.stringify(count()));
  renameSync(unfinished, join(folder, `figures-${question}`));
}

// Only preloaded: whoever imports the type alone watches nothing.
if (folder !== '') {
  mkdirSync(folder, { recursive: true });
  watch(folder, { persistent: false }, (_event, name) => {
    if (name === 'ask') answer();
  });
}
