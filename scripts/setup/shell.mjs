/** What the steps of the set-up share: where they are, how they speak, what they are told. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readVariable } from './machine.mjs';

/** The clone that is set up. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Folders of system programs, which may be missing from a user's path. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

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
