/**
 * Accepts the items of an account's campaigns while it is connected, in their order and a few at a time: the next ones once
 * those before were handed over, so that what is sent besides waits for no more than these.
 *
 * An item becomes a message in the transaction that says so of the item, with its campaign locked. So none does twice,
 * whatever dies and however many feed, and none does that a pause or a cancellation came before.
 */
import type { AccountId, CampaignId } from '../accounts/ids.ts';
import { findFieldProblems } from '../config/start-error.ts';
import {
  countUnhanded,
  type FedItem,
  findCampaignToFeed,
  listWaitingItems,
  lockWaitingItems,
  saveFedItems,
  type WaitingItem,
} from '../db/campaign-feed.ts';
import { isDatabaseAway } from '../db/outage.ts';
import { findFullDay } from '../db/slot-store.ts';
import { transact } from '../db/transaction.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { type AppError, isAppError, toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import {
  type AcceptanceDeps,
  countAccepted,
  type PreparedMessage,
  prepareMessage,
  writeMessages,
} from './acceptance.ts';
import { type FeedStep, MAX_UNHANDED, nextFeedStep } from './campaign-rule.ts';

export interface CampaignFeederDeps extends AcceptanceDeps {
  /** Messages of the account have been accepted; returns at once. */
  readonly onFed: (accountId: AccountId) => void;
  readonly log: Logger;
}

export interface CampaignFeeder extends AsyncDisposable {
  /** Feeds the account's campaigns until the signal aborts. Call it at each connection; never rejects. */
  run(accountId: AccountId, signal: AbortSignal): Promise<void>;
  /** A campaign of the account, or what it waits for, has changed. Returns at once; ignored while it is not connected. */
  wake(accountId: AccountId): void;
  /** A message of the account was handed over, or ended. The same, of consequence only while a campaign waits for that. */
  hearHanded(accountId: AccountId): void;
}

