/** What the steps of the set-up share: where they are, how they speak, how they run programs. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readVariable } from './machine.mjs';

/** The clone that is set up. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Folders of system programs, which may be missing from a user's path. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Last lines of a failed program that are shown: its reason, without its progress. */
const SHOWN_LINES = 8;

const running = new Set();

/** What the user can mend: shown without a stack trace. */
export class SetupError extends Error {}

/** Progress goes to standard error: standard output belongs to the command that the set-up is for. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** The text of a file, '' if there is none. */
export function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** A variable of the environment or of `.env`, '' if it is not set. */
export function setting(name) {
  return readVariable(name, process.env, readText(join(ROOT, '.env')));
}

/** Runs a program quietly; its exit code and its last lines. */
export async function run(file, args, options = {}) {
  const child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
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
  running.delete(child);
  return { code, output: output.trim().split('\n').slice(-SHOWN_LINES).join('\n') };
}

/** Hands a signal on to the program that runs at the moment. */
export function signalPrograms(signal) {
  for (const child of running) child.kill(signal);
}
