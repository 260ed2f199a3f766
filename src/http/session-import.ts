import type { AccountId, TenantId } from '../accounts/ids.ts';
import {
  type Admitted,
  admitAccount,
  isImportWanted,
  saveImported,
  takeImportBack,
} from '../db/account-import.ts';
import { AppError, toError } from '../lib/errors.ts';
import type { HttpDeps } from './context.ts';

/** An exported session, as it comes in. */
export interface IncomingSession {
  readonly tenantId: TenantId;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly passphrase: string;
}

type Deps = Pick<HttpDeps, 'accountDefaults' | 'instanceId' | 'db' | 'channel' | 'vault' | 'log'>;

/** Takes sessions in that were exported at another host, each account one at a time. */
export class SessionImport {
  readonly #deps: Deps;
  readonly #underWay = new Set<AccountId>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Seals the session here and starts it. If it rejects, all is as before: no account that was not there, no snapshot. What
   * somebody has done with the account meanwhile, here or on another instance, is left alone, and the import is refused.
   * @throws AppError ALREADY_LINKED, VALIDATION_FAILED for the passphrase, VAULT_DAMAGED, POOL_FULL
   */
  async take({ tenantId, bytes, passphrase }: IncomingSession): Promise<{
    readonly accountId: AccountId;
    readonly generation: number;
  }> {
    const { vault, log } = this.#deps;
    const file = await vault.peekExport(bytes);
    const { accountId, sealedAt } = file;
    if (this.#underWay.has(accountId)) throw makeRefusal('This account is being imported at this moment.');
    this.#underWay.add(accountId);
    try {
      const admitted = await this.#admit(accountId, tenantId);
      const generation = await this.#seal(admitted, { bytes: file.bytes, passphrase });
      await this.#start(admitted, generation);
      log.info('A sealed session was imported', { accountId, generation, sealedAt });
      return { accountId, generation };
    } finally {
      this.#underWay.delete(accountId);
    }
  }

  async #admit(id: AccountId, tenantId: TenantId): Promise<Admitted> {
    const { db, channel, instanceId, accountDefaults } = this.#deps;
    const admission = await admitAccount(db, {
      id,
      tenantId,
      instanceId,
      expectedPhoneNumber: null,
      displayName: null,
      dailyLimit: accountDefaults.dailyLimit,
      timezone: accountDefaults.timezone,
    });
    if (admission === 'foreign') throw makeRefusal('The id of this account is taken here.');
    if (admission === 'linked' || channel.findStatus(id) !== undefined) {
      throw makeRefusal(
        `The account ${id} is linked or running here. Reconnect it to go on, or disconnect it before the import.`,
      );
    }
    return admission;
  }

  async #seal(
    admitted: Admitted,
    { bytes, passphrase }: Pick<IncomingSession, 'bytes' | 'passphrase'>,
  ): Promise<number> {
    try {
      const { generation } = await this.#deps.vault.importSnapshot(admitted.id, bytes, passphrase);
      return generation;
    } catch (thrown) {
      await this.#takeBack(admitted);
      throw thrown;
    }
  }

  async #start(admitted: Admitted, generation: number): Promise<void> {
    const { db, channel } = this.#deps;
    let isLinked = false;
    try {
      // Before the start: what is not linked would be thrown away by the next reconnect.
      isLinked = await saveImported(db, admitted);
      if (!isLinked) {
        throw makeRefusal('The account was started, linked or deleted while its session was taken in.');
      }
      await channel.start(admitted.id);
    } catch (thrown) {
      if (isLinked && (await this.#isStartOwed(admitted, toError(thrown)))) return;
      await this.#takeBack(admitted, generation);
      throw thrown;
    }
  }

  /**
   * True if the start that failed is made up for, by this daemon or its next run: said to have failed, the session would be used
   * at two hosts.
   */
  async #isStartOwed(admitted: Admitted, { message: error }: Error): Promise<boolean> {
    const { db, log } = this.#deps;
    const accountId = admitted.id;
    const isOwed = await isImportWanted(db, admitted).catch(() => false);
    if (isOwed) log.warn('A session that was imported could not be started yet', { accountId, error });
    return isOwed;
  }

  /** Never rejects: the reason of the failure is worth more than what could not be undone. */
  async #takeBack(admitted: Admitted, generation?: number): Promise<void> {
    const { db, vault, log } = this.#deps;
    const accountId = admitted.id;
    try {
      if (!(await takeImportBack(db, admitted, generation))) {
        log.warn('An account is left as somebody has made it since its import began, which failed', {
          accountId,
        });
      }
      // Of somebody else's only what counts no more.
      await vault.wipe(accountId);
    } catch (thrown) {
      const error = toError(thrown).message;
      log.error('Something is left of an import that failed', { accountId, error });
    }
  }
}

function makeRefusal(message: string): AppError {
  return new AppError('ALREADY_LINKED', { message });
}
