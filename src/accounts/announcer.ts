/**
 * Tells users of their accounts while it happens. A session's changes are stored at once and all of them; users are
 * told each thing once, and of trouble only if it lasts (see announce-rule.ts). What is not told yet when the daemon
 * stops is dropped: whoever connects to it later reads how things are.
 *
 * Health and the use of the daily limit are derived. What was told of them last is stored with the account (see
 * account-news-store.ts): of all instances one tells a change, and what was not told when a daemon was killed is told when
 * the next one opens.
 */
import type { ChannelListener, SessionStatus } from '../channels/channel.ts';
import type { SessionTimings } from '../config/session-timings.ts';
import { type AccountToday, findAccountTodayOfAny, listAllAccountsToday } from '../db/account-directory.ts';
import { enterHealth, enterLimit } from '../db/account-news-store.ts';
import type { Executor } from '../db/database.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import { KeyedSerial } from '../lib/keyed-serial.ts';
import type { Logger } from '../lib/logger.ts';
import type { Account, SessionAlert, SessionChange } from './account.ts';
import {
  type AnnounceStep,
  type AnnounceView,
  afterChange,
  afterGrace,
  NOTHING_ANNOUNCED,
} from './announce-rule.ts';
import type { AnnouncementContent, AnnouncementHandler, Announcements } from './announcement.ts';
import { accountToHealth, usageToLevel } from './health.ts';
import type { AccountId } from './ids.ts';
import { type HealthStatus, SESSION_STATES } from './state.ts';

export interface AnnouncerDeps {
  readonly db: Executor;
  /** What the channel of this instance knows of a session now. */
  readonly findStatus: (accountId: AccountId) => SessionStatus | undefined;
  readonly timings: Pick<SessionTimings, 'announceGraceMs' | 'qrLifetimeMs'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is said of an account, made from the account as it is stored. */
type Draft = (today: AccountToday) => AnnouncementContent;

type CodeKind = 'qr' | 'pairing-code';

interface Entry {
  view: AnnounceView;
  /** Ends the wait for the held trouble; null while there is none. */
  grace: AbortController | null;
  /** What it was found to be last. */
  health: HealthStatus;
  /** Codes that users were told of and that are not over. */
  readonly codes: Set<CodeKind>;
}

/** The announcer takes what a channel tells (`on…`, see ChannelListener). Disposing drops what is not told yet. */
export class Announcer implements Announcements, AsyncDisposable {
  readonly #deps: AnnouncerDeps;
  readonly #entries = new Map<AccountId, Entry>();
  readonly #handlers = new Set<AnnouncementHandler>();
  readonly #turns = new KeyedSerial<AccountId>();
  /** Accounts whose health is to be looked at, and whose turn for it has not begun. */
  readonly #reviews = new Set<AccountId>();
  readonly #closing = new AbortController();

  constructor(deps: AnnouncerDeps, accounts: readonly AccountToday[]) {
    this.#deps = deps;
    for (const today of accounts) {
      const { account, told } = today;
      this.#entryOf(account.id).health = told.health;
      const { health, percent } = this.#judge(today);
      if (health !== told.health || percent !== told.limitLevel) this.reviewHealth(account.id);
    }
  }

  readonly onState: NonNullable<ChannelListener['onState']> = (accountId, change) => {
    const { clock, timings } = this.#deps;
    const entry = this.#entryOf(accountId);
    const times = { now: clock.monotonic(), graceMs: timings.announceGraceMs };
    this.#follow(accountId, entry, afterChange(entry.view, change, times));
    // A code is of no use without the page that showed it.
    if (change.state === 'reconnecting' || !SESSION_STATES[change.state].live) {
      for (const kind of entry.codes) this.#sayCode(accountId, kind, null);
    }
    this.reviewHealth(accountId);
  };

  readonly onAlert: NonNullable<ChannelListener['onAlert']> = (accountId, alert: SessionAlert) => {
    const at = new Date(this.#deps.clock.now());
    this.#say(accountId, () => ({ kind: 'alert', alert, at }));
    this.reviewHealth(accountId);
  };

  readonly onQr: NonNullable<ChannelListener['onQr']> = (account: Account, qr) => {
    this.#sayCode(account.id, 'qr', qr);
  };

  readonly onPairingCode: NonNullable<ChannelListener['onPairingCode']> = (account: Account, code) => {
    this.#sayCode(account.id, 'pairing-code', code);
  };

  subscribe(handler: AnnouncementHandler): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Looks that come while one waits for its turn are one. */
  reviewHealth(accountId: AccountId): void {
    if (this.#reviews.has(accountId)) return;
    this.#reviews.add(accountId);
    this.#take(accountId, async () => {
      this.#reviews.delete(accountId);
      const today = await this.#read(accountId);
      if (today === undefined) this.#entries.delete(accountId);
      else await this.#compareHealth(today);
    });
  }

  /** Looks again at every account that is not healthy: a new day does it good. Returns how many those are. */
  reviewUnhealthy(): number {
    const ids = [...this.#entries].filter(([, { health }]) => health !== 'Healthy').map(([id]) => id);
    for (const id of ids) this.reviewHealth(id);
    return ids.length;
  }

  /** Resolves once all that was told to it so far is told on, or dropped. */
  async settled(): Promise<void> {
    await this.#turns.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('The announcer is closed.'));
    await this.#turns.idle();
  }

  #entryOf(accountId: AccountId): Entry {
    const entry = this.#entries.get(accountId) ?? {
      view: NOTHING_ANNOUNCED,
      grace: null,
      health: 'Healthy',
      codes: new Set<CodeKind>(),
    };
    this.#entries.set(accountId, entry);
    return entry;
  }

