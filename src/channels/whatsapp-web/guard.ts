import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TIMINGS } from '../../config/session-timings.ts';
import { waitMs, withDeadline } from '../../lib/abort.ts';
import { backoffDelayMs } from '../../lib/backoff.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

const SCRIPT = fileURLToPath(new URL('guard.sh', import.meta.url));

/** What /proc/uptime counts in. */
const UPTIME_TICK_MS = 10;

const { guardHealthyAfterMs, guardGoodbyeMs } = DEFAULT_TIMINGS;

export interface GuardDeps {
  /** The argument that marks the browsers of this run, and of no other. */
  readonly mark: string;
  /** Where `sh`, `grep` and `sleep` are found; the guard gets nothing else of the environment. */
  readonly path: string | undefined;
  readonly log: Logger;
}

export interface Guard extends AsyncDisposable {
  /** A browser runs in the process group of this number: it is ended should we die, also what is left of it by then. */
  watch(group: number): void;
  /** Nothing is left of it. */
  forget(group: number): void;
  /**
   * No browser may run from that moment on, in milliseconds of the machine's uptime, unless a later one is told before: they
   * are killed then, also while this process stands still, and those that are launched afterwards soon after.
   */
  allowUntil(uptimeMs: number): void;
  /** There are browsers that could not be killed: the guard is not told goodbye, and tries once more when we are gone. */
  withholdGoodbye(): void;
}

/** What sessions tell it of their browsers. */
export type BrowserGuard = Pick<Guard, 'watch' | 'forget' | 'withholdGoodbye'>;

/**
 * Starts a small process that kills the marked browsers should this process die without a goodbye, which is said by
 * disposing: the browsers must be gone by then. Once it was told until when they may run, it kills them then as well. A guard that ends by itself is started again.
 */
export async function openGuard(deps: GuardDeps): Promise<Guard> {
  const guard = new GuardKeeper(deps);
  await guard.open();
  return guard;
}

class GuardKeeper implements Guard {
  readonly #deps: GuardDeps;
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;
  #loop: Promise<void> = Promise.resolve();
  #disposal: Promise<void> | undefined;
  readonly #watched = new Set<number>();
  /** What was told last of until when browsers may run; nothing if it never was. */
  #until: readonly string[] = [];
  #lastWord = 'goodbye\n';

  constructor(deps: GuardDeps) {
    this.#deps = deps;
  }

  async open(): Promise<void> {
    this.#loop = this.#keep(this.#start());
    // If it cannot be started, the loop says so and tries again: no reason to keep the daemon from its work.
    if (this.#child) await once(this.#child, 'spawn').catch(() => undefined);
  }

  watch(group: number): void {
    this.#watched.add(group);
    this.#tell(`watch ${group}`);
  }

  forget(group: number): void {
    if (this.#watched.delete(group)) this.#tell(`forget ${group}`);
  }

  allowUntil(uptimeMs: number): void {
    const line = `until ${Math.floor(uptimeMs / UPTIME_TICK_MS)}`;
    this.#until = [line];
    this.#tell(line);
  }

  /** A guard that is gone hears all of it when it is started again. */
  #tell(line: string): void {
    if (this.#child?.stdin?.writable) this.#child.stdin.write(`${line}\n`);
  }

  withholdGoodbye(): void {
    this.#lastWord = '';
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#sayGoodbye();
    return this.#disposal;
  }

  async #sayGoodbye(): Promise<void> {
    this.#stop.abort(new Error('The guard is not needed any more.'));
    this.#child?.stdin?.end(this.#lastWord);
    await withDeadline(this.#loop, guardGoodbyeMs, 'The goodbye of the guard').catch(() => {
      this.#child?.kill('SIGKILL');
    });
    await this.#loop;
  }

  /** Resolves when stopped and the guard is gone; never rejects. */
  async #keep(first: Promise<string>): Promise<void> {
    let ended = first;
    for (let attempt = 1; ; attempt += 1) {
      const since = performance.now();
      const cause = await ended;
      if (this.#stop.signal.aborted) return;
      if (performance.now() - since > guardHealthyAfterMs) attempt = 1;
      this.#deps.log.warn('The guard of the browsers ended and is started again', { cause, attempt });
      const isDue = await waitMs(backoffDelayMs(attempt), this.#stop.signal).then(
        () => true,
        () => false,
      );
      if (!isDue) return;
      ended = this.#start();
    }
  }

  /** Starts a guard; resolves with the cause when it has ended. Never rejects. */
  #start(): Promise<string> {
    const { path, mark } = this.#deps;
    // A session of its own, so that no Ctrl-C and no end of the daemon's group meets it; nothing else is inherited.
    const child = spawn('sh', [SCRIPT], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: path === undefined ? {} : { PATH: path },
    });
    this.#child = child;
    // A guard that is gone does not read what is written; its end is what counts.
    child.stdin?.on('error', () => undefined);
    const known = [...[...this.#watched].map((group) => `watch ${group}`), ...this.#until];
    child.stdin?.write([mark, ...known, ''].join('\n'));
    return once(child, 'exit').then(
      ([code, signal]) => (signal === null ? `code ${code}` : String(signal)),
      (thrown: unknown) => toError(thrown).message,
    );
  }
}
