/** What the states of accounts have come to for webhooks, from one reading of the feed to the next. */
import { type Selectable, sql } from 'kysely';
import type { AnnounceView } from '../accounts/announce-rule.ts';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import type { ReasonCode } from '../accounts/reason.ts';
import { parseSessionState, type SessionState } from '../accounts/state.ts';
import type { Executor } from './database.ts';
import type { WebhookAccountViewTable } from './schema.ts';

/** Views whose trouble has lasted that are taken at a time. */
const HELD = 100;

export interface StoredView {
  /** The last entry of the account's history that it takes in. */
  readonly eventId: string;
  readonly view: AnnounceView;
}

/** The account's view, locked; undefined if there is none. */
export async function lockView(trx: Executor, accountId: AccountId): Promise<StoredView | undefined> {
  const row = await trx
    .selectFrom('webhook_account_views')
    .selectAll()
    .where('account_id', '=', accountId)
    .forUpdate()
    .executeTakeFirst();
  return row && { eventId: row.event_id, view: rowToView(row) };
}

/** The state that the account was in before this entry of its history, and the entry that says so. */
export async function findStateBefore(
  trx: Executor,
  accountId: AccountId,
  eventId: string,
): Promise<{ readonly eventId: string; readonly state: SessionState } | undefined> {
  const row = await trx
    .selectFrom('session_events')
    .select(['id', 'state'])
    .where('account_id', '=', accountId)
    .where('kind', '=', 'state')
    .where(sql<boolean>`id < ${eventId}::bigint`)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined || row.state === null) return undefined;
  return { eventId: row.id, state: parseSessionState(row.state) };
}

export async function saveView(
  trx: Executor,
  accountId: AccountId,
  { eventId, view }: StoredView,
): Promise<void> {
  const { announced, held } = view;
  const values = {
    event_id: eventId,
    told_state: announced?.state ?? null,
    told_reason: announced?.reason ?? null,
    held_state: held?.change.state ?? null,
    held_reason: held?.change.reason ?? null,
    held_until: held === null ? null : new Date(held.dueAt),
  };
  await trx
    .insertInto('webhook_account_views')
    .values({ account_id: accountId, ...values })
    .onConflict((conflict) => conflict.column('account_id').doUpdateSet(values))
    .execute();
}

/** Views whose trouble has lasted long enough, locked, with whose accounts they are. */
export async function takeHeld(
  trx: Executor,
  now: Date,
): Promise<readonly (StoredView & { readonly accountId: AccountId; readonly tenantId: TenantId })[]> {
  const rows = await trx
    .selectFrom('webhook_account_views as v')
    .innerJoin('accounts', 'accounts.id', 'v.account_id')
    .selectAll('v')
    .select('accounts.tenant_id')
    .where('held_until', '<=', now)
    .orderBy('account_id')
    .limit(HELD)
    .forUpdate('v')
    .skipLocked()
    .execute();
  return rows.map((row) => ({
    accountId: row.account_id as AccountId,
    tenantId: row.tenant_id as TenantId,
    eventId: row.event_id,
    view: rowToView(row),
  }));
}

/** When the next trouble will have lasted long enough. */
export async function findNextHeld(db: Executor): Promise<Date | undefined> {
  const row = await db
    .selectFrom('webhook_account_views')
    .select('held_until')
    .where('held_until', 'is not', null)
    .orderBy('held_until')
    .limit(1)
    .executeTakeFirst();
  return row?.held_until ?? undefined;
}

function rowToView(row: Selectable<WebhookAccountViewTable>): AnnounceView {
  const toChange = (state: string, reason: string | null) => ({
    state: parseSessionState(state),
    reason: reason as ReasonCode | null,
  });
  return {
    announced: row.told_state === null ? null : toChange(row.told_state, row.told_reason),
    held:
      row.held_state === null || row.held_until === null
        ? null
        : { change: toChange(row.held_state, row.held_reason), dueAt: row.held_until.getTime() },
  };
}
