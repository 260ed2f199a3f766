import { sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { parseSessionState, SESSION_STATES } from '../accounts/state.ts';
import { insertAccount, type NewAccount } from './account-directory.ts';
import { leaveEarlierLink } from './account-link.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';

/**
 * How an account stands whose session comes from another host: it was created now; it was brought back with its history
 * after it had been deleted; it is here and rests without a link. Or it cannot be taken in: it is linked or running, here or
 * on another instance, or
 * another tenant has its id.
 */
export type Admission = 'created' | 'revived' | 'present' | 'linked' | 'foreign';

/** Makes sure that there is an account under this very id, as far as that may be. */
export async function admitAccount(db: Executor, account: NewAccount): Promise<Admission> {
  return await transact(db, async (trx) => {
    const row = await trx
      .selectFrom('accounts')
      .select(['tenant_id', 'deleted_at', 'linked', 'wanted', 'state'])
      .select(isHeldElsewhere(account.instanceId).as('is_held_elsewhere'))
      .where('id', '=', account.id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) {
      await insertAccount(trx, account);
      return 'created';
    }
    if (row.tenant_id !== account.tenantId) return 'foreign';
    // Its session may still be coming to its end there.
    if (row.is_held_elsewhere) return 'linked';
    if (row.deleted_at !== null) {
      await revive(trx, account);
      return 'revived';
    }
    const isLive = SESSION_STATES[parseSessionState(row.state)].live;
    if (row.linked || row.wanted || isLive) return 'linked';
    // Its start would take it over all the same, but its snapshot comes before that.
    await trx
      .updateTable('accounts')
      .set({ instance_id: account.instanceId })
      .where('id', '=', account.id)
      .execute();
    return 'present';
  });
}

function isHeldElsewhere(instanceId: InstanceId) {
  return sql<boolean>`exists (select from instances where run = accounts.lease_run and instance_id <> ${instanceId})`;
}

async function revive(trx: Executor, { id, instanceId }: NewAccount): Promise<void> {
  await trx
    .updateTable('accounts')
    .set({
      deleted_at: null,
      instance_id: instanceId,
      state: 'registered',
      state_since: sql<Date>`now()`,
      reason: null,
      last_error: null,
    })
    .where('id', '=', id)
    .execute();
}

/** The account has a link that was made elsewhere; whose number it is will be known once it is connected. */
export async function saveImported(db: Executor, id: AccountId): Promise<void> {
  await transact(db, async (trx) => {
    await leaveEarlierLink(trx, id);
    await trx
      .updateTable('accounts')
      .set({
        linked: true,
        first_linked_at: sql<Date>`coalesce(first_linked_at, now())`,
        phone_number: null,
        last_phone_number: sql<string | null>`coalesce(phone_number, last_phone_number)`,
      })
      .where('id', '=', id)
      .where(isKept)
      .execute();
  });
}
