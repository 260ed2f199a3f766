import { type RawBuilder, sql, type Updateable, type UpdateObject } from 'kysely';
import type { AccountStore, HistoryListener, LinkedIdentity, SessionChange } from '../accounts/account.ts';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { parseReasonCode, REASONS, staysWanted } from '../accounts/reason.ts';
import { listLiveStates, type SessionState } from '../accounts/state.ts';
import { AppError } from '../lib/errors.ts';
import { leaveEarlierLink } from './account-link.ts';
import { isKept, rowToAccount } from './account-row.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { type LeaseFence, NO_FENCE } from './lease-fence.ts';
import type { AccountTable, Database } from './schema.ts';
import { appendAlert, appendState, appendStates } from './session-event-store.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

const UNIQUE_VIOLATION = '23505';
/** More generations than a session seals that are not entered yet: while the database is away, or just now. */
const UNENTERED = 1_000;
const NOW = sql<Date>`now()`;
const STARTING = { state: 'starting', reason: null } as const;
const CONNECTED = { state: 'connected', reason: null } as const;

/** Of a page that is gone: a scan would not be heard. */
const NO_CODES = { qr: null, qr_expires_at: null, pairing_code: null, pairing_code_expires_at: null };

/** States that are true only while there is a session. */
const SESSION_IS_THERE = [...listLiveStates(), 'closing'] as const;

/** Accounts of this instance, or of none, that no other holds. */
function isOf(instanceId: InstanceId) {
  return sql<boolean>`(instance_id = ${instanceId} or (instance_id is null and lease_run is null))`;
}

/** Accounts that a user wants connected on this instance, or on any. */
function isWantedOn(instanceId: InstanceId) {
  return sql<boolean>`wanted and ${isOf(instanceId)} and ${isKept}`;
}

/** What else of the row changes with its state. */
type More = Pick<Updateable<AccountTable>, 'wanted' | 'linked' | 'wid' | 'instance_id'>;

interface StoreOptions {
  readonly more?: More;
  readonly signal?: AbortSignal | undefined;
}

interface AccountStoreDeps {
  readonly history?: HistoryListener;
  /** What is written about one account is written under its lease. */
  readonly fence?: LeaseFence;
}

const NOBODY: HistoryListener = { onState: () => undefined, onAlert: () => undefined };

/**
 * Makes the store that sessions write to. Writing to an account that was deleted changes nothing. The listener hears each
 * entry of the history once, after it was committed; one whose commit was never answered it does not hear.
 */
