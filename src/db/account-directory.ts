import { type Selectable, sql } from 'kysely';
import type { Account, Pairing } from '../accounts/account.ts';
import type { AccountId, InstanceId, TenantId } from '../accounts/ids.ts';
import type { AccountScope } from '../accounts/principal.ts';
import { type HealthStatus, parseSessionState, type SessionState } from '../accounts/state.ts';
import { isInScope } from './account-grant-store.ts';
import { isKept, rowToAccount } from './account-row.ts';
import { appendChanges, type MessageChange } from './change-log.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import type { AccountTable } from './schema.ts';
import { dealSlots, lockLimits } from './slot-store.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';

const INVALID_PARAMETER = '22023';

/** An account with its counters of the date that it is now in its time zone. */
export interface AccountToday {
  readonly account: Account;
  readonly sentToday: number;
  readonly receivedToday: number;
  /** What users were last told of its health, and which level of its daily limit they were told of today; see health.ts. */
  readonly told: { readonly health: HealthStatus; readonly limitLevel: number };
}

export interface NewAccount {
  readonly id: AccountId;
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  readonly expectedPhoneNumber: string | null;
  /** By QR code if it is not said. */
  readonly pairing?: Pairing;
  readonly displayName: string | null;
  readonly dailyLimit: number;
  readonly timezone: string;
}

/** What a user may change of an account. */
export interface AccountChange {
  readonly displayName?: string | null | undefined;
  readonly dailyLimit?: number | undefined;
  readonly timezone?: string | undefined;
  readonly isActive?: boolean | undefined;
}

export async function insertAccount(db: Executor, account: NewAccount): Promise<void> {
  await db
    .insertInto('accounts')
    .values({
      id: account.id,
      tenant_id: account.tenantId,
      instance_id: account.instanceId,
      expected_phone_number: account.expectedPhoneNumber,
      pairing: account.pairing ?? 'qr',
      display_name: toStorable(account.displayName),
      daily_limit: account.dailyLimit,
      timezone: account.timezone,
    })
    .execute();
}

/** Takes back an account whose first start was refused: no session has seen it and no message belongs to it. */
export async function deleteUnusedAccount(db: Executor, id: AccountId): Promise<void> {
  await db.deleteFrom('accounts').where('id', '=', id).where('first_linked_at', 'is', null).execute();
}

/** True if some account of the tenant holds the number. */
export async function isNumberLinked(
  db: Executor,
  tenantId: TenantId,
  phoneNumber: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('accounts')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('phone_number', '=', phoneNumber)
    .where('linked', '=', true)
    .executeTakeFirst();
  return row !== undefined;
}

/** True if PostgreSQL knows the time zone, whose day boundaries it has to tell. */
export async function isTimezoneKnown(db: Executor, timezone: string): Promise<boolean> {
  try {
    await sql`select now() at time zone ${timezone}`.execute(db);
    return true;
  } catch (thrown) {
    if (findSqlState(thrown) === INVALID_PARAMETER) return false;
    throw thrown;
  }
}

/** An account in the scope; undefined for every other, also another tenant's, and for one that was deleted. */
export async function findAccountToday(
  db: Executor,
  scope: AccountScope,
  id: AccountId,
): Promise<AccountToday | undefined> {
  const row = await selectToday(db).where(isInScope(scope)).where('accounts.id', '=', id).executeTakeFirst();
  return row && rowToToday(row);
}

/** An account of whatever tenant; undefined for one that was deleted. Not for answering users. */
export async function findAccountTodayOfAny(db: Executor, id: AccountId): Promise<AccountToday | undefined> {
  const row = await selectToday(db).where('accounts.id', '=', id).executeTakeFirst();
  return row && rowToToday(row);
}

/** All accounts of all tenants. Not for answering users. */
export async function listAllAccountsToday(db: Executor): Promise<readonly AccountToday[]> {
  return (await selectToday(db).execute()).map(rowToToday);
}

/** How many accounts of the instance are in which state; a state that none is in is missing. */
export async function countAccountsByState(
  db: Executor,
  instanceId: InstanceId,
): Promise<ReadonlyMap<SessionState, number>> {
  const rows = await db
    .selectFrom('accounts')
    .select(['state', sql<number>`count(*)::integer`.as('count')])
    .where('instance_id', '=', instanceId)
    .where(isKept)
    .groupBy('state')
    .execute();
  return new Map(rows.map(({ state, count }) => [parseSessionState(state), count]));
}

