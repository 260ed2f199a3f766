import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Loaded before the program of a process that is measured (`--import`): at SIGUSR2 it collects all garbage and writes the
 * bytes of the heap that are left into a file, whole or not at all.
 */
const file = process.env.BENCH_HEAP_FILE;

if (file !== undefined) {
  process.on('SIGUSR2', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    writeFileSync(`${file}.new`, `${process.memoryUsage().heapUsed}`);
    renameSync(`${file}.new`, file);
  });
}
