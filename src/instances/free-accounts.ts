import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from '../db/database.ts';
import { endRun, expireRuns, listFreeAccounts, listLeases, listRuns, type Run } from '../db/lease-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { HostProcess } from './host-process.ts';
import type { LeaseTerms } from './lease-terms.ts';
import { type FreeAccount, listDue } from './placement.ts';

/** Whose browsers are to be ended. */
export interface BrowsersOfRun {
  /** Accounts that the run holds. */
  readonly accountIds: readonly AccountId[];
  /** Whose run it is. */
  readonly instanceId: InstanceId;
  /** Asked directly before each signal: an instance that stood still may have lost the say, and others have the accounts. */
  readonly isStillOurs: () => boolean;
}

/** Ends the browsers that a run has left on this machine; true if none is left. @throws if that cannot be seen */
export type EndBrowsers = (over: BrowsersOfRun) => Promise<boolean>;

export interface FreeAccountsDeps {
  readonly db: Executor;
  /** The run of this instance, if it is valid at this moment. */
  readonly findRun: () => number | undefined;
  readonly host: HostProcess;
  readonly endBrowsers: EndBrowsers;
  readonly terms: LeaseTerms;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What nobody holds, as one instance sees it from look to look. */
export class FreeAccounts {
  readonly #deps: FreeAccountsDeps;
  /** Since when each account that is free has been seen to be, by the monotonic clock. */
  #freeSince: ReadonlyMap<AccountId, number> = new Map();
  /** Since when the processes of runs have been seen to be gone. */
  #goneSince: ReadonlyMap<number, number> = new Map();

  constructor(deps: FreeAccountsDeps) {
    this.#deps = deps;
  }

  /**
   * Ends runs that have lapsed, and those of this machine whose process has been gone for a while, each after the browsers that
   * it has left on this machine; none while one of these is seen: its guard may be late, or dead. Returns what a run is to
   * take then.
   */
  async freeAndListDue(run: number): Promise<readonly AccountId[]> {
    const { db, terms, clock } = this.#deps;
    const runs = await this.#endOver(run);
    const free = await listFreeAccounts(db);
    const now = clock.monotonic();
    this.#freeSince = firstSeen(
      free.map(({ accountId }: FreeAccount) => accountId),
      this.#freeSince,
      now,
    );
    const isOverdue = (accountId: AccountId) =>
      now - (this.#freeSince.get(accountId) ?? now) >= terms.takenByAnyMs;
    return listDue(run, free, runs, isOverdue);
  }

  /** Ends those that are over; returns the others, the oldest first. */
  async #endOver(own: number): Promise<readonly Run[]> {
    const { db } = this.#deps;
    const runs = await listRuns(db);
    const others = runs.filter(({ run }) => run !== own);
    const ended = new Set([...(await this.#expire(others, own)), ...(await this.#endDead(others, own))]);
    return ended.size === 0 ? runs : await listRuns(db);
  }

  async #expire(runs: readonly Run[], own: number): Promise<readonly number[]> {
    const lapsed: number[] = [];
    for (const each of runs)
      if (each.isLapsed && (await this.#endBrowsersOf(each, own))) lapsed.push(each.run);
    if (lapsed.length === 0) return [];
    const ended = await expireRuns(this.#deps.db, lapsed);
    this.#tell(runs, ended, 'An instance has not renewed its lease; its accounts are free');
    return ended;
  }

  async #endDead(runs: readonly Run[], own: number): Promise<readonly number[]> {
    const { db, host, terms, clock } = this.#deps;
    const gone = runs.filter(({ process }) => host.lookAt(process) === 'gone');
    const now = clock.monotonic();
    this.#goneSince = firstSeen(
      gone.map(({ run }) => run),
      this.#goneSince,
      now,
    );
    const ended: number[] = [];
    for (const each of gone) {
      const { run } = each;
      if (now - (this.#goneSince.get(run) ?? now) < terms.deadGraceMs) continue;
      if ((await this.#endBrowsersOf(each, own)) && (await endRun(db, run))) ended.push(run);
    }
    this.#tell(runs, ended, 'The process of an instance is gone; its accounts are free');
    return ended;
  }

  /** True if nothing that it held is run by it any more then, as far as this machine can tell. */
  async #endBrowsersOf({ run, instanceId }: Run, own: number): Promise<boolean> {
    const { db, endBrowsers, findRun } = this.#deps;
    const accountIds = (await listLeases(db, run)).map(({ accountId }) => accountId);
    if (accountIds.length === 0) return true;
    return await endBrowsers({ accountIds, instanceId, isStillOurs: () => findRun() === own });
  }

  #tell(runs: readonly Run[], ended: readonly number[], message: string): void {
    for (const { run, instanceId, held } of runs) {
      if (ended.includes(run)) this.#deps.log.warn(message, { run, from: instanceId, accounts: held });
    }
  }
}

/** When each of them was first seen; what is not there any more is forgotten. */
function firstSeen<K>(
  seen: readonly K[],
  before: ReadonlyMap<K, number>,
  now: number,
): ReadonlyMap<K, number> {
  return new Map(seen.map((key) => [key, before.get(key) ?? now]));
}