/** The accounts in the scope, oldest first. */
export async function listAccountsToday(
  db: Executor,
  scope: AccountScope,
  { limit, after }: PageRequest,
): Promise<Page<AccountToday>> {
  const rows = await selectToday(db)
    .where(isInScope(scope))
    .$if(after !== null, (query) =>
      query.where(
        sql<boolean>`(accounts.created_at, accounts.id) > (${after?.at}::timestamptz, ${after?.tie}::uuid)`,
      ),
    )
    .orderBy('accounts.created_at')
    .orderBy('accounts.id')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: rowToToday,
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

/** Ids of all accounts of the tenant, or of all tenants, oldest first. */
export async function listAccountIds(db: Executor, tenantId: TenantId | null): Promise<readonly AccountId[]> {
  const rows = await db
    .selectFrom('accounts')
    .select('id')
    .$if(tenantId !== null, (query) => query.where('tenant_id', '=', tenantId))
    .where(isKept)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id as AccountId);
}

/**
 * Changes what is given and nothing else. A new daily limit or time zone holds from this moment on, the instant `at`, also
 * for messages that wait.
 */
export async function updateAccount(
  db: Executor,
  id: AccountId,
  change: AccountChange,
  at: Date,
): Promise<void> {
  const set = {
    ...(change.displayName === undefined ? {} : { display_name: toStorable(change.displayName) }),
    ...(change.dailyLimit === undefined ? {} : { daily_limit: change.dailyLimit }),
    ...(change.timezone === undefined ? {} : { timezone: change.timezone }),
    ...(change.isActive === undefined ? {} : { is_active: change.isActive }),
  };
  if (Object.keys(set).length === 0) return;
  const update = (executor: Executor) =>
    executor.updateTable('accounts').set(set).where('id', '=', id).where(isKept).execute();
  if (change.dailyLimit === undefined && change.timezone === undefined) {
    await update(db);
    return;
  }
  await transact(db, async (trx) => {
    // The row first, as everybody locks it who needs both.
    await update(trx);
    await lockLimits(trx, id);
    const changes: MessageChange[] = [];
    await dealSlots(trx, id, at, changes);
    await appendChanges(trx, id, changes);
  });
}

function selectToday(db: Executor) {
  return db
    .selectFrom('accounts')
    .leftJoin('account_usage', (join) =>
      join
        .onRef('account_usage.account_id', '=', 'accounts.id')
        .on('local_date', '=', sql<string>`(now() at time zone accounts.timezone)::date`),
    )
    .selectAll('accounts')
    .select(['sent', 'received', instantText('accounts.created_at').as('position_at')])
    .select(
      sql<number>`case when told_limit_on = (now() at time zone accounts.timezone)::date then told_limit
        else 0 end`.as('told_level'),
    )
    .where(isKept);
}

function rowToToday(
  row: Selectable<AccountTable> & {
    readonly sent: number | null;
    readonly received: number | null;
    readonly told_level: number;
  },
): AccountToday {
  return {
    account: rowToAccount(row),
    sentToday: row.sent ?? 0,
    receivedToday: row.received ?? 0,
    told: { health: row.told_health as HealthStatus, limitLevel: row.told_level },
  };
}

/** True if there is any account, of whatever tenant. */
export async function hasAccounts(db: Executor): Promise<boolean> {
  const row = await db
    .selectFrom('accounts')
    .select('id')
    .where('deleted_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Accounts of this instance that rest and are not linked, of whatever tenant, oldest first. */
export async function listUnlinkedAccounts(
  db: Executor,
  instanceId: InstanceId,
): Promise<readonly Pick<Account, 'id' | 'displayName'>[]> {
  const rows = await db
    .selectFrom('accounts')
    .select(['id', 'display_name'])
    .where('instance_id', '=', instanceId)
    .where('linked', '=', false)
    .where('wanted', '=', false)
    .where(isKept)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id, display_name }) => ({ id: id as AccountId, displayName: display_name }));
}
