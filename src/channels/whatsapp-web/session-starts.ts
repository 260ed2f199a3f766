import type { Account, AccountStore } from '../../accounts/account.ts';
import type { AccountId, InstanceId } from '../../accounts/ids.ts';
import { AppError } from '../../lib/errors.ts';
import type { ChannelListener } from '../channel.ts';
import type { AccountTurns } from './account-turns.ts';
import type { Session } from './session.ts';
import type { SessionRemains } from './session-remains.ts';
import type { SessionRuns } from './session-runs.ts';
import type { Slot, Slots } from './slots.ts';

export interface SessionStartsDeps {
  readonly store: Pick<AccountStore, 'getAccount' | 'saveStart'>;
  readonly instanceId: InstanceId;
  readonly listener: Pick<ChannelListener, 'onState'>;
  readonly slots: Slots;
  readonly turns: AccountTurns;
  readonly runs: SessionRuns;
  readonly remains: SessionRemains;
  /** Starts an account again, some time, whose session was stopped for a start that failed. */
  readonly tryLater: (accountId: AccountId) => void;
  /** Aborts when no account may be started any more. */
  readonly signal: AbortSignal;
}

/** Starts accounts, each in the slot that it has or gets, in its turn; a session that runs there ends before. */
export class SessionStarts {
  readonly #deps: SessionStartsDeps;

  constructor(deps: SessionStartsDeps) {
    this.#deps = deps;
  }

  /** Starts an account, with a new link if `fresh` and none is there. @throws AppError POOL_FULL */
  async start(accountId: AccountId, options: { readonly fresh?: boolean }): Promise<void> {
    await this.#inSlot(accountId, (slot) => this.#start(accountId, slot, options));
  }

  /** Starts an account as a user wants it, unless whoever had the turn before has done so or has ended it; true if it did. */
  async startUnasked(accountId: AccountId): Promise<boolean> {
    let isStarted = false;
    await this.#inSlot(accountId, async (slot) => {
      if (slot.run !== undefined || !(await this.#deps.store.getAccount(accountId)).wanted) return;
      await this.#start(accountId, slot, {});
      isStarted = true;
    });
    return isStarted;
  }

  /** Does something in the account's turn that may bring a session. @throws AppError POOL_FULL */
  async #inSlot(accountId: AccountId, work: (slot: Slot) => Promise<void>): Promise<void> {
    const { slots, turns } = this.#deps;
    this.#requireOpen();
    const slot = slots.enter(accountId);
    try {
      await turns.run(accountId, () => work(slot));
    } finally {
      slots.leave(accountId, slot);
      turns.giveBack(accountId);
    }
  }

  /** An account or a database that is not there is found before the session that runs is stopped. */
  async #start(
    accountId: AccountId,
    slot: Slot,
    { fresh = false }: { readonly fresh?: boolean },
  ): Promise<void> {
    const { store, turns, runs, remains, signal } = this.#deps;
    const { linked: wasLinked } = await store.getAccount(accountId);
    this.#requireOpen();
    const before = slot.run;
    if (before) await runs.stop(before);
    try {
      // As the session before has left it, which may have come to rest by itself meanwhile.
      const account = await store.getAccount(accountId);
      // A phone may have answered the code meanwhile: that link is not thrown away.
      const isFresh = !account.linked && (fresh || wasLinked);
      if (isFresh) await remains.forget(accountId);
      await this.#saveStart(account);
      if (signal.aborted) await remains.saveRest(accountId, 'daemon_stopped');
      this.#requireOpen();
      const state = 'starting';
      // All sessions may have been told to stop meanwhile, when this was none of them yet.
      turns.requireLease(accountId);
      runs.launch({ ...account, state, reason: null }, slot);
    } catch (thrown) {
      if (before?.end === 'stopped') await this.#bringBack(accountId, before.session);
      throw thrown;
    }
  }

  /**
   * What was stopped for a start that then failed is still wanted. Its place is free as soon as the start has failed. If
   * the daemon stops it does not go on, and is sealed.
   */
  async #bringBack(accountId: AccountId, session: Session): Promise<void> {
    const { remains, tryLater, signal } = this.#deps;
    if (signal.aborted) return await remains.sealStopped(accountId, session);
    tryLater(accountId);
  }

  /** Who has asked for a start may count on it from the answer on: what is sent then waits for the session. */
  async #saveStart({ id, state }: Account): Promise<void> {
    const { store, instanceId, listener } = this.#deps;
    await store.saveStart(id, instanceId);
    if (state !== 'starting') listener.onState?.(id, { state: 'starting', reason: null });
  }

  #requireOpen(): void {
    if (!this.#deps.signal.aborted) return;
    throw new AppError('UNAVAILABLE', { message: 'Switchboard is stopping.' });
  }
}
