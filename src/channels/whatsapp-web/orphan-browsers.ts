import type { AccountStore } from '../../accounts/account.ts';
import { type AccountId, type InstanceId, parseAccountId } from '../../accounts/ids.ts';
import { isAppError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { killBrowserProcesses, listMarkedBrowsers, type MarkedBrowser } from './browser-process.ts';

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
 * Ends the browsers of these accounts that live on this machine, whoever launched them: their instance is over, and another
 * may run them. True if none is left that can be seen. Never rejects.
 */
export async function endBrowsersOf(accountIds: readonly AccountId[], log: Logger): Promise<boolean> {
  const ids = new Set<string>(accountIds);
  const find = () => listMarkedBrowsers().filter(({ accountId }) => ids.has(accountId));
  for (const { profilePath, accountId } of find()) {
    if (await killBrowserProcesses(profilePath, { log })) {
      log.warn('A browser that outlived its daemon was ended', { profilePath, accountId });
    }
  }
  const left = find();
  for (const { profilePath, accountId } of left) {
    log.warn('A browser of an instance that is over still runs; its accounts are not taken', {
      profilePath,
      accountId,
    });
  }
  return left.length === 0;
}
