/**
 * The daemon with light clients in place of browsers, and a counter at its statements; see `startMeasuredDaemon`.
 */
import { readdirSync } from 'node:fs';
import { runMeasuredDaemon } from '../run-measured-daemon.ts';
import { makeLightClient } from './light-client.ts';
import { countStatements, type StatementCount } from './statement-counts.ts';

/** What a process takes at one moment. */
export interface ProcessFigures {
  /** Of the processor, since it began. */
  readonly cpuMs: number;
  /** After everything that nobody refers to was given back. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** Timers that are set. */
  readonly timers: number;
  readonly openFiles: number;
  readonly statements: Readonly<Record<string, StatementCount>>;
}

const statements = countStatements();

function readFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage();
  const resources = process.getActiveResourcesInfo();
  // Only now: the collection is no work of the daemon.
  global.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    cpuMs: (user + system) / 1_000,
    heapBytes: heapUsed,
    residentBytes: rss,
    timers: resources.filter((name) => name === 'Timeout').length,
    openFiles: readdirSync('/proc/self/fd').length,
    statements: Object.fromEntries(statements),
  };
}

await runMeasuredDaemon({ makeClient: makeLightClient }, readFigures);
