/**
 * A process with a guard, for tests that kill it. Its argument is JSON, so that it does not carry the mark itself. It prints
 * the ids of its browser and of its guard as one line of JSON; it ends, with a goodbye unless that is withheld, when its
 * input ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { openGuard } from '../../src/channels/whatsapp-web/guard.ts';
import { RecordingLogger } from './recording-logger.ts';

export interface GuardedSettings {
  readonly mark: string;
  readonly program: string;
  readonly carried: string;
  readonly isSilent: boolean;
  /** Whether the guard is told of the browser's group. */
  readonly isWatched: boolean;
  /** How long the guard allows browsers, in milliseconds; for ever if it is not said. */
  readonly allowedMs?: number;
}

/** The mark, the program that a "browser" of it runs, the mark which that one carries, and whether to go without a goodbye. */
const { mark, program, carried, isSilent, isWatched, allowedMs }: GuardedSettings = JSON.parse(
  process.argv[2] ?? '{}',
);

function findGuard(): number | undefined {
  return readdirSync(`/proc/self/task`)
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
    .map(Number)
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guard.sh'));
}

const guard = await openGuard({ mark, path: process.env.PATH, log: new RecordingLogger() });
const browser = spawn('sh', ['-c', program, 'sh', '--type=main', carried], {
  detached: true,
  stdio: 'ignore',
  env: { ...process.env, SWITCHBOARD_RUN: carried.split('=')[1] ?? '' },
});
await once(browser, 'spawn');
if (isWatched) guard.watch(browser.pid ?? 0);
if (allowedMs !== undefined) guard.allowUntil(uptime() * 1_000 + allowedMs);
console.log(JSON.stringify({ browser: browser.pid, guard: findGuard() }));
await once(process.stdin.resume(), 'end');
if (isSilent) guard.withholdGoodbye();
await guard[Symbol.asyncDispose]();
console.log('goodbye');
process.exit();
