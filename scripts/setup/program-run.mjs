/** The programs that the set-up runs, one at a time, and how a signal ends them. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { childEnvironment } from './child-environment.mjs';
import { holdFor } from './lock.mjs';
import { ROOT, SetupError, say } from './shell.mjs';

/** Last lines of a failed program that are shown: its reason, without its progress. */
const SHOWN_LINES = 8;

/** npm hands a Ctrl-C on twice, a millisecond apart: another signal counts only after this long. */
const NEXT_SIGNAL_AFTER_MS = 1_000;

/** The program that runs at the moment. */
let current;
let stoppedBy = '';

/**
 * Runs a program quietly, without the daemon's secrets; its exit code and its last lines. Rejects once the set-up has been
 * told to stop.
 */
export async function run(file, args, { name = basename(file), env = process.env, ...options } = {}) {
  refuseIfStopped();
  // In a session of its own a Ctrl-C reaches it once, through us: a second one would end npm amid its clean-up.
  const child = spawn(file, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...options,
    env: childEnvironment(env),
  });
  current = { child, name };
  if (child.pid !== undefined) holdFor(child.pid);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve(1);
    });
    child.once('close', (status) => resolve(status ?? 1));
  });
  current = undefined;
  refuseIfStopped();
  return { code, output: output.trim().split('\n').slice(-SHOWN_LINES).join('\n') };
}

/** From now on a signal goes to the program that runs, and the set-up ends when that has ended. */
export function catchSignals() {
  let lastAt = Number.NEGATIVE_INFINITY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - lastAt < NEXT_SIGNAL_AFTER_MS) return;
      lastAt = now;
      if (current === undefined) process.exit(1);
      if (stoppedBy === '') say(`Stopping ${current.name} …`);
      stoppedBy = signal;
      current.child.kill(signal);
    });
  }
}

function refuseIfStopped() {
  if (stoppedBy !== '')
    throw new SetupError(`The set-up was stopped (${stoppedBy}). Run the same command to go on.`);
}
