import { orAborted } from '../../lib/abort.ts';

/**
 * Lets a few browsers start at the same time: many at once stall a machine, and of ten sessions started at once on
 * two cores six never became ready (fact A19).
 */
export class LaunchGate {
  readonly #places: number;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
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
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave();
    };
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#taken -= 1;
  }
}
