/**
 * Keeps the run of this instance valid, and its leases with it. At every moment one of three things is true:
 *
 * - it has a run (`run` is a number): renewed in time, or not yet about to lapse;
 * - it has lapsed: nothing is held, whatever timers say, and its sessions were told to stop. What it held stays its own in
 *   the database until somebody ends the run there, which nobody may before all of its browsers are gone;
 * - it has a new run: what nobody took meanwhile is held again, under new epochs.
 *
 * The instance's own deadlines count from before a statement was sent, by the machine's uptime, which goes on while the
 * machine is suspended. Whoever stops in time has stopped before PostgreSQL lets others in.
 */
import { uptime } from 'node:os';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import {
  type InstancePresence,
  isShownByAnother,
  openInstancePresence,
  type PresenceOptions,
} from '../db/instance-presence.ts';
import { endRun, registerRun, renewRun, setDraining, type Term } from '../db/lease-store.ts';
import { orAborted, waitMs } from '../lib/abort.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Wake } from '../lib/wake.ts';
import { FormerRunWatch } from './former-run.ts';
import { type EndBrowsers, FreeAccounts } from './free-accounts.ts';
import { HeldLeases } from './held-leases.ts';
import { type HostProcess, readHostProcess } from './host-process.ts';
import type { Lease, Leases } from './lease.ts';
import { LEASE_TERMS, type LeaseTerms } from './lease-terms.ts';
import { cutTenure, endTenure, makeTenure, type Tenure } from './tenure.ts';

export interface LeaseKeeperDeps {
  readonly db: Executor;
  readonly instanceId: InstanceId;
  /** Sessions that this instance may hold. */
  readonly capacity: number;
  /** No other instance can reach the database: leases never lapse. */
  readonly exclusive: boolean;
  /** Of the database: leases have one of their own. */
  readonly connection: PresenceOptions['connection'];
  readonly log: Logger;
  /** Kills all browsers at that moment of the uptime, in milliseconds, unless it is told a later one before. */
  readonly guard: { allowUntil(uptimeMs: number): void } | undefined;
  /** Of accounts of an instance that is over, before anybody may take them. */
  readonly endBrowsers?: EndBrowsers;
  /** Whether a browser of one of these accounts, which this instance holds, lives on this machine. @throws if that is not known */
  readonly hasBrowsers?: (accountIds: readonly AccountId[]) => boolean;
  /** Ends the wait for the first run; what was opened is ended by disposing it. */
  readonly signal: AbortSignal;
  readonly terms?: LeaseTerms;
  readonly host?: HostProcess;
  readonly clock?: Clock;
  /** Milliseconds; what the guard counts by. */
  readonly uptimeMs?: () => number;
}

/** Listeners return at once and never throw. */
export interface LeaseKeeper extends Leases, AsyncDisposable {
  /** Undefined while this instance has none. */
  readonly run: number | undefined;
  /** Milliseconds until its sessions have to stop, unless it is renewed: 0 without a run, infinite where it never lapses. */
  leftMs(): number;
  /** What it holds: at the start and after a lapse, also what the former run held and nobody may want any more. */
  held(): readonly AccountId[];
  /** All sessions have to stop now; told once for each run that lapses. */
  onLapse(listener: () => void): void;
  /** There is a run again after a lapse: what is free may be taken back. */
  onRun(listener: () => void): void;
  /** Something may be free: told every few seconds while there is a run, and when another instance has freed something. */
  onTick(listener: () => void): void;
  /** Whether other instances were there at the last look, or a while before: see `othersQuietMs`. */
  hasOthers(): boolean;
  /**
   * Ends runs that are over, after the browsers that they have left on this machine, and returns the free accounts that this
   * instance is to take then, those first that are to be started first.
   */
  freeAndListDue(): Promise<readonly AccountId[]>;
  /** Nothing is dealt to this instance any more. */
  drain(): Promise<void>;
}

/**
 * Enters a run of this instance and keeps it until it is disposed, which gives all leases back: sessions are over by then. Where
 * a browser lives on they are left to lapse.
 * What the former run of the same instance held is held from the beginning; while that may not be over, it is waited for.
 * @throws what the database throws, and the signal's reason
 */
export async function openLeaseKeeper(deps: LeaseKeeperDeps): Promise<LeaseKeeper> {
  await using stack = new AsyncDisposableStack();
  const presence = stack.use(await openInstancePresence(deps));
  const keeper = new RunKeeper(deps, presence);
  await keeper.open();
  stack.move();
  return keeper;
}

const DEFAULTS = {
  endBrowsers: async () => true,
  hasBrowsers: () => false,
  terms: LEASE_TERMS,
  clock: systemClock,
  uptimeMs: () => uptime() * 1_000,
};

