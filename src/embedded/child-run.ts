import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** Printed by PostgreSQL and by Redis once they serve. */
const READY_LINE = /ready to accept connections/i;

/** Lines of output kept for the error message: the reason and its hint are the last ones. */
const KEPT_LINES = 12;

/** What a dying process still had in its pipe arrives within this; a grandchild may hold the pipe for longer. */
const OUTPUT_GRACE_MS = 300;

/** A program and how to run it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** One step of a stop: the signal, and how long it may take to work before the next one is sent. */
export interface StopStep {
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
}

/** How a process ended: its exit code or the signal that killed it, or why it never ran. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

/** One server process from its start to its end. It is started at most once and cannot be started again. */
export class ChildRun {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: string[] = [];
  readonly #ready = Promise.withResolvers<boolean>();
  readonly #closed = Promise.withResolvers<void>();

  /** Settles when the process is gone; never rejects. */
  readonly ended: Promise<ChildEnd>;

  /** Starts the process, in a process group of its own: a Ctrl-C in the terminal must not reach it. */
  constructor(command: Command, log: Logger) {
    const { promise: ended, resolve } = Promise.withResolvers<ChildEnd>();
    this.ended = ended;
    this.#child = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: command.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.once('error', (thrown) => {
      resolve({ code: null, signal: null, error: toError(thrown) });
      this.#closed.resolve();
    });
    this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    this.#child.once('close', () => this.#closed.resolve());
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#read(line, log));
    }
    void ended.then(() => this.#ready.resolve(false));
  }

  /** True once the server serves, false if it ended before. */
  get ready(): Promise<boolean> {
    return this.#ready.promise;
  }

  /** Sends the signals one after another, SIGKILL last, and resolves when the process is gone. */
  async stop(steps: readonly StopStep[]): Promise<ChildEnd> {
    for (const { signal, graceMs } of steps) {
      this.#child.kill(signal);
      const ac = new AbortController();
      const end = await Promise.race([this.ended, delay(graceMs, undefined, { signal: ac.signal })]);
      ac.abort();
      if (end !== undefined) return this.#release(end);
    }
    this.#child.kill('SIGKILL');
    return this.#release(await this.ended);
  }

  /** The last lines that the process wrote, complete once it has ended. */
  async lastWords(): Promise<string> {
    await Promise.race([this.#closed.promise, delay(OUTPUT_GRACE_MS)]);
    return this.#lines.join('\n');
  }

  #read(line: string, log: Logger): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    log.debug('An embedded server wrote a line', { line });
    if (READY_LINE.test(line)) this.#ready.resolve(true);
  }

  /** Lets go of the pipes, which a grandchild could hold open and so keep the daemon from ending. */
  #release(end: ChildEnd): ChildEnd {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    return end;
  }
}
