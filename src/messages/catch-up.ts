/**
 * Catches up with what a page took while nobody listened: before the listeners were attached, over a reload, while
 * the daemon was away (facts A14, A23). Such messages are in the page's own store only.
 *
 * Two instants say up to when everything is known to be taken over: `accounts.caught_up_to` for all chats, and one a chat
 * in `chat_watermarks`; the later one counts. A run reads each chat back as far as catch-up-window.ts says and moves its
 * instant to the run's own start, and the account's when none is left; always once everything is committed: what lies in
 * the queue may be lost with it. From then on listening is enough: the account's instant moves by itself, until a gap is
 * reported.
 */
import type { AccountId } from '../accounts/ids.ts';
import type { ConnectedSession } from '../channels/channel.ts';
import type { CatchUpCause } from '../db/catch-up-ledger.ts';
import type { Executor } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { CatchUpKeeper } from './catch-up-keeper.ts';
import type { InboundEvent } from './inbound-event.ts';
import type { LiveGate } from './live-gate.ts';
import type { OnMessageStep } from './message-step.ts';

export interface CatchUpOptions {
  readonly db: Executor;
  /** Puts what a catch-up has found into the account's inbound lane. */
  readonly emit: (accountId: AccountId, events: readonly InboundEvent[], catchUpId: string) => void;
  /** Resolves when the lane has passed on everything that it took before. */
  readonly laneIdle: (accountId: AccountId) => Promise<void>;
  /** Resolves when everything that the lane took before is in the database. */
  readonly committed: (accountId: AccountId) => Promise<void>;
  /** Holds back what is told live of a chat until the chat is read. */
  readonly gate: Omit<LiveGate, 'accept' | typeof Symbol.dispose>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Pauses before a chat that could not be read is tried again, in milliseconds. */
  readonly retriesMs?: readonly number[];
  /** The pause after `incomplete` runs in a row that could not read everything; milliseconds. */
  readonly pauseMs?: (incomplete: number) => number;
  readonly onStep?: OnMessageStep;
}

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
