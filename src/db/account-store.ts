import { type RawBuilder, sql, type Updateable } from 'kysely';
import type { AccountStore, LinkedIdentity, SessionChange } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { parseReasonCode, REASONS, staysWanted } from '../accounts/reason.ts';
import { listLiveStates, type SessionState } from '../accounts/state.ts';
import { AppError } from '../lib/errors.ts';
import { isKept, rowToAccount } from './account-row.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import type { AccountTable } from './schema.ts';
import { appendAlert, appendState } from './session-event-store.ts';
import { toStorable } from './storable-text.ts';

const UNIQUE_VIOLATION = '23505';
const NOW = sql<Date>`now()`;

/** Of a page that is gone: a scan would not be heard. */
const NO_CODES = { qr: null, qr_expires_at: null, pairing_code: null, pairing_code_expires_at: null };

/** States that are true only while there is a session. */
const SESSION_IS_THERE = [...listLiveStates(), 'closing'] as const;

/** Accounts of this instance, or of none. */
function isOf(instanceId: InstanceId) {
  return sql<boolean>`(instance_id = ${instanceId} or instance_id is null)`;
}

/** Accounts that a user wants connected on this instance, or on any. */
function isWantedOn(instanceId: InstanceId) {
  return sql<boolean>`wanted and ${isOf(instanceId)} and ${isKept}`;
}

/** Makes the store that sessions write to. Writing to an account that was deleted changes nothing. */
export function makeAccountStore(db: Executor): AccountStore {
  const change = (id: AccountId, trx: Executor = db) =>
    trx.updateTable('accounts').where('id', '=', id).where(isKept);
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
            ...NO_CODES,
          })
          .where(isWantedOn(instanceId))
          .returning('id')
          .execute();
        for (const { id } of started) {
          await appendState(trx, { accountId: id as AccountId, instanceId, state: 'starting', reason: null });
        }
      });
    },

    async saveCutOff(instanceId) {
      await db.transaction().execute(async (trx) => {
        const cutOff = await trx
          .updateTable('accounts')
          .set({
            ...stateEntered(
              'disconnected',
              sql`case when linked then 'exported' else 'user_disconnected' end`,
            ),
            ...NO_CODES,
          })
          .where('wanted', '=', false)
          .where('state', 'in', SESSION_IS_THERE)
          .where(isOf(instanceId))
          .where(isKept)
          .returning(['id', 'reason'])
          .execute();
        for (const { id, reason } of cutOff) {
          await appendState(trx, {
            accountId: id as AccountId,
            instanceId,
            state: 'disconnected',
            reason: reason === null ? null : parseReasonCode(reason),
          });
        }
      });
    },

    async saveStart(id, instanceId) {
      await db
        .transaction()
        .execute((trx) =>
          enter(trx, id, { state: 'starting', reason: null }, { wanted: true, instance_id: instanceId }),
        );
    },

    async saveRest(id, { reason, lastError }, signal) {
      const { state, keepsLink } = REASONS[reason];
      await unlessGivenUp(db, signal, (trx) =>
        enter(
          trx,
          id,
          { state, reason, ...(lastError === undefined ? {} : { lastError }) },
          {
            ...(staysWanted(reason) ? {} : { wanted: false }),
            ...(keepsLink ? {} : { linked: false, wid: null }),
          },
        ),
      );
    },

    async saveState(id, change, signal) {
      await unlessGivenUp(db, signal, (trx) => enter(trx, id, change));
    },

    async saveAlert(id, alert, signal) {
      await unlessGivenUp(db, signal, (trx) => appendAlert(trx, id, alert));
    },

    async saveQr(id, qr, signal) {
      await unlessGivenUp(db, signal, (trx) =>
        change(id, trx)
          .set({ qr: toStorable(qr?.text ?? null), qr_expires_at: qr?.expiresAt ?? null })
          .execute(),
      );
    },

    async savePairingCode(id, code, signal) {
      await unlessGivenUp(db, signal, (trx) =>
        change(id, trx)
          .set({
            pairing_code: toStorable(code?.text ?? null),
            pairing_code_expires_at: code?.expiresAt ?? null,
          })
          .execute(),
      );
    },

    async saveLinked(id, identity, signal) {
      try {
        await unlessGivenUp(db, signal, (trx) => link(trx, id, identity));
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

/**
 * A transaction that takes no effect once the signal has aborted: whoever gave it up, because it was not answered, has
 * written the same by another connection since, and perhaps more.
 */
async function unlessGivenUp<T>(
  db: Executor,
  signal: AbortSignal | undefined,
  work: (trx: Executor) => Promise<T>,
): Promise<T> {
  return await db.transaction().execute(async (trx) => {
    signal?.throwIfAborted();
    const result = await work(trx);
    signal?.throwIfAborted();
    return result;
  });
}

/** What entering a state does to a row, besides what caused it. */
function stateEntered(state: SessionState, reason: RawBuilder<unknown>) {
  return {
    last_disconnected_at: sql<Date | null>`case when state = 'connected' and ${state} <> 'connected'
      then now() else last_disconnected_at end`,
    state_since: sql<Date>`case when state <> ${state} or reason is distinct from ${reason}
      then now() else state_since end`,
    state,
    reason: sql<string | null>`${reason}`,
  };
}

/** Stores a state, with what follows from it, and appends it to the history. */
async function enter(
  trx: Executor,
  id: AccountId,
  { state, reason, attempt, lastError }: SessionChange,
  more: Pick<Updateable<AccountTable>, 'wanted' | 'linked' | 'wid' | 'instance_id'> = {},
): Promise<void> {
  const row = await trx
    .updateTable('accounts')
    .set({
      ...stateEntered(state, sql`${reason}::text`),
      ...(state === 'connected' ? { last_error: null } : {}),
      ...(lastError === undefined ? {} : { last_error: toStorable(lastError) }),
      ...more,
    })
    .where('id', '=', id)
    .where(isKept)
    .returning('instance_id')
    .executeTakeFirst();
  if (row === undefined) return;
  const instanceId = row.instance_id as InstanceId | null;
  await appendState(trx, { accountId: id, instanceId, state, reason, attempt, error: lastError });
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