class RunKeeper implements LeaseKeeper {
  readonly #deps: Required<LeaseKeeperDeps>;
  readonly #presence: InstancePresence;
  readonly #closing = new AbortController();
  readonly #wake = new Wake();
  readonly #held: HeldLeases;
  readonly #free: FreeAccounts;
  readonly #former: FormerRunWatch;
  readonly #listeners = {
    lapse: new Set<() => void>(),
    run: new Set<() => void>(),
    tick: new Set<() => void>(),
  };
  /** The latest, valid or over; undefined before the first. */
  #tenure: Tenure | undefined;
  #tickAt = 0;
  /** No run is entered before; where the last one was ended by somebody else, the guard kills its browsers until then. */
  #enterAt = 0;
  #isDraining = false;
  #loop: Promise<void> = Promise.resolve();
  #disposal: Promise<void> | undefined;

  constructor(given: LeaseKeeperDeps, presence: InstancePresence) {
    const deps = { ...DEFAULTS, host: readHostProcess(), ...given };
    const { db, instanceId, host, endBrowsers, terms, clock, log } = deps;
    this.#deps = deps;
    this.#presence = presence;
    this.#held = new HeldLeases({
      db,
      instanceId,
      log,
      findRun: () => this.run,
      onRunOver: () => this.#renewNow(),
    });
    this.#free = new FreeAccounts({ db, findRun: () => this.run, host, endBrowsers, terms, clock, log });
    const isShown = () => presence.ask((line) => isShownByAnother(line, instanceId), terms.renewDeadlineMs);
    this.#former = new FormerRunWatch({ host, isShown, terms, clock, log });
  }

  async open(): Promise<void> {
    await this.#enter(this.#deps.signal);
    this.#presence.onFreed(() => {
      // It may be told of an instance that has come: then the long term of one that is alone is to end.
      if (!this.hasOthers()) this.#renewNow();
      this.#tickNow();
    });
    this.#loop = this.#keep(this.#closing.signal);
  }

  get run(): number | undefined {
    const tenure = this.#tenure;
    return tenure !== undefined && this.#deps.uptimeMs() < tenure.stopAt ? tenure.run : undefined;
  }

  leftMs(): number {
    return Math.max(0, (this.#tenure?.stopAt ?? 0) - this.#deps.uptimeMs());
  }

  find(accountId: AccountId): Lease | undefined {
    return this.#held.find(accountId);
  }

  take(accountId: AccountId): Promise<Lease> {
    return this.#held.take(accountId);
  }

  release(accountId: AccountId): Promise<void> {
    return this.#held.release(accountId);
  }

  held(): readonly AccountId[] {
    return this.#held.list();
  }

  onLapse(listener: () => void): void {
    this.#listeners.lapse.add(listener);
  }

  onRun(listener: () => void): void {
    this.#listeners.run.add(listener);
  }

  onTick(listener: () => void): void {
    this.#listeners.tick.add(listener);
  }

  hasOthers(): boolean {
    return this.#tenure?.hasOthers === true;
  }

  async freeAndListDue(): Promise<readonly AccountId[]> {
    const { run } = this;
    return run === undefined || this.#isDraining ? [] : await this.#free.freeAndListDue(run);
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    const { run } = this;
    if (run !== undefined) await setDraining(this.#deps.db, run);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  /** Enters a run, as soon as the former one of this instance is over. */
  async #enter(signal: AbortSignal): Promise<void> {
    const { instanceId, capacity, host, terms } = this.#deps;
    // Our own was told to stop, and what it holds goes on to be ours.
    let over = this.#tenure?.run;
    for (;;) {
      const run = { instanceId, process: host.text, capacity, isDraining: this.#isDraining, over };
      const asked = this.#ask(
        (line) => registerRun(line, { ...run, term: this.#term() }),
        terms.enterDeadlineMs,
      );
      const { answer: entered, sentAt } = await orAborted(asked, signal);
      if (entered.kind === 'registered') {
        this.#begin(entered.run, sentAt, entered.hasOthers);
        this.#held.adopt(entered.leases);
        return;
      }
      if (await this.#former.isOver(entered.former)) over = entered.former.run;
      else await waitMs(terms.formerLookMs, signal);
    }
  }

  /** With the moment from which on it may have been sent: that of a wait for a connection is over by then. */
  #ask<T>(work: (line: Executor) => Promise<T>, deadlineMs: number): Promise<{ answer: T; sentAt: number }> {
    return this.#presence.ask(async (line) => {
      const sentAt = this.#deps.uptimeMs();
      return { answer: await work(line), sentAt };
    }, deadlineMs);
  }

  #term(): Term {
    return this.#deps.exclusive ? 'forever' : this.#deps.terms;
  }

  #begin(run: number, sentAt: number, hasOthers: boolean): void {
    const { exclusive, terms } = this.#deps;
    const tenure = makeTenure(run, { sentAt, hasOthers, isExclusive: exclusive }, terms);
    this.#allow(tenure);
    this.#tenure = tenure;
  }

  #allow({ killAt }: Tenure): void {
    if (Number.isFinite(killAt)) this.#deps.guard?.allowUntil(killAt);
  }

  /** Somebody else has ended the run: its accounts may be held elsewhere already. */
  #cut(former: Tenure): void {
    const { tenure, enterAt } = cutTenure(former, this.#deps.uptimeMs(), this.#deps.terms);
    this.#allow(tenure);
    this.#tenure = tenure;
    this.#enterAt = enterAt;
  }

  /** Never rejects; ends with the signal. */
  async #keep(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#serve(signal);
        this.#lapse();
        await this.#enterAgain(signal);
      }
    } catch (thrown) {
      if (!signal.aborted)
        this.#deps.log.error('The leases of this instance are not kept any more', describe(thrown));
    }
  }

  /** Renews and ticks until the run is about to lapse, or was ended. */
  async #serve(signal: AbortSignal): Promise<void> {
    const { uptimeMs, terms } = this.#deps;
    for (;;) {
      const tenure = this.#tenure;
      const now = uptimeMs();
      if (tenure === undefined || now >= tenure.stopAt) return;
      const dueAt = Math.min(tenure.renewAt, this.#tickAt);
      if (now < dueAt) {
        await this.#wake.wait(signal, Math.min(dueAt, tenure.stopAt) - now);
      } else if (now >= tenure.renewAt) {
        await this.#renew(tenure, signal);
      } else {
        this.#tickAt = now + terms.tickMs;
        void this.#held.tidy();
        tell(this.#listeners.tick);
      }
    }
  }

  async #renew(tenure: Tenure, signal: AbortSignal): Promise<void> {
    const { terms, uptimeMs, log } = this.#deps;
    try {
      const deadlineMs = Math.min(terms.renewDeadlineMs, tenure.stopAt - uptimeMs());
      const how = { term: this.#term(), mayShorten: tenure.hasOthers };
      const asked = this.#ask((line) => renewRun(line, tenure.run, how), deadlineMs);
      const { answer: renewed, sentAt } = await orAborted(asked, signal);
      if (renewed === undefined) this.#cut(tenure);
      else this.#begin(tenure.run, sentAt, renewed.hasOthers);
      // From here on it counts by the shorter term, so that PostgreSQL may, too.
      if (renewed?.hasOthers === true && !tenure.hasOthers) this.#renewNow();
    } catch (thrown) {
      signal.throwIfAborted();
      this.#tenure = { ...tenure, renewAt: uptimeMs() + terms.renewAgainMs };
      const stopsInMs = Math.round(tenure.stopAt - uptimeMs());
      log.debug('The leases of this instance could not be renewed', { stopsInMs, ...describe(thrown) });
    }
  }

  #lapse(): void {
    if (this.#tenure !== undefined) this.#tenure = endTenure(this.#tenure);
    this.#deps.log.error('The leases of this instance lapsed: its sessions stop until the database answers', {
      run: this.#tenure?.run,
    });
    tell(this.#listeners.lapse);
  }

  async #enterAgain(signal: AbortSignal): Promise<void> {
    const { terms, log, uptimeMs } = this.#deps;
    await waitMs(Math.max(0, this.#enterAt - uptimeMs()), signal);
    for (;;) {
      try {
        await this.#enter(signal);
        break;
      } catch (thrown) {
        signal.throwIfAborted();
        log.debug('A run of this instance could not be entered', describe(thrown));
        await waitMs(terms.renewAgainMs, signal);
      }
    }
    log.info('This instance may run sessions again', { run: this.#tenure?.run });
    tell(this.#listeners.run);
  }

  #renewNow(): void {
    if (this.#tenure !== undefined) this.#tenure = { ...this.#tenure, renewAt: 0 };
    this.#wake.wake();
  }

  #tickNow(): void {
    this.#tickAt = 0;
    this.#wake.wake();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error('the leases are given back'));
    await this.#loop;
    await this.#end();
    await this.#presence[Symbol.asyncDispose]();
  }

  /** True also if that cannot be seen. */
  #mayHaveBrowsers(): boolean {
    try {
      return this.#deps.hasBrowsers(this.held());
    } catch (thrown) {
      this.#deps.log.warn('The browsers of this instance cannot be looked for', describe(thrown));
      return true;
    }
  }

  async #end(): Promise<void> {
    const { terms, log } = this.#deps;
    const { run } = this;
    if (run === undefined || this.#tenure === undefined) return;
    const isKept = this.#mayHaveBrowsers();
    this.#tenure = endTenure(this.#tenure);
    // Whoever ends the run once it has lapsed looks after them before.
    if (isKept) return log.error('The leases of this instance lapse: a browser could not be ended', { run });
    try {
      await this.#presence.ask((line) => endRun(line, run), terms.endDeadlineMs);
    } catch (thrown) {
      log.warn('The leases of this instance could not be given back; they lapse', describe(thrown));
    }
  }
}

function tell(listeners: ReadonlySet<() => void>): void {
  for (const listener of listeners) listener();
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}
