import type { Executor } from '../db/database.ts';
import { endGap, isGapOpen, noteGap } from '../db/realtime-gap-store.ts';
import { withDeadline } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';

/** How long a note is taken to be there before it is made anew, in milliseconds; well within the time that it is kept. */
const NOTED_MS = 30_000;
/** The same where it could not be made: what is to be told does not wait for PostgreSQL each time. Milliseconds. */
const MISSED_MS = 2_000;
/** How long an answer is waited for, in milliseconds. */
const ANSWER_MS = 1_000;

export interface GapNoteDeps {
  /** Names the daemon. */
  readonly uid: string;
  /** Whether the stream does not say all yet. */
  readonly isNeeded: () => boolean;
  readonly db: Executor;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

/**
 * Notes in the database that this daemon tells clients something past the stream: until the stream itself says so, others have
 * to know it from elsewhere.
 */
export class GapNote {
  readonly #deps: GapNoteDeps;
  #turn: Promise<void> = Promise.resolve();
  #holders = 0;
  /** Until when the note need not be made anew (monotonic); undefined while there is none. */
  #freshUntil: number | undefined;

  constructor(deps: GapNoteDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves once the note is there, or cannot be made in time; never rejects. It stays until the function that is returned was
   * called, at least.
   */
  async hold(): Promise<() => void> {
    this.#holders += 1;
    await this.#inTurn(() => this.#make());
    return () => {
      this.#holders -= 1;
      this.review();
    };
  }

  /** Removes the note if it is of no use any more. Returns at once. */
  review(): void {
    void this.#inTurn(async () => {
      if (this.#freshUntil === undefined || this.#holders > 0 || this.#deps.isNeeded()) return;
      this.#freshUntil = undefined;
      await this.#ask(endGap(this.#deps.db, this.#deps.uid));
    });
  }

  /** Whether any daemon told its clients something past the stream that is not marked there; true where that is not known. */
  async isOpenAnywhere(): Promise<boolean> {
    return (await this.#ask(isGapOpen(this.#deps.db))) ?? true;
  }

  async #make(): Promise<void> {
    const { db, uid, clock } = this.#deps;
    if (this.#freshUntil !== undefined && clock.monotonic() < this.#freshUntil) return;
    const isMade = await this.#ask(noteGap(db, uid).then(() => true));
    this.#freshUntil = clock.monotonic() + (isMade === true ? NOTED_MS : MISSED_MS);
  }

  /** Undefined if there is no answer in time. */
  async #ask<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await withDeadline(work, ANSWER_MS, 'The note of a gap');
    } catch (thrown) {
      this.#deps.log.debug('Gaps could not be noted or read', { error: toError(thrown).message });
      return undefined;
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }
}
