import { sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { parseSessionState, SESSION_STATES } from '../accounts/state.ts';
import { insertAccount, type NewAccount } from './account-directory.ts';
import { leaveEarlierLink } from './account-link.ts';
import { deleteAccountRows, hideAccount } from './account-removal.ts';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';

/** An account whose session may be taken in here, and how it stood before. */
export interface Admitted {
  readonly id: AccountId;
  readonly instanceId: InstanceId;
  /** It was created now; it was brought back with its history after it had been deleted; it is here and rests without a link. */
  readonly as: 'created' | 'revived' | 'present';
  /** Snapshots up to this one had been destroyed. Whoever links it anew, or ends a link, destroys more. */
  readonly wipedThrough: number;
}

/**
 * How an account stands whose session comes from another host. Or it cannot be taken in: it is linked or running, here or on
 * another instance, or another tenant has its id.
 */
export type Admission = Admitted | 'linked' | 'foreign';

/** Makes sure that there is an account under this very id, as far as that may be. */
export async function admitAccount(db: Executor, account: NewAccount): Promise<Admission> {
  const { id, instanceId } = account;
  return await transact(db, async (trx) => {
    const row = await lockStanding(trx, account);
    if (row === undefined) {
      await insertAccount(trx, account);
      return { id, instanceId, as: 'created', wipedThrough: 0 };
    }
    if (row.tenant_id !== account.tenantId) return 'foreign';
    const wipedThrough = Number(row.vault_wiped_through);
    // Its session may still be coming to its end there.
    if (row.is_held_elsewhere) return 'linked';
    if (row.deleted_at !== null) {
      await revive(trx, account);
      return { id, instanceId, as: 'revived', wipedThrough };
    }
    if (row.linked || !isAtRest(row)) return 'linked';
    // Its start would take it over all the same, but its snapshot comes before that.
    await trx.updateTable('accounts').set({ instance_id: instanceId }).where('id', '=', id).execute();
    return { id, instanceId, as: 'present', wipedThrough };
  });
}

type Standing = NonNullable<Awaited<ReturnType<typeof lockStanding>>>;

function lockStanding(trx: Executor, { id, instanceId }: Pick<Admitted, 'id' | 'instanceId'>) {
  return trx
    .selectFrom('accounts')
    .select(['tenant_id', 'instance_id', 'deleted_at', 'linked', 'wanted', 'state', 'vault_wiped_through'])
    .select(isHeldElsewhere(instanceId).as('is_held_elsewhere'))
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
}

/** Nobody wants it connected, and it has no session here or on another instance. */
function isAtRest(row: Standing): boolean {
  return !row.is_held_elsewhere && !row.wanted && !SESSION_STATES[parseSessionState(row.state)].live;
}

/** It is kept by the instance that admitted it, and no link of it was made anew or ended since. */
function isStillOurs(row: Standing, { instanceId, wipedThrough }: Admitted): boolean {
  const isOurs = row.deleted_at === null && row.instance_id === instanceId;
  return isOurs && Number(row.vault_wiped_through) === wipedThrough;
}

/** Locks the account; undefined if somebody else has started, linked, admitted or deleted it since it was admitted. */
async function lockAdmitted(trx: Executor, admitted: Admitted): Promise<Standing | undefined> {
  const row = await lockStanding(trx, admitted);
  return row !== undefined && isAtRest(row) && isStillOurs(row, admitted) ? row : undefined;
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

/**
 * The account has a link that was made elsewhere; whose number it is will be known once it is connected. False, and nothing is
 * changed, if it is not as it was admitted any more: an import may take long, or stand still.
 */
export async function saveImported(db: Executor, admitted: Admitted): Promise<boolean> {
  const { id } = admitted;
  return await transact(db, async (trx) => {
    const row = await lockAdmitted(trx, admitted);
    if (row === undefined || row.linked) return false;
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
      .execute();
    return true;
  });
}

/** True if the account has the link of this import, and is to be connected. */
export async function isImportWanted(db: Executor, admitted: Admitted): Promise<boolean> {
  return await transact(db, async (trx) => {
    const row = await lockStanding(trx, admitted);
    return row?.linked === true && row.wanted && !row.is_held_elsewhere && isStillOurs(row, admitted);
  });
}

/**
 * Takes an account back to how it stood before an import that failed, whose snapshot, if it has one, counts no more. False, and
 * nothing is changed, if the account is not this import's any more.
 */
export async function takeImportBack(db: Executor, admitted: Admitted, generation = 0): Promise<boolean> {
  const { id, as } = admitted;
  return await transact(db, async (trx) => {
    if ((await lockAdmitted(trx, admitted)) === undefined) return false;
    if (as === 'created') {
      await deleteAccountRows(trx, id);
      return true;
    }
    await trx
      .updateTable('accounts')
      .set({
        linked: false,
        vault_wiped_through: sql<number>`greatest(vault_wiped_through, ${generation}::bigint)`,
      })
      .where('id', '=', id)
      .execute();
    if (as === 'revived') await hideAccount(trx, id);
    return true;
  });
}
