import type { AccountStore } from '../../accounts/account.ts';
import { type AccountId, type InstanceId, parseAccountId } from '../../accounts/ids.ts';
import type { BrowsersOfRun } from '../../instances/free-accounts.ts';
import { isAppError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { killBrowserProcesses, killSeen, listMarkedBrowsers, type MarkedBrowser } from './browser-process.ts';

export interface OrphanDeps {
  /** Where this daemon opens profiles, and where it is known to have opened them. Other daemons may do so as well. */
  readonly paths: readonly string[];
  readonly instanceId: InstanceId;
  readonly store: Pick<AccountStore, 'getAccount'>;
  readonly log: Logger;
}

/**
 * Ends the browsers that an earlier run of this daemon has left (fault F28): those that carry its name and are of an
 * account that it knows, wherever their profiles lie, or are of any account below its paths. Those of other daemons stay.
 * For the boot, before any browser is launched.
 */
export async function endOrphanBrowsers(deps: OrphanDeps): Promise<void> {
  const ended = new Set<string>();
  for (const browser of listMarkedBrowsers()) {
    const { profilePath, accountId } = browser;
    if (ended.has(profilePath) || !(await isOurs(browser, deps))) continue;
    ended.add(profilePath);
    if (await killBrowserProcesses(profilePath, { log: deps.log })) {
      deps.log.warn('A browser that outlived its daemon was ended', { profilePath, accountId });
    }
  }
}

/** Daemons over different databases may have been given the same name; an account's id is in no other database. */
async function isOurs(browser: MarkedBrowser, { paths, instanceId, store }: OrphanDeps): Promise<boolean> {
  if (browser.instanceId !== instanceId) return false;
  return paths.some((path) => browser.profilePath.startsWith(`${path}/`)) || (await isKnown(browser, store));
}

async function isKnown({ accountId }: MarkedBrowser, store: OrphanDeps['store']): Promise<boolean> {
  try {
    await store.getAccount(parseAccountId(accountId));
    return true;
  } catch (thrown) {
    if (isAppError(thrown, 'ACCOUNT_NOT_FOUND')) return false;
    throw thrown;
  }
}

/**
 * Ends the browsers that this run of an instance has left on this machine: its own, of the accounts that it holds, and those
 * alone that are seen now. Whoever is launched meanwhile is another's by then. True if none is left that can be seen, and the
 * say is still this instance's.
 * @throws if it cannot be seen what lives on this machine
 */
export async function endBrowsersOf(over: BrowsersOfRun, log: Logger): Promise<boolean> {
  const { instanceId, isStillOurs } = over;
  const ids = new Set<string>(over.accountIds);
  const find = () =>
    listMarkedBrowsers().filter((each) => each.instanceId === instanceId && ids.has(each.accountId));
  for (const { process, profilePath, accountId } of find()) {
    if (await killSeen(profilePath, [process], { mayKill: isStillOurs, log })) {
      log.warn('A browser that outlived its daemon was ended', { profilePath, accountId });
    }
  }
  if (!isStillOurs()) return false;
  const left = find();
  for (const { profilePath, accountId } of left) {
    log.warn('A browser of an instance that is over still runs; its accounts are not taken', {
      profilePath,
      accountId,
    });
  }
  return left.length === 0;
}

/** Whether a browser that this instance has launched for one of these accounts lives on this machine. @throws likewise */
export function hasBrowsersOf(instanceId: InstanceId, accountIds: readonly AccountId[]): boolean {
  if (accountIds.length === 0) return false;
  const ids = new Set<string>(accountIds);
  return listMarkedBrowsers().some((each) => each.instanceId === instanceId && ids.has(each.accountId));
}