export function makeAccountStore(
  db: Executor,
  { history = NOBODY, fence = NO_FENCE }: AccountStoreDeps = {},
): AccountStore {
  const change = async (id: AccountId, set: UpdateObject<Database, 'accounts'>, signal?: AbortSignal) => {
    const condition = fence.condition(id);
    await unlessGivenUp(db, signal, async (trx) => {
      const updated = await trx
        .updateTable('accounts')
        .set(set)
        .where('id', '=', id)
        .where(isKept)
        .where(condition)
        .executeTakeFirst();
      if (updated.numUpdatedRows === 0n) await fence.requireGone(trx, id);
    });
  };
  const store = async (id: AccountId, entered: SessionChange, { more = {}, signal }: StoreOptions) => {
    const condition = fence.condition(id);
    const isEntered = await unlessGivenUp(db, signal, async (trx) => {
      const entry = await enter(trx, id, entered, { more, condition });
      if (entry === 'no-row') await fence.requireGone(trx, id);
      return entry === 'entered';
    });
    const { state, reason, attempt } = entered;
    if (isEntered) history.onState({ state, reason, ...(attempt === undefined ? {} : { attempt }) });
  };
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
        // Where there is no room for all, a link comes before a code that may never be scanned.
        .orderBy('linked', 'desc')
        .orderBy('created_at')
        .orderBy('id')
        .execute();
      return rows.map(rowToAccount);
    },

    async saveStarting(instanceId) {
      const entered = await transact(db, async (trx) => {
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
        const ids = started.map(({ id }) => id as AccountId);
        return await appendStates(trx, ids, { instanceId, ...STARTING });
      });
      for (let nth = 0; nth < entered; nth += 1) history.onState(STARTING);
    },

    async saveCutOff(instanceId) {
      const entered = await transact(db, async (trx) => {
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
        const changes: SessionChange[] = [];
        for (const { id, reason } of cutOff) {
          const rest = { state: 'disconnected', reason: parseReasonCode(String(reason)) } as const;
          if (await appendState(trx, { accountId: id as AccountId, instanceId, ...rest })) changes.push(rest);
        }
        return changes;
      });
      for (const change of entered) history.onState(change);
    },

    async saveStart(id, instanceId) {
      await store(id, STARTING, { more: { wanted: true, instance_id: instanceId } });
    },

    async saveRest(id, { reason, lastError }, signal) {
      const { state, keepsLink } = REASONS[reason];
      const change = { state, reason, ...(lastError === undefined ? {} : { lastError }) };
      const more = {
        ...(staysWanted(reason) ? {} : { wanted: false }),
        ...(keepsLink ? {} : { linked: false, wid: null }),
      };
      await store(id, change, { more, signal });
    },

    async saveState(id, change, signal) {
      await store(id, change, { signal });
    },

    async saveAlert(id, alert, signal) {
      const condition = fence.condition(id);
      const isEntered = await unlessGivenUp(db, signal, async (trx) => {
        // Nobody takes the account before this is committed.
        const query = trx.selectFrom('accounts').select('id').where('id', '=', id).where(isKept);
        const row = await query.where(condition).forShare().executeTakeFirst();
        if (row === undefined) await fence.requireGone(trx, id);
        else await appendAlert(trx, id, alert);
        return row !== undefined;
      });
      if (isEntered) history.onAlert(alert);
    },

    async saveQr(id, qr, signal) {
      await change(id, { qr: toStorable(qr?.text ?? null), qr_expires_at: qr?.expiresAt ?? null }, signal);
    },

    async savePairingCode(id, code, signal) {
      const set = {
        pairing_code: toStorable(code?.text ?? null),
        pairing_code_expires_at: code?.expiresAt ?? null,
      };
      await change(id, set, signal);
    },

    async saveLinked(id, identity, signal) {
      try {
        const condition = fence.condition(id);
        const isEntered = await unlessGivenUp(db, signal, async (trx) => {
          const entry = await link(trx, id, identity, condition);
          if (entry === 'no-row') await fence.requireGone(trx, id);
          return entry === 'entered';
        });
        if (isEntered) history.onState(CONNECTED);
      } catch (thrown) {
        // The only unique index that this touches is that of the tenant's linked numbers.
        if (findSqlState(thrown) !== UNIQUE_VIOLATION) throw thrown;
        throw new AppError('ALREADY_LINKED', {
          message:
            'The number is linked to another account already. Use that account, or disconnect it first.',
          cause: thrown,
        });
      }
    },

    async saveOver(id, instanceId) {
      await change(id, {
        wanted: false,
        linked: false,
        wid: null,
        instance_id: instanceId,
        // Whoever is cut off from here on, every instance knows what is to be removed.
        vault_wiped_through: sql<number>`greatest(vault_wiped_through, coalesce(
          (select max(generation) from vault_snapshots where account_id = accounts.id), 0) + ${UNENTERED})`,
      });
    },

    async listOver(instanceId) {
      const rows = await db
        .selectFrom('accounts')
        .select('id')
        .where('wanted', '=', false)
        .where('linked', '=', false)
        .where('first_linked_at', 'is not', null)
        .where(isOf(instanceId))
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
  return await transact(db, async (trx) => {
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

/** What became of a state that was to be stored: `same` if the account was in it already. */
type Entry = 'entered' | 'same' | 'no-row';

/** Stores a state, with what follows from it, and appends it to the history. */
async function enter(
  trx: Executor,
  id: AccountId,
  { state, reason, attempt, lastError }: SessionChange,
  { more, condition }: { readonly more: More; readonly condition: RawBuilder<boolean> },
): Promise<Entry> {
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
    .where(condition)
    .returning('instance_id')
    .executeTakeFirst();
  if (row === undefined) return 'no-row';
  const instanceId = row.instance_id as InstanceId | null;
  const isNew = await appendState(trx, {
    accountId: id,
    instanceId,
    state,
    reason,
    attempt,
    error: lastError,
  });
  return isNew ? 'entered' : 'same';
}

/** Stores who is linked; `entered` if the account has become connected by it. */
async function link(
  trx: Executor,
  id: AccountId,
  identity: LinkedIdentity,
  condition: RawBuilder<boolean>,
): Promise<Entry> {
  await leaveEarlierLink(trx, id, identity.phoneNumber);
  const row = await trx
    .updateTable('accounts')
    .set({
      linked: true,
      wid: identity.wid,
      // A page that tells no number leaves that of this link; one of an earlier link says nothing.
      phone_number:
        identity.phoneNumber ?? sql<string | null>`case when linked then phone_number else null end`,
      last_phone_number: sql<
        string | null
      >`coalesce(${identity.phoneNumber}::text, phone_number, last_phone_number)`,
      profile_name: toStorable(identity.profileName),
      first_linked_at: sql<Date>`coalesce(first_linked_at, now())`,
      state_since: sql<Date>`case when state = 'connected' then state_since else now() end`,
      state: 'connected',
      reason: null,
      last_error: null,
      last_connected_at: NOW,
      ...NO_CODES,
    })
    .where('id', '=', id)
    .where(isKept)
    .where(condition)
    .returning('instance_id')
    .executeTakeFirst();
  if (row === undefined) return 'no-row';
  const instanceId = row.instance_id as InstanceId | null;
  return (await appendState(trx, { accountId: id, instanceId, ...CONNECTED })) ? 'entered' : 'same';
}
