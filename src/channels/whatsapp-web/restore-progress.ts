import type { SessionChange } from '../../accounts/account.ts';
import type { AccountId } from '../../accounts/ids.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import type { Logger } from '../../lib/logger.ts';

/** Failed accounts that one line of the log names; the rest is counted. */
const MAX_NAMED = 5;

/**
 * Follows the accounts that are restored at boot and says in the log how far that is: an account is restored when it is
 * connected, and has failed when its first start did not get there (it may still be restored by a later one).
 */
export class RestoreProgress {
  readonly #waiting: Set<AccountId>;
  readonly #failed = new Map<AccountId, ReasonCode>();
  readonly #total: number;
  readonly #log: Logger;
  #restored = 0;

  constructor(accountIds: readonly AccountId[], log: Logger) {
    this.#waiting = new Set(accountIds);
    this.#total = accountIds.length;
    this.#log = log;
    if (this.#total > 0) log.info('The accounts are being restored', { progress: this.toString() });
  }

  /** Hears of a session's change of state; what is no news for the restore is nothing. */
  hear(accountId: AccountId, change: Pick<SessionChange, 'state' | 'reason'>): void {
    if (!this.#waiting.has(accountId) && !this.#failed.has(accountId)) return;
    // The daemon that stops has not tried and failed.
    if (change.reason === 'daemon_stopped') return;
    if (change.state === 'connected') {
      this.#waiting.delete(accountId);
      this.#failed.delete(accountId);
      this.#restored += 1;
    } else if (change.reason !== null && this.#waiting.delete(accountId)) {
      this.#failed.set(accountId, change.reason);
    } else {
      return;
    }
    const isOver = this.#waiting.size === 0;
    this.#log.info(isOver ? 'The accounts have been restored' : 'The accounts are being restored', {
      progress: this.toString(),
    });
  }

  /** `12/40 restored, 1 failed: <account> (<reason>)` */
  toString(): string {
    const restored = `${this.#restored}/${this.#total} restored`;
    if (this.#failed.size === 0) return restored;
    const named = [...this.#failed].slice(0, MAX_NAMED).map(([id, reason]) => `${id} (${reason})`);
    const more = this.#failed.size > MAX_NAMED ? ', …' : '';
    return `${restored}, ${this.#failed.size} failed: ${named.join(', ')}${more}`;
  }
}
