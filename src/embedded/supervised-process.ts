/**
 * Keeps one server process running.
 *
 * starting: a process was spawned and does not serve yet.
 * serving:  it printed that it accepts connections.
 * waiting:  it ended by itself; the pause before the next start runs.
 * stopped:  by us, for good.
 *
 * The first start either reaches serving or fails the opening. From then on one loop goes from serving through
 * waiting and starting back to serving, without end, until it is stopped.
 */
import { orAborted, waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { AppError, type ErrorCode, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { ChildRun, type Command, type StopStep } from './child-run.ts';

/**
 * Tries of the first start, within three seconds. A second one helps where the last server was killed and its
 * children still hold the database.
 */
const FIRST_START_TRIES = 3;

/** A server that served for this long was healthy: its next failure is a first one again. */
const HEALTHY_AFTER_MS = 60_000;

export interface SupervisedProcessOptions {
  /** As a reader of the log knows it. */
  readonly name: string;
  /** Called before every start: clears what an earlier run left and says what to run. */
  readonly prepare: (signal: AbortSignal) => Promise<Command>;
  readonly stopSteps: readonly StopStep[];
  /** What the opening fails with. */
  readonly errorCode: ErrorCode;
  /** What a person can do then; a sentence. */
  readonly remedy: string;
  readonly log: Logger;
}

/**
 * Starts the server and resolves once it serves. It is started again whenever it ends by itself; disposing stops
 * it and waits for its end.
 */
export async function openSupervisedProcess(
  options: SupervisedProcessOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  const supervised = new SupervisedProcess(options);
  await supervised.open(signal);
  return supervised;
}

class SupervisedProcess implements AsyncDisposable {
  readonly #options: SupervisedProcessOptions;
  readonly #stop = new AbortController();
  #run: ChildRun | undefined;
  #loop: Promise<void> = Promise.resolve();
  #disposal: Promise<void> | undefined;

  constructor(options: SupervisedProcessOptions) {
    this.#options = options;
  }

  async open(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await waitMs(backoffDelayMs(attempt), signal);
        this.#loop = this.#supervise(await this.#start(signal));
        return;
      } catch (thrown) {
        await this.#stopRun();
        if (signal.aborted || attempt === FIRST_START_TRIES || !(thrown instanceof StartFailure))
          throw thrown;
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#stopRun();
    await this.#loop;
  }

  async #stopRun(): Promise<void> {
    await this.#run?.stop(this.#options.stopSteps);
    this.#run = undefined;
  }

  /** Resolves when stopped; never rejects. */
  async #supervise(first: ChildRun): Promise<void> {
    let run = first;
    let attempt = 0;
    while (!this.#stop.signal.aborted) {
      const servingSince = performance.now();
      const end = await run.ended;
      if (this.#stop.signal.aborted) return;
      if (performance.now() - servingSince > HEALTHY_AFTER_MS) attempt = 0;
      const { name, log } = this.#options;
      log.warn('An embedded server ended by itself', { server: name, code: end.code, signal: end.signal });
      for (let next: ChildRun | undefined; next === undefined; ) {
        attempt += 1;
        next = await this.#tryAgain(attempt);
        if (this.#stop.signal.aborted) return;
        run = next ?? run;
      }
      log.info('An embedded server serves again', { server: name });
    }
  }

  /** One try after its pause; undefined if it failed or a stop came. */
  async #tryAgain(attempt: number): Promise<ChildRun | undefined> {
    const { name, log } = this.#options;
    try {
      await waitMs(backoffDelayMs(attempt), this.#stop.signal);
      return await this.#start(this.#stop.signal);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return undefined;
      log.error('An embedded server cannot be started', {
        server: name,
        attempt,
        error: toError(thrown).message,
      });
      return undefined;
    }
  }

  async #start(signal: AbortSignal): Promise<ChildRun> {
    const { prepare, log, errorCode, remedy, name } = this.#options;
    const command = await prepare(signal);
    signal.throwIfAborted();
    const run = new ChildRun(command, log);
    this.#run = run;
    if (await orAborted(run.ready, signal)) return run;
    const { error } = await run.ended;
    const words = error?.message ?? (await run.lastWords());
    const message = `${name} could not be started: ${words}\n${remedy}`;
    throw new StartFailure(errorCode, { message, cause: error });
  }
}

/** The process ran and ended before it served: the one failure that another try may cure. */
class StartFailure extends AppError {}
