/**
 * The daemon with light clients in place of browsers, and a counter at its statements. A program: it is configured as the
 * daemon is, tells its parent that it is ready, answers each message with its figures, and ends with its parent.
 */
import { readdirSync } from 'node:fs';
import { openApp } from '../../src/app.ts';
import { loadEnvironment } from '../../src/config/dotenv.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { systemClock } from '../../src/lib/clock.ts';
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

const stop = new AbortController();
const stopped = new Promise<void>((resolve) => {
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect']) process.on(name, () => resolve());
});
void stopped.then(() => stop.abort());
const cwd = process.cwd();
const { env, problems } = loadEnvironment(process.env, cwd);
const app = await openApp(parseConfig(env, { cwd, problems }), {
  env,
  clock: systemClock,
  isRoot: process.getuid?.() === 0,
  isTerminal: false,
  cli: 'npm run cli --',
  write: () => undefined,
  signal: stop.signal,
  makeClient: makeLightClient,
});
process.on('message', () => process.send?.({ figures: readFigures() }));
process.send?.({ ready: true });
await stopped;
await app[Symbol.asyncDispose]();
process.send?.({ figures: readFigures() });
process.exit();
