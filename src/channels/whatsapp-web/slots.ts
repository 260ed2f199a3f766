import type { AccountId } from '../../accounts/ids.ts';
import { AppError } from '../../lib/errors.ts';
import type { Session, SessionEnd } from './session.ts';

/** A session that was started, until nothing of it is left. */
export interface Run {
  readonly session: Session;
  readonly stop: AbortController;
  /** What becomes of the profile once the session was stopped. */
  afterStop: 'seal' | 'leave';
  /** How it ended, once it has; its profile may still be put away then. */
  end: SessionEnd | undefined;
  /** Resolves when nothing of it is left. */
  ended: Promise<void>;
}

/**
 * The place of one account. It stays the account's from one session to the next: while a start is on its way the session
 * before it may end, and nobody else gets in.
 */
export interface Slot {
  run: Run | undefined;
  /** Starts that were asked for and are not through. */
  starts: number;
}

/** The places of a pool: never more than `max`, each taken before anything is awaited and free when nothing needs it. */
export class Slots {
  readonly #max: number;
  readonly #slots = new Map<AccountId, Slot>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * The account's place for a start, which gives it back with `leave`.
   * @throws AppError POOL_FULL
   */
  enter(accountId: AccountId): Slot {
    const slot = this.#slots.get(accountId) ?? this.#make(accountId);
    slot.starts += 1;
    return slot;
  }

  #make(accountId: AccountId): Slot {
    if (this.#slots.size >= this.#max) throw new AppError('POOL_FULL');
    const slot: Slot = { run: undefined, starts: 0 };
    this.#slots.set(accountId, slot);
    return slot;
  }

  /** The start is through; the place stays the account's if it has brought a session. */
  leave(accountId: AccountId, slot: Slot): void {
    slot.starts -= 1;
    this.#freeIfEmpty(accountId, slot);
  }

  /** Nothing is left of the account's session. */
  vacate(accountId: AccountId, slot: Slot): void {
    slot.run = undefined;
    this.#freeIfEmpty(accountId, slot);
  }

  #freeIfEmpty(accountId: AccountId, { run, starts }: Slot): void {
    if (run === undefined && starts === 0) this.#slots.delete(accountId);
  }

  has(accountId: AccountId): boolean {
    return this.#slots.has(accountId);
  }

  findRun(accountId: AccountId): Run | undefined {
    return this.#slots.get(accountId)?.run;
  }

  listRuns(): readonly (readonly [AccountId, Run])[] {
    return [...this.#slots].flatMap(([accountId, { run }]) => (run ? [[accountId, run] as const] : []));
  }
}
