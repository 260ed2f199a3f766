/** What the queue may hold of one account that is not stored yet: minutes of a flood, or a day of a busy account. */
const MAX_OWED = 50_000;
/** About how many bytes of memory those may take there. */
const MAX_OWED_BYTES = 32 * 1024 * 1024;

/** What a lane has given to the queue and the database lacks: while the database is away the queue would grow by it without end. */
export class LaneDebt {
  /** Jobs by number, the lowest first. */
  readonly #jobs = new Map<number, { readonly events: number; readonly bytes: number }>();
  #events = 0;
  #bytes = 0;

  get isFull(): boolean {
    return this.#events >= MAX_OWED || this.#bytes >= MAX_OWED_BYTES;
  }

  /** The job is about to be given to the queue. */
  owe(n: number, events: number, bytes: number): void {
    this.#jobs.set(n, { events, bytes });
    this.#events += events;
    this.#bytes += bytes;
  }

  /** This job is stored, and all before it are, or are known to be lost. */
  settle(n: number): void {
    for (const [job, { events, bytes }] of this.#jobs) {
      if (job > n) return;
      this.#jobs.delete(job);
      this.#events -= events;
      this.#bytes -= bytes;
    }
  }
}
