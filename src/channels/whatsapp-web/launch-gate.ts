import { availableParallelism } from 'node:os';
import { orAborted, waitMs } from '../../lib/abort.ts';

/**
 * Lets a few browsers start at the same time: many at once stall a machine, and of ten sessions started at once on
 * two cores six never became ready (fact A19).
 */
export class LaunchGate {
  readonly #places: number;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  readonly #jitterMs: () => number;
  #taken = 0;

  /** `jitterMs` says how long one that has waited waits still, so that those let in together do not start as one. */
  constructor(places: number, jitterMs: () => number = () => 0) {
    this.#places = places;
    this.#jitterMs = jitterMs;
  }

  /** Resolves with a function that gives the place back; giving it back twice does no harm. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#taken < this.#places) {
      this.#taken += 1;
    } else {
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn);
      try {
        await orAborted(turn.promise, signal);
      } catch (thrown) {
        const place = this.#waiting.indexOf(turn);
        if (place >= 0) this.#waiting.splice(place, 1);
        else this.#leave();
        throw thrown;
      }
      await this.#stagger(signal);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave();
    };
  }

  async #stagger(signal: AbortSignal): Promise<void> {
    try {
      await waitMs(this.#jitterMs(), signal);
    } catch (thrown) {
      this.#leave();
      throw thrown;
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#taken -= 1;
  }
}

/**
 * How many browsers this machine starts at a time: two for each processor, since a start waits for the network and the page
 * half of its time. With one, forty sessions took nearly twice as long to come back; with more, no less (`npm run bench boot`).
 */
export function ownLaunchPlaces(): number {
  return 2 * availableParallelism();
}
