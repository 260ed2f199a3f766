import type { AccountId, TenantId } from '../accounts/ids.ts';
import { type Admission, admitAccount, saveImported } from '../db/account-import.ts';
import { markAccountDeleted, purgeAccount } from '../db/account-removal.ts';
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
   * Seals the session here and starts it. If it rejects, all is as before: no account that was not there, no snapshot.
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
      const admission = await this.#admit(accountId, tenantId);
      const generation = await this.#seal(accountId, admission, { bytes: file.bytes, passphrase });
      await this.#start(accountId, admission);
      log.info('A sealed session was imported', { accountId, generation, sealedAt });
      return { accountId, generation };
    } finally {
      this.#underWay.delete(accountId);
    }
  }

  async #admit(id: AccountId, tenantId: TenantId): Promise<Admission> {
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
    accountId: AccountId,
    admission: Admission,
    { bytes, passphrase }: Pick<IncomingSession, 'bytes' | 'passphrase'>,
  ): Promise<number> {
    try {
      const { generation } = await this.#deps.vault.importSnapshot(accountId, bytes, passphrase);
      return generation;
    } catch (thrown) {
      await this.#takeBack(accountId, admission, async () => undefined);
      throw thrown;
    }
  }

  async #start(accountId: AccountId, admission: Admission): Promise<void> {
    const { db, channel } = this.#deps;
    try {
      // Before the start: what is not linked would be thrown away by the next reconnect.
      await saveImported(db, accountId);
      await channel.start(accountId);
    } catch (thrown) {
      await this.#takeBack(accountId, admission, () => channel.abandon(accountId));
      throw thrown;
    }
  }

  /** Never rejects: the reason of the failure is worth more than what could not be undone. */
  async #takeBack(accountId: AccountId, admission: Admission, destroy: () => Promise<void>): Promise<void> {
    const { db, log } = this.#deps;
    try {
      await destroy();
      if (admission === 'created') await purgeAccount(db, accountId);
      if (admission === 'revived') await markAccountDeleted(db, accountId);
    } catch (thrown) {
      const error = toError(thrown).message;
      log.error('Something is left of an import that failed', { accountId, error });
    }
  }
}

function makeRefusal(message: string): AppError {
  return new AppError('ALREADY_LINKED', { message });
}
