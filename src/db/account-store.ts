import { sql } from 'kysely';
import type { AccountStore, HistoryListener, LinkedIdentity } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import { isKept, rowToAccount } from './account-row.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { appendAlert, appendState } from './session-event-store.ts';
import { toStorable } from './storable-text.ts';

const UNIQUE_VIOLATION = '23505';
const NOW = sql<Date>`now()`;
const STARTING = { state: 'starting', reason: null } as const;
const CONNECTED = { state: 'connected', reason: null } as const;

/** Accounts that a user wants connected on this instance, or on any. */
function isWantedOn(instanceId: InstanceId) {
  return sql<boolean>`wanted and (instance_id = ${instanceId} or instance_id is null) and ${isKept}`;
}

const NOBODY: HistoryListener = { onState: () => undefined, onAlert: () => undefined };

/**
 * Makes the store that sessions write to. Writing to an account that was deleted changes nothing. The listener hears each
 * entry of the history once, after it was committed; one whose commit was never answered it does not hear.
 */
export function makeAccountStore(db: Executor, history: HistoryListener = NOBODY): AccountStore {
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
      const entered = await db.transaction().execute(async (trx) => {
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
        let count = 0;
        for (const { id } of started) {
          const entry = { accountId: id as AccountId, instanceId, ...STARTING };
          if (await appendState(trx, entry)) count += 1;
        }
        return count;
      });
      for (let nth = 0; nth < entered; nth += 1) history.onState(STARTING);
    },

    async saveWanted(id, wanted, instanceId) {
      await change(id).set({ wanted, instance_id: instanceId }).execute();
    },

    async saveState(id, { state, reason, attempt, lastError }) {
      const isEntered = await db.transaction().execute(async (trx) => {
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
        if (row === undefined) return false;
        const instanceId = row.instance_id as InstanceId | null;
        return appendState(trx, { accountId: id, instanceId, state, reason, attempt, error: lastError });
      });
      if (isEntered) history.onState({ state, reason, ...(attempt === undefined ? {} : { attempt }) });
    },

    async saveAlert(id, alert) {
      await appendAlert(db, id, alert);
      history.onAlert(alert);
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
        const isEntered = await db.transaction().execute((trx) => link(trx, id, identity));
        if (isEntered) history.onState(CONNECTED);
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
      await change(id).set({ wanted: false, linked: false, wid: null, instance_id: instanceId }).execute();
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

/** True if the account has become connected by it. */
async function link(trx: Executor, id: AccountId, identity: LinkedIdentity): Promise<boolean> {
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
  if (row === undefined) return false;
  const instanceId = row.instance_id as InstanceId | null;
  return appendState(trx, { accountId: id, instanceId, ...CONNECTED });
}
