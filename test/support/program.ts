import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that a test runs as a user would, in a process group of its own, as a terminal gives it one. */
export interface Program {
  readonly pid: number;
  /** What it has written to standard output so far. */
  output(): string;
  /** What it has written to standard error so far. */
  errors(): string;
  /** Resolves once it has printed this, on either stream; rejects with all it printed if it ends before. */
  printed(text: string | RegExp): Promise<void>;
  /** Writes to its standard input, where it was given one. */
  type(text: string): void;
  /** To this process alone. */
  signal(name: NodeJS.Signals): void;
  /** To the whole group, as the terminal does with a Ctrl-C. */
  signalGroup(name: NodeJS.Signals): void;
  /** Settles when it is gone and its output complete: the exit code, or null if a signal killed it. */
  readonly ended: Promise<number | null>;
}

export interface ProgramSettings {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether standard input stays open, to be typed into; otherwise there is none. */
  readonly input?: boolean;
}

/** Starts a program. The folder it works in takes care of its end if the test does not: see `openWorkFolder`. */
export function runProgram(command: readonly [string, ...string[]], settings: ProgramSettings): Program {
  const [file, ...args] = command;
  const { cwd, env, input = false } = settings;
  const child = spawn(file, args, {
    cwd,
    env,
    detached: true,
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? Number.NaN;
  let output = '';
  let errors = '';
  const waiting = new Set<() => void>();
  const look = () => {
    for (const each of waiting) each();
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    look();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
    look();
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    pid,
    ended,
    output: () => output,
    errors: () => errors,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const done = () =>
          typeof text === 'string'
            ? [output, errors].some((all) => all.includes(text))
            : [output, errors].some((all) => text.test(all));
        const tryNow = () => {
          if (!done()) return;
          waiting.delete(tryNow);
          resolve();
        };
        waiting.add(tryNow);
        tryNow();
        void ended.then((code) => {
          if (done()) return;
          reject(new Error(`It ended with code ${code} and never printed ${text}:\n${output}${errors}`));
        }, reject);
      }),
    type: (text) => void child.stdin?.write(text),
    signal: (name) => void child.kill(name),
    signalGroup: (name) => void process.kill(-pid, name),
  };
}
