import type { AccountId } from '../../accounts/ids.ts';
import { type FindLease, LeaseLostError } from '../../instances/lease.ts';
import { AppError } from '../../lib/errors.ts';
import type { VaultStep } from '../../vault/vault-step.ts';
import { profilePathOf } from './profile.ts';
import { readBoot, readProfileMark, writeProfileMark } from './profile-mark.ts';

/** What is known of a profile that is open. */
export interface OpenProfile {
  /** The newest generation of the account. */
  generation: number;
  isSealed: boolean;
  /** Of the lease that is held here; null where there are no leases. */
  readonly epoch: number | null;
  /** Of the lease under which the profile was begun to be used last, here or elsewhere. */
  readonly profileEpoch: number | null;
}

export interface OpenProfilesDeps {
  readonly runtimePath: string;
  /** Under which the profile of an account is used. */
  readonly findLease: FindLease;
  readonly onStep: (step: VaultStep) => void;
}

/**
 * The profiles that were taken out here, each under a lease. One carries a mark, the generation that it was opened from or is
 * about to be sealed as. After a crash it is preferred to the vault while no newer generation is known and its storage is
 * intact; if the machine itself went down, only where it is newer.
 */
export class OpenProfiles {
  readonly #deps: OpenProfilesDeps;
  readonly #known = new Map<AccountId, OpenProfile>();

  constructor(deps: OpenProfilesDeps) {
    this.#deps = deps;
  }

  /** Where the profile lies while it is open. */
  pathOf(accountId: AccountId): string {
    return profilePathOf(this.#deps.runtimePath, accountId);
  }

  /** Of the lease that is held now; null where none is. */
  findEpoch(accountId: AccountId): number | null {
    return this.#deps.findLease(accountId)?.epoch ?? null;
  }

  /** Whatever lease it was taken out under. */
  find(accountId: AccountId): OpenProfile | undefined {
    return this.#known.get(accountId);
  }

  /** Nothing of before the lease that is held now: another instance may have had the account since. */
  findHeld(accountId: AccountId): OpenProfile | undefined {
    const known = this.#known.get(accountId);
    return known?.epoch === this.findEpoch(accountId) ? known : undefined;
  }

  set(accountId: AccountId, profile: OpenProfile): void {
    this.#known.set(accountId, profile);
  }

  /** What was known of it is not true any more. */
  forget(accountId: AccountId): void {
    this.#known.delete(accountId);
  }

  /** @throws AppError SESSION_FAULT if the profile does not lie there as it was taken out */
  async requireOpen(accountId: AccountId): Promise<void> {
    const known = this.#known.get(accountId);
    const mark = await readProfileMark(this.pathOf(accountId));
    const isThere = known?.generation === mark?.generation && known !== undefined;
    if (isThere && mark?.leaseEpochs.includes(known.epoch)) return;
    throw new AppError('SESSION_FAULT', {
      message: 'The opened profile was taken away or removed before the browser was launched.',
    });
  }

  /**
   * Marks a profile with its next generation, which is returned: before it is sealed, so that a crash leaves no snapshot that
   * its own profile would be taken to be older than.
   * @throws LeaseLostError if the lease is over under which it was taken out: it may be open elsewhere
   */
  async mark(accountId: AccountId, profile: OpenProfile): Promise<number> {
    if (this.findEpoch(accountId) !== profile.epoch) throw new LeaseLostError();
    const generation = profile.generation + 1;
    await writeProfileMark(this.pathOf(accountId), {
      generation,
      boot: await readBoot(),
      leaseEpochs: [profile.epoch],
    });
    profile.generation = generation;
    this.#deps.onStep('profile-marked');
    return generation;
  }
}
