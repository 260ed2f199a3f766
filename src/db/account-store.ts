import { sql } from 'kysely';
import type { AccountStore, LinkedIdentity } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import { isKept, rowToAccount } from './account-row.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { appendAlert, appendState } from './session-event-store.ts';
import { toStorable } from './storable-text.ts';

const UNIQUE_VIOLATION = '23505';
/** More generations than a session seals that are not entered yet: while the database is away, or just now. */
const UNENTERED = 1_000;
const NOW = sql<Date>`now()`;

/** Accounts that a user wants connected on this instance, or on any. */
function isWantedOn(instanceId: InstanceId) {
  return sql<boolean>`wanted and (instance_id = ${instanceId} or instance_id is null) and ${isKept}`;
}

/** Makes the store that sessions write to. Writing to an account that was deleted changes nothing. */
export function makeAccountStore(db: Executor): AccountStore {
  const change = (id: AccountId) => db.updateTable('accounts').where('id', '=', id).where(isKept);
  return {
    async getAccount(id) {
      const row = await db
        .selectFrom('accounts')
        .selectAll()
        .where('id', '=', id)
        .where(isKept)
        .executeTakeFirst();
      if (row === undefined) throw new AppError('ACCOUNT_NOT_FOUND');
      return rowToAccount(row);
    },

    async listWanted(instanceId) {
      const rows = await db
        .selectFrom('accounts')
        .selectAll()
        .where(isWantedOn(instanceId))
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(rowToAccount);
    },

    async saveStarting(instanceId) {
      await db.transaction().execute(async (trx) => {
        const started = await trx
          .updateTable('accounts')
          .set({
            last_disconnected_at: sql<Date | null>`case when state = 'connected' then now()
              else last_disconnected_at end`,
            state_since: NOW,
            state: 'starting',
            reason: null,
            // Of a page that is gone: a scan would not be heard.
            qr: null,
            qr_expires_at: null,
            pairing_code: null,
            pairing_code_expires_at: null,
          })
          .where(isWantedOn(instanceId))
          .returning('id')
          .execute();
        for (const { id } of started) {
          await appendState(trx, { accountId: id as AccountId, instanceId, state: 'starting', reason: null });
        }
      });
    },

    async saveWanted(id, wanted, instanceId) {
      await change(id).set({ wanted, instance_id: instanceId }).execute();
    },

    async saveState(id, { state, reason, attempt, lastError }) {
      await db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('accounts')
          .set({
            last_disconnected_at: sql<Date | null>`case when state = 'connected' and ${state} <> 'connected'
              then now() else last_disconnected_at end`,
            state_since: sql<Date>`case when state <> ${state} or reason is distinct from ${reason}::text
              then now() else state_since end`,
            state,
            reason,
            ...(state === 'connected' ? { last_error: null } : {}),
            ...(lastError === undefined ? {} : { last_error: toStorable(lastError) }),
          })
          .where('id', '=', id)
          .where(isKept)
          .returning('instance_id')
          .executeTakeFirst();
        if (row === undefined) return;
        const instanceId = row.instance_id as InstanceId | null;
        await appendState(trx, { accountId: id, instanceId, state, reason, attempt, error: lastError });
      });
    },

    async saveAlert(id, alert) {
      await appendAlert(db, id, alert);
    },

    async saveQr(id, qr) {
      await change(id)
        .set({ qr: qr?.text ?? null, qr_expires_at: qr?.expiresAt ?? null })
        .execute();
    },

    async savePairingCode(id, code) {
      await change(id)
        .set({ pairing_code: code?.text ?? null, pairing_code_expires_at: code?.expiresAt ?? null })
        .execute();
    },

    async saveLinked(id, identity) {
      try {
        await db.transaction().execute((trx) => link(trx, id, identity));
      } catch (thrown) {
        // The only unique index that this touches is that of linked numbers.
        if (findSqlState(thrown) !== UNIQUE_VIOLATION) throw thrown;
        throw new AppError('ALREADY_LINKED', {
          message: 'The number is linked to another account already.',
          cause: thrown,
        });
      }
    },

    async saveOver(id, instanceId) {
      await change(id)
        .set({
          wanted: false,
          linked: false,
          wid: null,
          instance_id: instanceId,
          // Whoever is cut off from here on, every instance knows what is to be removed.
          vault_wiped_through: sql<number>`greatest(vault_wiped_through, coalesce(
            (select max(generation) from vault_snapshots where account_id = accounts.id), 0) + ${UNENTERED})`,
        })
        .execute();
    },

    async listOver(instanceId) {
      const rows = await db
        .selectFrom('accounts')
        .select('id')
        .where('wanted', '=', false)
        .where('linked', '=', false)
        .where('first_linked_at', 'is not', null)
        .where(sql<boolean>`(instance_id = ${instanceId} or instance_id is null)`)
        .execute();
      return rows.map(({ id }) => id as AccountId);
    },
  };
}

async function link(trx: Executor, id: AccountId, identity: LinkedIdentity): Promise<void> {
  const row = await trx
    .updateTable('accounts')
    .set({
      linked: true,
      wid: identity.wid,
      // A page that tells no number leaves that of this link; one of an earlier link says nothing.
      phone_number:
        identity.phoneNumber ?? sql<string | null>`case when linked then phone_number else null end`,
      profile_name: toStorable(identity.profileName),
      first_linked_at: sql<Date>`coalesce(first_linked_at, now())`,
      state_since: sql<Date>`case when state = 'connected' then state_since else now() end`,
      state: 'connected',
      reason: null,
      last_error: null,
      last_connected_at: NOW,
      qr: null,
      qr_expires_at: null,
      pairing_code: null,
      pairing_code_expires_at: null,
    })
    .where('id', '=', id)
    .where(isKept)
    .returning('instance_id')
    .executeTakeFirst();
  if (row === undefined) return;
  const instanceId = row.instance_id as InstanceId | null;
  await appendState(trx, { accountId: id, instanceId, state: 'connected', reason: null });
}