  #follow(accountId: AccountId, entry: Entry, step: AnnounceStep): void {
    entry.view = step.view;
    const { announce } = step;
    if (announce !== null) {
      const heardAt = new Date(this.#deps.clock.now());
      this.#say(accountId, (today) => this.#toStatus(today, announce, heardAt));
    }
    if (entry.view.held === null) {
      entry.grace?.abort();
      entry.grace = null;
    } else if (entry.grace === null) {
      entry.grace = new AbortController();
      void this.#waitOut(accountId, entry, AbortSignal.any([entry.grace.signal, this.#closing.signal]));
    }
  }

  async #waitOut(accountId: AccountId, entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (entry.view.held !== null) {
      const restMs = Math.ceil(entry.view.held.dueAt - clock.monotonic());
      try {
        await waitMs(Math.max(0, restMs), signal);
      } catch {
        // It has passed, or the daemon stops.
        return;
      }
      this.#follow(accountId, entry, afterGrace(entry.view, clock.monotonic()));
    }
  }

  #toStatus(today: AccountToday, change: SessionChange, heardAt: Date): AnnouncementContent {
    const { state, reason, since } = today.account;
    const { state: told, reason: why } = change;
    const reconnect = told === 'reconnecting' ? this.#deps.findStatus(today.account.id)?.reconnect : null;
    const attempt = reconnect?.attempt ?? change.attempt;
    const nextAt = reconnect?.nextAt ?? null;
    return {
      kind: 'status',
      state: told,
      reason: why,
      // The account may have moved on; then it has been so since we heard of it.
      since: state === told && reason === why ? since : heardAt,
      reconnect:
        told !== 'reconnecting' || attempt === undefined
          ? null
          : { attempt, nextAt: nextAt === null ? null : new Date(nextAt) },
    };
  }

  #sayCode(accountId: AccountId, kind: CodeKind, text: string | null): void {
    const { codes } = this.#entryOf(accountId);
    if (text === null) {
      if (codes.delete(kind)) this.#say(accountId, () => ({ kind, text, expiresAt: null }));
      return;
    }
    codes.add(kind);
    const latest = new Date(this.#deps.clock.now() + this.#deps.timings.qrLifetimeMs);
    this.#say(accountId, ({ account }) => {
      const { qr, qrExpiresAt, pairingCode, pairingCodeExpiresAt } = account;
      const stored =
        kind === 'qr' ? { text: qr, at: qrExpiresAt } : { text: pairingCode, at: pairingCodeExpiresAt };
      return { kind, text, expiresAt: (stored.text === text ? stored.at : null) ?? latest };
    });
  }

  #judge({ account, sentToday, told }: AccountToday) {
    const { id, state, dailyLimit } = account;
    const use = { sentToday, dailyLimit };
    const status = this.#deps.findStatus(id);
    // Whose attempts another instance counts, that instance judges.
    const isElsewhere = state === 'reconnecting' && status === undefined;
    const health = accountToHealth({ state, ...use, failures: status?.reconnect?.failures ?? 0 });
    return { use, percent: usageToLevel(use), health: isElsewhere ? told.health : health };
  }

  async #compareHealth(today: AccountToday): Promise<void> {
    const { db } = this.#deps;
    const { account, told } = today;
    const { use, percent, health } = this.#judge(today);
    this.#entryOf(account.id).health = health;
    if (percent !== told.limitLevel) await enterLimit(db, account.id, { ...use, percent });
    if (health === told.health || !(await enterHealth(db, account.id, { ...use, health }))) return;
    this.#publish({ kind: 'health', health, ...use }, { accountId: account.id, tenantId: account.tenantId });
  }

  #say(accountId: AccountId, draft: Draft): void {
    this.#take(accountId, async () => {
      const today = await this.#read(accountId);
      if (today === undefined) return;
      this.#publish(draft(today), { accountId, tenantId: today.account.tenantId });
    });
  }

  #publish(
    content: AnnouncementContent,
    whose: Pick<Account, 'tenantId'> & { readonly accountId: AccountId },
  ): void {
    for (const handler of this.#handlers) handler({ ...content, ...whose });
  }

  #take(accountId: AccountId, work: () => Promise<void>): void {
    if (this.#closing.signal.aborted) return;
    void this.#turns.run(accountId, work).catch((thrown) => {
      if (this.#closing.signal.aborted) return;
      const error = toError(thrown).message;
      this.#deps.log.error('Users could not be told of a change', { accountId, error });
    });
  }

  /** The account as it is stored, as soon as the database tells; undefined once it was deleted. */
  async #read(accountId: AccountId): Promise<AccountToday | undefined> {
    const { signal } = this.#closing;
    for (let attempt = 2; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        return await orAborted(findAccountTodayOfAny(this.#deps.db, accountId), signal);
      } catch (thrown) {
        signal.throwIfAborted();
        const error = toError(thrown).message;
        this.#deps.log.warn('An account could not be read to tell of it and is read again', {
          accountId,
          error,
        });
        await waitMs(backoffDelayMs(attempt), signal);
      }
    }
  }
}

/** Opens the announcer. What there is to tell of health that was not told before, it tells at once. */
export async function openAnnouncer(deps: AnnouncerDeps): Promise<Announcer> {
  return new Announcer(deps, await listAllAccountsToday(deps.db));
}