/** Opens the feeder. Disposing ends all runs and waits for them. */
export function openCampaignFeeder(deps: CampaignFeederDeps): CampaignFeeder {
  const runs = new Map<AccountId, FeedRun>();
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  return {
    async run(accountId, signal) {
      const over = AbortSignal.any([signal, closing.signal]);
      const run = new FeedRun({ ...deps, log: deps.log.child({ accountId }) }, accountId, over);
      runs.set(accountId, run);
      const ended = run.run();
      running.add(ended);
      await ended;
      running.delete(ended);
      if (runs.get(accountId) === run) runs.delete(accountId);
    },
    wake: (accountId) => runs.get(accountId)?.wake(),
    hearHanded: (accountId) => runs.get(accountId)?.hearHanded(),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** An item that may become a message, or never will. */
type ReadyItem =
  | { readonly n: number; readonly kind: 'message'; readonly message: PreparedMessage }
  | Extract<FedItem, { kind: 'rejected' }>;

/** The loop of one connection. */
class FeedRun {
  readonly #deps: CampaignFeederDeps;
  readonly #accountId: AccountId;
  readonly #signal: AbortSignal;
  readonly #wake = new Wake();
  /** What the last look came to. */
  #step: FeedStep | undefined;

  constructor(deps: CampaignFeederDeps, accountId: AccountId, signal: AbortSignal) {
    this.#deps = deps;
    this.#accountId = accountId;
    this.#signal = signal;
  }

  wake(): void {
    this.#wake.wake();
  }

  hearHanded(): void {
    if (this.#step?.kind !== 'rest' || this.#step.isWaiting) this.#wake.wake();
  }

  async run(): Promise<void> {
    for (let faults = 0; !this.#signal.aborted; ) {
      try {
        this.#step = await this.#look();
        if (this.#step.kind === 'feed') await this.#feed(this.#step);
        else await this.#wait(this.#step.ms);
        faults = 0;
      } catch (thrown) {
        if (this.#signal.aborted) return;
        faults += 1;
        await this.#rest(faults, toError(thrown));
      }
    }
  }

  async #wait(ms: number): Promise<void> {
    this.#deps.log.debug('The campaigns of an account wait', { ms });
    await this.#wake.wait(this.#signal, ms);
  }

  async #look(): Promise<FeedStep> {
    const { db, clock } = this.#deps;
    const campaignId = await findCampaignToFeed(db, this.#accountId);
    const now = clock.now();
    if (campaignId === null) return nextFeedStep({ campaignId, unhanded: 0, fullUntil: null, now });
    const [unhanded, full] = await Promise.all([
      countUnhanded(db, this.#accountId, MAX_UNHANDED),
      findFullDay(db, this.#accountId, new Date(now)),
    ]);
    return nextFeedStep({ campaignId, unhanded, fullUntil: full?.nextAt.getTime() ?? null, now });
  }

  /** @throws what keeps an item from being accepted now; those before it are accepted first */
  async #feed({ campaignId, count }: Extract<FeedStep, { kind: 'feed' }>): Promise<void> {
    const { db, log, onFed } = this.#deps;
    const ready: ReadyItem[] = [];
    let fault: Error | undefined;
    for (const item of await listWaitingItems(db, campaignId, count)) {
      this.#signal.throwIfAborted();
      const made = await this.#prepare(item);
      fault = made instanceof Error ? made : undefined;
      if (made instanceof Error) break;
      ready.push(made);
    }
    const { isCompleted, rejected } = await this.#write(campaignId, ready);
    if (ready.length > rejected) onFed(this.#accountId);
    if (rejected > 0) log.info('Items of a campaign cannot be sent', { campaignId, rejected });
    if (isCompleted) log.info('A campaign is completed', { campaignId });
    // A full day is found at the next look, and waited for there.
    if (fault !== undefined && !isAppError(fault, 'DAILY_LIMIT_EXCEEDED')) throw fault;
  }

  /** The item as it may be written, or the fault that may pass. */
  async #prepare({ n, request }: WaitingItem): Promise<ReadyItem | Error> {
    try {
      const message = await prepareMessage(this.#deps, this.#accountId, request, this.#signal);
      return { n, kind: 'message', message };
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const error = toError(thrown);
      if (isDatabaseAway(error) || (isAppError(error) && error.retry !== 'never')) return error;
      if (isAppError(error)) return { n, kind: 'rejected', code: error.code, reason: errorToReason(error) };
      this.#deps.log.error('An item of a campaign could not be prepared', { n, error: error.message });
      return { n, kind: 'rejected', code: 'INTERNAL', reason: 'Something went wrong inside Switchboard.' };
    }
  }

  async #write(
    campaignId: CampaignId,
    ready: readonly ReadyItem[],
  ): Promise<{ readonly isCompleted: boolean; readonly rejected: number }> {
    const { db, clock } = this.#deps;
    const fed = await transact(db, async (trx) => {
      const waiting = await lockWaitingItems(
        trx,
        campaignId,
        ready.map(({ n }) => n),
      );
      const open = ready.filter(({ n }) => waiting.has(n));
      const messages = open.flatMap((item) => (item.kind === 'message' ? [item] : []));
      const rejected = open.flatMap((item) => (item.kind === 'rejected' ? [item] : []));
      const written = await writeMessages(
        trx,
        this.#accountId,
        messages.map(({ message }) => message),
        clock,
      );
      const accepted = messages.flatMap(({ n }, place): FedItem[] => {
        const result = written[place];
        // One that finds the day full goes on waiting.
        if (result?.kind !== 'written') return [];
        return [{ n, kind: 'accepted', messageId: result.messageId, at: result.at }];
      });
      const items = [...accepted, ...rejected];
      const at = new Date(clock.now());
      const isCompleted = items.length > 0 && (await saveFedItems(trx, campaignId, { items, at }));
      return { isCompleted, rejected: rejected.length, messages, written };
    });
    for (const [place, result] of fed.written.entries()) {
      const message = fed.messages[place]?.message;
      if (result.kind === 'written' && message !== undefined)
        countAccepted(this.#deps, message, result.status);
    }
    return fed;
  }

  /** Rests after a fault: a store is away, as a rule. */
  async #rest(faults: number, error: Error): Promise<void> {
    const delayMs = backoffDelayMs(faults + 1);
    this.#deps.log.warn('The campaigns of an account rest after a fault', { delayMs, error: error.message });
    await this.#wake.wait(this.#signal, delayMs).catch(() => this.#signal.aborted);
  }
}

/** What is wrong, with the fields that are, as one sentence after another. */
function errorToReason({ message, details }: AppError): string {
  const problems = findFieldProblems(details).map((each) => `${each.field}: ${each.message}`);
  return problems.length === 0 ? message : problems.join(' ');
}
