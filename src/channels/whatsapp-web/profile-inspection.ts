import type { AccountId } from '../../accounts/ids.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import type { MoveDeps } from '../../vault/session-move.ts';
import { profilePathOf, requireFreeBytes } from './profile.ts';
import { findDamage } from './profile-damage.ts';

/**
 * How the vault looks at a linked profile that no browser is to run on: opened beside those that do, under the name of
 * one that is being opened, so that a crash leaves it to the next start to clear away.
 */
export function makeProfileInspection(
  runtimePath: string,
  timings: Pick<SessionTimings, 'freeDiskBytes'>,
): MoveDeps['inspection'] {
  return {
    pathFor: (accountId: AccountId) =>
      `${profilePathOf(runtimePath, accountId)}.opening-${crypto.randomUUID()}`,
    findDamage: (path) => findDamage(path, { isLinked: true }),
    requireRoom: (bytes) => requireFreeBytes(runtimePath, bytes + timings.freeDiskBytes),
  };
}
