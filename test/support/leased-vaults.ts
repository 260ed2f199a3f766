import { type AccountId, parseAccountId, parseInstanceId } from '../../src/accounts/ids.ts';
import { takeLease } from '../../src/db/lease-store.ts';
import type { Lease } from '../../src/instances/lease.ts';
import { FrailBackup } from './frail-backup.ts';
import { endRun, insertRun } from './instance-rows.ts';
import { type VaultPlaces, VaultStage, type VaultStageSettings } from './vault-stage.ts';

/** A daemon with a disk of its own, and the lease that it takes itself to hold. */
export interface LeasedVault {
  readonly name: string;
  readonly stage: VaultStage;
  /** The one in the database. */
  readonly backup: FrailBackup;
  lease: Lease | undefined;
}

/** Several daemons that have one account in turn, each under a run of its own. */
export class LeasedVaults implements AsyncDisposable {
  readonly #places: VaultPlaces;
  readonly #stack = new AsyncDisposableStack();
  readonly #runs = new Map<string, number>();
  readonly accountId: AccountId;

  constructor(places: VaultPlaces) {
    this.#places = places;
    this.accountId = parseAccountId(places.accountId);
  }

  /** One that is opened again under the same name is that daemon after a kill. */
  async open(name: string, settings: VaultStageSettings = {}): Promise<LeasedVault> {
    const { runtimePath, sessionPath } = this.#places;
    const places = {
      ...this.#places,
      runtimePath: `${runtimePath}-${name}`,
      sessionPath: `${sessionPath}-${name}`,
    };
    let backup: FrailBackup | undefined;
    const stage = await VaultStage.open(places, {
      ...settings,
      instance: name,
      findLease: () => vault.lease,
      wrapBackup: (inner) => {
        backup = new FrailBackup(inner);
        return backup;
      },
    });
    this.#stack.use(stage);
    if (backup === undefined) throw new Error('The vault has no backup.');
    const vault: LeasedVault = { name, stage, backup, lease: undefined };
    return vault;
  }

  /** It holds the account from now on, and knows; whoever held it does not, and may not know. */
  async hold(vault: LeasedVault): Promise<void> {
    const { name, stage } = vault;
    await this.#free(stage);
    const run = this.#runs.get(name) ?? (await this.#begin(vault));
    const taking = await takeLease(stage.db, {
      accountId: this.accountId,
      run,
      instanceId: parseInstanceId(name),
    });
    if (taking.kind !== 'taken') throw new Error(`The lease could not be taken: ${taking.kind}.`);
    vault.lease = taking.lease;
  }

  async #begin({ name, stage }: LeasedVault): Promise<number> {
    const run = await insertRun(stage.db, name);
    this.#runs.set(name, run);
    this.#stack.defer(() => endRun(stage.db, run));
    return run;
  }

  async #free({ db }: VaultStage): Promise<void> {
    await db.updateTable('accounts').set({ lease_run: null }).where('id', '=', this.accountId).execute();
  }

  /** Its run is over. */
  async end({ name, stage }: LeasedVault): Promise<void> {
    await endRun(stage.db, this.#runs.get(name) ?? 0);
    this.#runs.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
