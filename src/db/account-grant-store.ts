import { type RawBuilder, sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { AccountScope } from '../accounts/principal.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';

/** That somebody who does not see all accounts of the tenant may use this one. */
export interface AccountGrant {
  /** Id of a key, or the `sub` of a user. */
  readonly userId: string;
  /** Id of the principal that granted it. */
  readonly grantedBy: string;
  readonly grantedAt: Date;
}

/** That the row of `accounts` lies in the scope. */
export function isInScope({ tenantId, grantee }: AccountScope): RawBuilder<boolean> {
  const isOfTenant = sql<boolean>`accounts.tenant_id = ${tenantId}`;
  if (grantee === null) return isOfTenant;
  return sql<boolean>`(${isOfTenant} and exists (
    select from account_grants where account_grants.account_id = accounts.id and user_id = ${grantee}))`;
}

/** Lets the user use the account; one that has been deleted meanwhile is granted to nobody. May be called again. */
export async function saveGrant(
  db: Executor,
  { accountId, userId, grantedBy }: { accountId: AccountId; userId: string; grantedBy: string },
): Promise<void> {
  await sql`
    insert into account_grants (account_id, user_id, granted_by)
    select id, ${userId}, ${grantedBy} from accounts where id = ${accountId} and deleted_at is null for key share
    on conflict do nothing`.execute(db);
}

/** Ends that; may be called again. */
export async function deleteGrant(db: Executor, accountId: AccountId, userId: string): Promise<void> {
  await db
    .deleteFrom('account_grants')
    .where('account_id', '=', accountId)
    .where('user_id', '=', userId)
    .execute();
}

/** To whom the account was granted, oldest first. */
export async function listGrants(
  db: Executor,
  accountId: AccountId,
  { limit, after }: PageRequest,
): Promise<Page<AccountGrant>> {
  const rows = await db
    .selectFrom('account_grants')
    .select(['id', 'user_id', 'granted_by', 'granted_at', instantText('granted_at').as('position_at')])
    .where('account_id', '=', accountId)
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(granted_at, id) > (${after?.at}::timestamptz, ${after?.tie}::bigint)`),
    )
    .orderBy('granted_at')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: (row) => ({ userId: row.user_id, grantedBy: row.granted_by, grantedAt: row.granted_at }),
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

/** Ids of the accounts of the tenant that were granted to this user. */
export async function listGrantedAccounts(
  db: Executor,
  scope: AccountScope & { readonly grantee: string },
): Promise<readonly AccountId[]> {
  const rows = await db
    .selectFrom('account_grants')
    .innerJoin('accounts', 'accounts.id', 'account_grants.account_id')
    .select('accounts.id')
    .where('user_id', '=', scope.grantee)
    .where('tenant_id', '=', scope.tenantId)
    .where(isKept)
    .execute();
  return rows.map(({ id }) => id as AccountId);
}
