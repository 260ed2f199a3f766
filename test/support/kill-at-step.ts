/**
 * Preloaded into a daemon (`--import=<this file>?folder=<path>`): it is killed, as by `kill -9`, in the moment at which it
 * logs the step of a message that the file `step` in the folder names, for the so-manieth time that it says. The
 * daemon's log level must be `debug`.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'step';
const LINE = /A step of a message was done\b.*\bstep=([a-z-]+)/g;

interface Arming {
  readonly step: string;
  /** 1 for the first time. */
  readonly time: number;
}

/** Lets the daemons that are preloaded with this folder die there, those that run and those that are started. */
export function armStep(folder: string, arming: Arming): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'unfinished'), JSON.stringify(arming));
  renameSync(join(folder, 'unfinished'), join(folder, FILE));
}

/** Lets them live again. */
export function disarmStep(folder: string): void {
  rmSync(join(folder, FILE), { force: true });
}

/** What a daemon is started with to be preloaded. */
export function armedBy(folder: string): string {
  const url = new URL(import.meta.url);
  url.searchParams.set('folder', folder);
  return `--import=${url.href}`;
}

let armed: Arming | undefined;
let seen = 0;

function look(folder: string): void {
  seen = 0;
  try {
    armed = JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Arming;
  } catch {
    // It is not there: nobody wants the daemon to die.
    armed = undefined;
  }
}

function hear(text: string): void {
  if (armed === undefined) return;
  for (const [, step] of text.matchAll(LINE)) {
    if (step !== armed.step) continue;
    seen += 1;
    if (seen === armed.time) process.kill(process.pid, 'SIGKILL');
  }
}

const own = new URL(import.meta.url).searchParams.get('folder');
// Only preloaded: whoever imports the functions alone listens to nothing.
if (own !== null) {
  mkdirSync(own, { recursive: true });
  look(own);
  watch(own, { persistent: false }, (_event, name) => {
    if (name === FILE) look(own);
  });
  const { stdout } = process;
  const write = stdout.write.bind(stdout) as (...args: unknown[]) => boolean;
  stdout.write = (...args: unknown[]) => {
    hear(String(args[0]));
    return write(...args);
  };
}
