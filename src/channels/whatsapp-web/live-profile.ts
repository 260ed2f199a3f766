import type { AccountId } from '../../accounts/ids.ts';
import type { Logger } from '../../lib/logger.ts';
import type { NewestSnapshot } from '../../vault/vault.ts';
import { findDamage } from './profile-damage.ts';
import { type ProfileMark, readBoot, readProfileMark, writeProfileMark } from './profile-mark.ts';

/** What is known of an account's vault, and of the lease that is held here; null where there are no leases. */
export type KnownVault = NewestSnapshot & { readonly epoch: number | null };

/** Why an opened profile is not used. */
interface Fault {
  readonly message: string;
  readonly damage?: string;
}

/**
 * The generation of the profile that lies open at the path, if it is to be used as it is; it bears the mark of this run of the
 * machine and of the lease then. Why one is not used is logged.
 */
export async function findLiveProfile(
  path: string,
  known: KnownVault,
  { accountId, log }: { readonly accountId: AccountId; readonly log: Pick<Logger, 'warn'> },
): Promise<number | undefined> {
  const mark = await readProfileMark(path);
  if (mark === undefined) return undefined;
  const boot = await readBoot();
  const fault = findOutdated(mark, known) ?? (await findFault(path, mark, { ...known, boot }));
  if (fault !== undefined) {
    const { generation: newest } = known;
    log.warn(fault.message, { accountId, mark: mark.generation, newest, damage: fault.damage });
    return undefined;
  }
  const { epoch, profileEpoch } = known;
  if (mark.boot !== boot || epoch !== profileEpoch)
    await writeProfileMark(path, { ...mark, boot, leaseEpochs: [epoch, profileEpoch] });
  return mark.generation;
}

/** Whether the profile is the one that was begun to be used last: what others have is older, whatever its number. */
export function isLastUsed({ leaseEpochs }: ProfileMark, profileEpoch: number | null): boolean {
  return leaseEpochs.includes(profileEpoch);
}

/** Of profiles that a phone is, or may be, linked to. */
export const findLinkDamage = (path: string) => findDamage(path, { isLinked: true });

function findOutdated(mark: ProfileMark, { profileEpoch }: KnownVault): Fault | undefined {
  if (isLastUsed(mark, profileEpoch)) return undefined;
  return { message: 'An opened profile is from before another instance had the account and is not used' };
}

/** Why the vault is better than an opened profile. With nothing to fall back on it never is. */
async function findFault(
  path: string,
  mark: ProfileMark,
  { generation, isSealed, boot }: KnownVault & { readonly boot: string | null },
): Promise<Fault | undefined> {
  if (mark.generation < generation)
    return { message: 'An opened profile is older than the vault and is not used' };
  if (!isSealed) return undefined;
  // What was not written down before the machine went down is missing, and it does not show: a log that is empty is
  // none that is damaged. The vault was on the disk.
  if (mark.generation === generation && mark.boot !== boot)
    return {
      message: 'An opened profile may lack what was written before the machine went down and is not used',
    };
  const damage = await findLinkDamage(path);
  if (damage === undefined) return undefined;
  return { message: 'An opened profile is damaged: the vault is opened instead', damage };
}
