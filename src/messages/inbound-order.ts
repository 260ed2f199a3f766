/**
 * Why an account's events are stored in the page's order, also over a SIGKILL.
 *
 * Its lane adds one job at a time and numbers them; Redis keeps them in that order; only the daemon of this instance takes
 * them out, and one that starts first puts back what its predecessor had in hand; what Redis handed out as it went away is
 * taken up when it is back (see queue/consumer.ts). So a job comes before those made after it. Several are in hand at a
 * time, and one may come again or late: a job whose number is not yet due waits for the missing ones. If these do not come in
 * time the queue has lost them: it goes on, and whoever keeps the account caught up is told, for the page still has what they
 * carried. A job that is due or was stored already never waits.
 *
 * What an earlier run left is taken out first, but several jobs are in hand at a time: one of a later run waits until
 * those of earlier ones that were in hand before it are stored.
 */
import type { AccountId } from '../accounts/ids.ts';
import { orAborted } from '../lib/abort.ts';
import type { InboundJob } from '../queue/table.ts';

/** A job that lost its worker comes back within 12 s; what is later than this is lost. Milliseconds. */
const LATE_MS = 15_000;

export interface InboundOrderDeps {
  /** The number that is to be stored next of an account's run, as the database has it; waits while it is away. */
  readonly findPosition: (job: InboundJob, signal: AbortSignal) => Promise<number>;
  /** Jobs of this account were lost. */
  readonly onGap: (accountId: AccountId) => void;
  readonly lateMs?: number;
}

/** Lets the jobs of each account and run through by their numbers, and the runs one after another. */
export class InboundOrder {
  readonly #deps: InboundOrderDeps;
  readonly #runs = new Map<string, Promise<Run>>();
  readonly #successions = new Map<AccountId, Succession>();

  constructor(deps: InboundOrderDeps) {
    this.#deps = deps;
  }

  /** Stores the job when it is its turn. Rejects as `store` does, and with the signal's reason. */
  async inTurn(job: InboundJob, signal: AbortSignal, store: () => Promise<void>): Promise<void> {
    const succession = this.#successionOf(job.accountId);
    const earlier = succession.enter(job.run);
    try {
      await orAborted(earlier, signal);
      const run = await this.#findRun(job, signal);
      await run.turn(job.n, signal);
      await store();
      run.passed(job.n);
    } finally {
      succession.leave(job.run);
    }
  }

  #successionOf(accountId: AccountId): Succession {
    const known = this.#successions.get(accountId) ?? new Succession();
    this.#successions.set(accountId, known);
    return known;
  }

  #findRun(job: InboundJob, signal: AbortSignal): Promise<Run> {
    const name = nameOf(job);
    const known = this.#runs.get(name);
    if (known !== undefined) return known;
    const { findPosition, onGap, lateMs } = this.#deps;
    const asked = findPosition(job, signal).then(
      (next) => new Run(next, { lateMs: lateMs ?? LATE_MS, onGap: () => onGap(job.accountId) }),
    );
    this.#runs.set(name, asked);
    asked.catch(() => this.#runs.delete(name));
    return asked;
  }
}

function nameOf({ accountId, run }: InboundJob): string {
  return `${accountId} ${run}`;
}

/** The jobs of one account that are in hand, by run; the runs in the order in which their first jobs came. */
class Succession {
  readonly #runs = new Map<string, { inHand: number; left: PromiseWithResolvers<void> }>();

  /** The job is in hand. Resolves when those of earlier runs that are in hand now no longer are. */
  enter(run: string): Promise<unknown> {
    const names = [...this.#runs.keys()];
    const entry = this.#runs.get(run) ?? { inHand: 0, left: Promise.withResolvers<void>() };
    this.#runs.set(run, entry);
    if (entry.inHand === 0) entry.left = Promise.withResolvers<void>();
    entry.inHand += 1;
    const place = names.includes(run) ? names.indexOf(run) : names.length;
    const earlier = [...this.#runs.values()].slice(0, place).filter(({ inHand }) => inHand > 0);
    return Promise.all(earlier.map(({ left }) => left.promise));
  }

  leave(run: string): void {
    const entry = this.#runs.get(run);
    if (entry === undefined) return;
    entry.inHand -= 1;
    if (entry.inHand === 0) entry.left.resolve();
  }
}

interface Turn {
  readonly n: number;
  readonly come: PromiseWithResolvers<void>;
}

/** The jobs of one account's run that wait for their turn. */
class Run {
  readonly #options: { readonly lateMs: number; readonly onGap: () => void };
  /** By number, the lowest first. */
  readonly #waiting: Turn[] = [];
  #next: number;
  /** Jobs that were let through and are not stored yet: while the database is away nothing is late. */
  #inHand = 0;
  /** Jobs up to this one wait no longer for those before them. */
  #givenUpTo = -1;

  constructor(next: number, options: { readonly lateMs: number; readonly onGap: () => void }) {
    this.#next = next;
    this.#options = options;
  }

  async turn(n: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (n <= this.#next) {
      this.#inHand += 1;
      return;
    }
    const turn = { n, come: Promise.withResolvers<void>() };
    const onAbort = () => turn.come.reject(signal.reason);
    const late = setTimeout(() => this.#giveUp(n), this.#options.lateMs);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(turn);
    this.#waiting.sort((a, b) => a.n - b.n);
    try {
      await turn.come.promise;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', onAbort);
      const place = this.#waiting.indexOf(turn);
      if (place >= 0) this.#waiting.splice(place, 1);
    }
  }

  passed(n: number): void {
    this.#next = Math.max(this.#next, n + 1);
    this.#inHand -= 1;
    this.#letThrough();
  }

  #giveUp(n: number): void {
    this.#givenUpTo = Math.max(this.#givenUpTo, n);
    this.#letThrough();
  }

  /** One at a time: the next follows when this one has passed. */
  #letThrough(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const isDue = first.n <= this.#next || (first.n <= this.#givenUpTo && this.#inHand === 0);
    if (!isDue) return;
    this.#waiting.shift();
    this.#inHand += 1;
    if (first.n > this.#next) {
      this.#next = first.n;
      this.#options.onGap();
    }
    first.come.resolve();
  }
}
