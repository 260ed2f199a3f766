import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { type FindLease, type Lease, LeaseLostError } from '../instances/lease.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';

/** True of the account's row as long as the lease is the one that holds it. */
export function isUnder({ run, epoch }: Pick<Lease, 'run' | 'epoch'>): RawBuilder<boolean> {
  return sql<boolean>`accounts.lease_run = ${run} and accounts.lease_epoch = ${epoch}`;
}

/** The same where the account's row is no part of the statement. */
export function isHeld(accountId: AccountId, condition: RawBuilder<boolean>): RawBuilder<boolean> {
  return sql<boolean>`exists (select from accounts where id = ${accountId}::uuid and ${condition})`;
}

/** Keeps whoever lost an account from writing about it. */
export interface LeaseFence {
  /**
   * What has to be true of the account's row for a write; every row passes where there are no leases.
   * @throws LeaseLostError if no lease is held here
   */
  condition(accountId: AccountId): RawBuilder<boolean>;
  /**
   * To be called where a write found no row: an account that was deleted is nobody's.
   * @throws LeaseLostError if the account is there
   */
  requireGone(db: Executor, accountId: AccountId): Promise<void>;
}

/**
 * The account's row as a table of a statement that writes beside it, none if the fence lets nothing pass. Nobody takes the
 * account before that write is committed.
 */
export function selectHeld(accountId: AccountId, fence: LeaseFence): RawBuilder<unknown> {
  return sql`(select id from accounts where id = ${accountId}::uuid and ${fence.condition(accountId)} for share)`;
}

/**
 * The same for what a transaction writes from here on. False of an account that is gone: nothing is to be written of it.
 * @throws LeaseLostError if the fence lets nothing pass
 */
export async function lockHeld(trx: Executor, accountId: AccountId, fence: LeaseFence): Promise<boolean> {
  const { rows } = await selectHeld(accountId, fence).execute(trx);
  if (rows.length === 0) await fence.requireGone(trx, accountId);
  return rows.length > 0;
}

export const NO_FENCE: LeaseFence = {
  condition: () => sql<boolean>`true`,
  requireGone: async () => undefined,
};

export function makeLeaseFence(findLease: FindLease): LeaseFence {
  return {
    condition(accountId) {
      const lease = findLease(accountId);
      if (lease === undefined) throw new LeaseLostError();
      return isUnder(lease);
    },
    async requireGone(db, accountId) {
      const row = await db
        .selectFrom('accounts')
        .select('id')
        .where('id', '=', accountId)
        .where(isKept)
        .executeTakeFirst();
      if (row !== undefined) throw new LeaseLostError();
    },
  };
}
