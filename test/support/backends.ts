/** Vitest's global setup: one PostgreSQL and one Redis for all suites of a run, see backends-process.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import type { RedisConnection } from '../../src/embedded/redis.ts';

/** What the test processes are told. */
export interface Backends {
  readonly postgres: PostgresConnection;
  readonly redis: RedisConnection;
  /** Where both keep everything. */
  readonly folder: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly backends: Backends;
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly backends: Backends;
}

declare global {
  /** Every suite loads this file into a module graph of its own; the process is what they share. */
  var switchboardTestBackends: Promise<Running> | undefined;
}

/** Brings up the servers for the first suite that asks, and hands their addresses to its tests. */
export async function setup(project: TestProject): Promise<void> {
  globalThis.switchboardTestBackends ??= start();
  project.provide('backends', (await globalThis.switchboardTestBackends).backends);
}

/** Stops the servers once; Vitest calls it after the last suite, for each suite. */
export async function teardown(): Promise<void> {
  const running = await globalThis.switchboardTestBackends;
  if (running === undefined || running.child.exitCode !== null) return;
  const exit = once(running.child, 'exit');
  running.child.stdin?.end();
  await exit;
}

async function start(): Promise<Running> {
  // A process group of its own: a Ctrl-C must not reach it before it has cleaned up.
  const program = fileURLToPath(new URL('backends-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { detached: true, stdio: 'pipe' });
  const errors = text(child.stderr);
  const line = once(createInterface({ input: child.stdout }), 'line');
  const end = once(child, 'exit');
  const first = await Promise.race([line, end.then(() => undefined)]);
  if (first === undefined) throw new Error(`The servers of the tests did not start: ${await errors}`);
  return { child, backends: JSON.parse(String(first[0])) };
}
