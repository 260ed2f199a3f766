import type { AccountStore } from '../../accounts/account.ts';
import type { AccountId } from '../../accounts/ids.ts';
import { REASONS, type ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { LeaseLostError } from '../../instances/lease.ts';
import { waitMs, withDeadline } from '../../lib/abort.ts';
import { backoffDelayMs } from '../../lib/backoff.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ChannelListener } from '../channel.ts';
import type { AccountTurns } from './account-turns.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import type { Session } from './session.ts';

export interface SessionRemainsDeps {
  readonly store: Pick<AccountStore, 'saveRest' | 'saveQr' | 'savePairingCode'>;
  readonly profiles: Pick<ProfileKeeper, 'seal' | 'putAway' | 'discard' | 'destroy'>;
  readonly turns: Pick<AccountTurns, 'requireLease'>;
  readonly listener: Pick<ChannelListener, 'onState'>;
  readonly timings: Pick<SessionTimings, 'profileDeadlineMs'>;
  readonly log: Logger;
}

/** What is left of an account's session once its browser is gone: the profile, sealed or destroyed, and the state. */
export class SessionRemains {
  readonly #deps: SessionRemainsDeps;

  constructor(deps: SessionRemainsDeps) {
    this.#deps = deps;
  }

  /** Stores and tells the state of an account that has no session any more, or never got one. */
  async saveRest(accountId: AccountId, reason: ReasonCode): Promise<void> {
    await this.#deps.store.saveRest(accountId, { reason });
    this.#deps.listener.onState?.(accountId, { state: REASONS[reason].state, reason });
  }

  /** Seals the profile for another holder. @throws AppError SESSION_DEADLINE, and it goes on; and what the vault throws */
  async seal(accountId: AccountId): Promise<void> {
    await this.#inTime(this.#deps.profiles.seal(accountId), 'Sealing the profile');
  }

  /** Also what an earlier run has left open. Where the opening hangs it is left to the next boot. */
  async sealStopped(accountId: AccountId, session: Session): Promise<void> {
    if (!session.isOpening) await this.putAway(accountId, session);
  }

  /** A profile that nobody has linked is not worth sealing. */
  async putAway(accountId: AccountId, session: Session): Promise<void> {
    const { profiles } = this.#deps;
    await (session.mayBeLinked ? profiles.putAway(accountId) : profiles.discard(accountId));
  }

  /** Destroys the link, with every copy of its profile. The browser must be gone. */
  async forget(accountId: AccountId): Promise<void> {
    await this.#inTime(this.#deps.profiles.destroy(accountId), 'Destroying the profile');
    await this.#deps.store.saveQr(accountId, null);
    await this.#deps.store.savePairingCode(accountId, null);
  }

  /**
   * Tries until it is done or the session is asked to stop; then once more, and what fails is thrown.
   * @throws LeaseLostError as soon as the lease is lost
   */
  async untilForgotten(accountId: AccountId, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // What is sealed may be another holder's by now, and its link a new one.
        this.#deps.turns.requireLease(accountId);
        await this.forget(accountId);
        return;
      } catch (thrown) {
        if (signal.aborted || thrown instanceof LeaseLostError) throw thrown;
        const error = toError(thrown).message;
        this.#deps.log.warn('An ended link could not be destroyed and is tried again', { accountId, error });
        await waitMs(backoffDelayMs(attempt), signal).catch(() => undefined);
      }
    }
  }

  /** What is done to a profile has its turn and goes on if it takes too long; whoever waits for it has ended then. */
  async #inTime(work: Promise<void>, what: string): Promise<void> {
    await withDeadline(work, this.#deps.timings.profileDeadlineMs, what);
  }
}
