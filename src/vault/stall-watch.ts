/**
 * Aborts its signal when something that was expected has not come for a while; as long as bytes flow a transfer may
 * take as long as it takes. Time that the other side is not waited for does not count.
 */
export class StallWatch implements Disposable {
  readonly signal: AbortSignal;
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** The signal aborts with `outer`, too. */
  constructor(limitMs: number, outer: AbortSignal) {
    this.#limitMs = limitMs;
    this.signal = AbortSignal.any([this.#controller.signal, outer]);
  }

  /** The wait begins, or begins anew because something came. */
  expect(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new Error(`nothing came for ${this.#limitMs} ms`));
    }, this.#limitMs);
  }

  /** What was expected has come; the next thing is not waited for yet. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of whatever still hangs on the signal. */
  [Symbol.dispose](): void {
    this.rest();
    this.#controller.abort(new Error('the transfer was given up'));
  }
}
