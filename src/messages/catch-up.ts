/**
 * Catches up with what a page took while nobody listened: before the listeners were attached, over a reload, while
 * the daemon was away (facts A14, A23). Such messages are in the page's own store only.
 *
 * Two instants say up to when everything is known to be taken over: `accounts.caught_up_to` for all chats, and one a chat
 * in `chat_watermarks`; the later one counts. A run reads each chat back as far as catch-up-window.ts says and moves its
 * instant to the run's own start, and the account's when none is left; always once everything is committed: what lies in
 * the queue may be lost with it, and what the lane had no room for is not even there: such a run is not done. From then on listening is enough: the account's instant moves by itself, until a gap is
 * reported.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { CatchUpCause } from '../db/catch-up-ledger.ts';
import { CatchUpKeeper, type CatchUpOptions } from './catch-up-keeper.ts';

export interface CatchUp extends AsyncDisposable {
  /**
   * Catches up, and keeps the account caught up until the signal aborts. Call it at each connection; never rejects.
   * A run of the same account that is still under way is ended first.
   */
  run(session: ConnectedSession, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Reads the account's page back again, if it is connected. Returns at once. */
  request(accountId: AccountId, cause: CatchUpCause): void;
  /** The same for every account: something that concerns all was away. */
  requestAll(cause: CatchUpCause): void;
}

/** Opens the catching up. Disposing ends all runs and waits for them. */
export function openCatchUp(options: CatchUpOptions): CatchUp {
  const keepers = new Map<AccountId, CatchUpKeeper>();
  return {
    async run(session, { signal }) {
      const before = keepers.get(session.accountId);
      const keeper = new CatchUpKeeper(options, session, signal, before);
      keepers.set(session.accountId, keeper);
      await keeper.ended;
      if (keepers.get(session.accountId) === keeper) keepers.delete(session.accountId);
    },
    request(accountId, cause) {
      keepers.get(accountId)?.request(cause);
    },
    requestAll(cause) {
      for (const keeper of keepers.values()) keeper.request(cause);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...keepers.values()].map((keeper) => keeper.stop()));
    },
  };
}
