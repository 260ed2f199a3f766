import type { MessageMeter } from './message-meter.ts';

/** So many jobs of a lane are timed at once: while the database is away more of them wait, which the queue shows. */
const MAX_TIMED = 1_000;

/** Times the jobs of one lane, each by its event that has waited longest: the first. Without a meter it does nothing. */
export class LaneTimes {
  readonly #meter: MessageMeter | undefined;
  /** Jobs that are not stored yet, oldest first. */
  readonly #made: { readonly n: number; readonly heardAt: number }[] = [];

  constructor(meter: MessageMeter | undefined) {
    this.#meter = meter;
  }

  now(): number {
    return this.#meter?.now() ?? 0;
  }

  /** Job `n` was made; its first event was heard at that time. */
  made(n: number, heardAt: number): void {
    if (this.#meter !== undefined && this.#made.length < MAX_TIMED) this.#made.push({ n, heardAt });
  }

  /** The queue has the job. */
  added(heardAt: number): void {
    this.#meter?.took('page_to_queue', this.#meter.now() - heardAt);
  }

  /** Job `n` is stored; those before it are, or are lost, which takes no time that is worth knowing. */
  passed(n: number): void {
    for (let first = this.#made[0]; first !== undefined && first.n <= n; first = this.#made[0]) {
      this.#made.shift();
      if (first.n === n) this.#meter?.took('page_to_stored', this.#meter.now() - first.heardAt);
    }
  }
}
