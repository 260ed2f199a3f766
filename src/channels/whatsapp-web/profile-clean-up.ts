import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccountId } from '../../accounts/ids.ts';
import { DEFAULT_TIMINGS } from '../../config/session-timings.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { findProfilesInUse } from './browser-process.ts';
import { listProfiles, removeProfile } from './profile.ts';

const { remnantAfterMs, orphanAfterMs } = DEFAULT_TIMINGS;

export interface CleanUpDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Which of these accounts still exist. */
  isKept(ids: readonly AccountId[]): Promise<ReadonlySet<AccountId>>;
}

/**
 * Deletes the profiles of accounts that are gone, and what is left of deletions that were cut off. Returns how many. A
 * folder that a browser uses, that has changed lately, or that is no profile, is never touched.
 */
export async function removeOrphanProfiles(livePath: string, deps: CleanUpDeps): Promise<number> {
  const profiles = await listProfiles(livePath);
  // After the list: an account is there before its profile is.
  const kept = await deps.isKept([...new Set(profiles.map(({ accountId }) => accountId))]);
  const orphans = profiles.filter(({ accountId, isRemnant }) => isRemnant || !kept.has(accountId));
  if (orphans.length === 0) return 0;
  const inUse = new Set(findProfilesInUse(livePath));
  let removed = 0;
  for (const { name, isRemnant } of orphans) {
    const path = join(livePath, name);
    if (inUse.has(path)) continue;
    try {
      const minAgeMs = isRemnant ? remnantAfterMs : orphanAfterMs;
      if (deps.clock.now() - (await changedAt(path)) < minAgeMs) continue;
      await (isRemnant ? rm(path, { recursive: true, force: true }) : removeProfile(path));
      removed += 1;
    } catch (thrown) {
      deps.log.warn('An orphaned profile could not be removed', { path, error: toError(thrown).message });
    }
  }
  if (removed > 0) deps.log.info('Orphaned profiles were removed', { removed });
  return removed;
}

/** Of its own entry: also the renaming of a folder, which leaves its `mtime` alone, counts as a change. */
async function changedAt(path: string): Promise<number> {
  return (await stat(path)).ctimeMs;
}
