/**
 * Stores what instances that are gone have left in their inbound queues: their pages have handed it over, so that nobody else
 * finds it anywhere. A queue is consumed until it is empty, or until its instance has a run again. That instance may still be
 * at work, cut off from the database alone: a job that both have in hand is stored once.
 */
import type { InstanceId } from '../accounts/ids.ts';
import type { LeftQueue } from '../db/inbound-queue-store.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** Between two looks; milliseconds. */
const LOOK_MS = 3_000;
/** A queue that has been empty for so long gets no more jobs from an instance that was merely cut off: the longest term of a lease, and a minute. */
const QUIET_MS = 660_000;

export interface LeftInboundDeps {
  /** Queues whose instances have no run, if it is this instance that empties them. */
  readonly list: () => Promise<readonly LeftQueue[]>;
  readonly forget: (queue: LeftQueue) => Promise<void>;
  /** How many jobs are in the queue, in hand or not. */
  readonly count: (instanceId: InstanceId) => Promise<number>;
  /** Stores its jobs until it is disposed. */
  readonly consume: (instanceId: InstanceId) => Promise<AsyncDisposable>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Looks for such queues until it is disposed. */
export function openLeftInbound(deps: LeftInboundDeps): AsyncDisposable {
  const closing = new AbortController();
  const left = new LeftInbound(deps, closing.signal);
  const loop = left.run();
  return {
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('Queues of others are emptied no more.'));
      await loop;
      await left.closeAll();
    },
  };
}

class LeftInbound {
  readonly #deps: LeftInboundDeps;
  readonly #signal: AbortSignal;
  readonly #consumers = new Map<InstanceId, AsyncDisposable>();
  /** Since when each has been seen to be empty, by the monotonic clock. */
  readonly #emptySince = new Map<InstanceId, number>();

  constructor(deps: LeftInboundDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Never rejects; ends with the signal. */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#look();
      } catch (thrown) {
        if (!this.#signal.aborted)
          this.#deps.log.debug('Queues of instances that are gone could not be looked for', {
            error: toError(thrown).message,
          });
      }
      await waitMs(LOOK_MS, this.#signal).catch(() => undefined);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#consumers.keys()].map((instanceId) => this.#close(instanceId)));
  }

  async #look(): Promise<void> {
    const queues = await orAborted(this.#deps.list(), this.#signal);
    const names = new Set(queues.map(({ instanceId }) => instanceId));
    for (const instanceId of this.#emptySince.keys())
      if (!names.has(instanceId)) this.#emptySince.delete(instanceId);
    for (const instanceId of this.#consumers.keys())
      if (!names.has(instanceId)) await this.#close(instanceId);
    for (const queue of queues) await this.#serve(queue);
  }

  async #serve(queue: LeftQueue): Promise<void> {
    const { instanceId } = queue;
    const { count, clock, forget, log } = this.#deps;
    const jobs = await orAborted(count(instanceId), this.#signal);
    if (jobs > 0) {
      this.#emptySince.delete(instanceId);
      if (this.#consumers.has(instanceId)) return;
      log.info('What an instance that is gone has left in its queue is stored', { from: instanceId, jobs });
      await this.#open(instanceId);
      return;
    }
    await this.#close(instanceId);
    const since = this.#emptySince.get(instanceId) ?? clock.monotonic();
    this.#emptySince.set(instanceId, since);
    if (clock.monotonic() - since >= QUIET_MS) await orAborted(forget(queue), this.#signal);
  }

  async #open(instanceId: InstanceId): Promise<void> {
    const opening = this.#deps.consume(instanceId);
    try {
      this.#consumers.set(instanceId, await orAborted(opening, this.#signal));
    } catch (thrown) {
      // What is opened too late, with Redis away until then, is closed at once.
      void opening.then(
        (consumer) => consumer[Symbol.asyncDispose](),
        () => undefined,
      );
      throw thrown;
    }
  }

  async #close(instanceId: InstanceId): Promise<void> {
    const consumer = this.#consumers.get(instanceId);
    this.#consumers.delete(instanceId);
    await consumer?.[Symbol.asyncDispose]();
  }
}
