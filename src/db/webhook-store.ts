import { randomUUID } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import type { AccountId, TenantId } from '../accounts/ids.ts';
import { AppError } from '../lib/errors.ts';
import type { EndpointHealth } from '../webhooks/endpoint-breaker.ts';
import type { WebhookEvent } from '../webhooks/event-types.ts';
import type { OwedSince } from '../webhooks/owed-since.ts';
import { beginReading, lockFeed } from './change-feed-store.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import type { WebhookTable } from './schema.ts';
import { toStorable } from './storable-text.ts';
import { transact } from './transaction.ts';
import { rowToSecrets, type SealedSecrets } from './webhook-secret-store.ts';

/** Enabled; disabled by a user; disabled since nothing was taken for days. */
export type WebhookStatus = 'enabled' | 'disabled' | 'failed';

export interface Webhook {
  readonly id: string;
  readonly tenantId: TenantId;
  /** Null for all accounts of the tenant. */
  readonly accountId: AccountId | null;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly WebhookEvent[];
  readonly status: WebhookStatus;
  readonly statusSince: Date;
  /** What happened before is none of its business. */
  readonly owedSince: OwedSince;
  readonly health: EndpointHealth;
  readonly secrets: SealedSecrets;
  readonly createdBy: string;
  readonly createdAt: Date;
}

export type NewWebhook = Pick<
  Webhook,
  'tenantId' | 'accountId' | 'url' | 'description' | 'events' | 'createdBy'
> & { readonly sealSecret: (id: string) => Buffer };

/** What a user may change of a webhook. */
export interface WebhookChange {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  readonly events?: readonly WebhookEvent[] | undefined;
  readonly enabled?: boolean | undefined;
}

/** Nobody reads while nobody is subscribed: what happened longer ago than this is then passed over. Milliseconds. */
const UNREAD_MS = 150_000;

/** Passes over what nobody has read for long, if nobody is owed it: the first who subscribes does not wait for all that. */
export async function passOverUnread(db: Executor): Promise<void> {
  if (!(await existWebhooks(db))) await beginReading(db, UNREAD_MS, existWebhooks);
}

/** So many a tenant may have: what happens is written down and sent for each of them. */
export const WEBHOOKS_OF_TENANT = 100;

/** `alongside` is done in the same transaction. @throws AppError TOO_MANY_WEBHOOKS */
export async function insertWebhook(
  db: Executor,
  webhook: NewWebhook,
  alongside?: (trx: Executor, made: Webhook) => Promise<void>,
): Promise<Webhook> {
  const id = randomUUID();
  return transact(db, async (trx) => {
    await lockFeed(trx);
    // Whoever else subscribes waits for that lock.
    const { count } = await trx
      .selectFrom('webhooks')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .where('tenant_id', '=', webhook.tenantId)
      .executeTakeFirstOrThrow();
    if (Number(count) >= WEBHOOKS_OF_TENANT) throw new AppError('TOO_MANY_WEBHOOKS');
    const row = await trx
      .insertInto('webhooks')
      .values({
        id,
        tenant_id: webhook.tenantId,
        account_id: webhook.accountId,
        url: webhook.url,
        description: toStorable(webhook.description),
        events: webhook.events,
        sealed_secret: webhook.sealSecret(id),
        created_by: webhook.createdBy,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const made = rowToWebhook(row);
    await alongside?.(trx, made);
    return made;
  });
}

/** The tenant's webhooks, oldest first. */
export async function listWebhooks(
  db: Executor,
  tenantId: TenantId,
  { limit, after }: PageRequest,
): Promise<Page<Webhook>> {
  const rows = await db
    .selectFrom('webhooks')
    .selectAll()
    .select(instantText('created_at').as('position_at'))
    .where('tenant_id', '=', tenantId)
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(created_at, id) > (${after?.at}::timestamptz, ${after?.tie}::uuid)`),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: rowToWebhook,
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}

export async function findWebhook(
  db: Executor,
  tenantId: TenantId,
  id: string,
): Promise<Webhook | undefined> {
  const row = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row && rowToWebhook(row);
}

/** An endpoint that is enabled anew, or another one, begins without failures: what waits is due. */
export async function changeWebhook(
  db: Executor,
  {
    tenantId,
    id,
    change,
    now,
  }: {
    readonly tenantId: TenantId;
    readonly id: string;
    readonly change: WebhookChange;
    readonly now: Date;
  },
): Promise<Webhook | undefined> {
  const { url, description, events, enabled } = change;
  const begins = url !== undefined || enabled === true;
  const status: WebhookStatus = enabled === false ? 'disabled' : 'enabled';
  const row = await transact(db, async (trx) => {
    if (enabled === true) await lockFeed(trx);
    return (
      trx
        .updateTable('webhooks')
        .set({
          ...(url === undefined ? {} : { url }),
          ...(description === undefined ? {} : { description: toStorable(description) }),
          ...(events === undefined ? {} : { events }),
          ...(begins ? { failures: 0, failing_since: null, rests_until: null, back_at: now } : {}),
        })
        .$if(enabled !== undefined, (query) =>
          query.set({
            status,
            status_since: sql`case when status = ${status} then status_since else now() end`,
            // What happened while it had failed is owed; what a user did not want is not.
            owed_since: sql`case when status = 'disabled' then clock_timestamp() else owed_since end`,
            owed_after: sql`case when status = 'disabled' then pg_current_snapshot() else owed_after end`,
          }),
        )
        // Of an empty change, too, there is something to set.
        .set({ tenant_id: tenantId })
        .where('id', '=', id)
        .where('tenant_id', '=', tenantId)
        .returningAll()
        .executeTakeFirst()
    );
  });
  return row && rowToWebhook(row);
}

/** Whether anybody is owed anything. */
export async function existWebhooks(db: Executor): Promise<boolean> {
  const { rows } = await sql<{ exist: boolean }>`
    select exists (select from webhooks where status <> 'disabled') as exist`.execute(db);
  return rows[0]?.exist === true;
}

/** Those of these tenants that are owed what happens: a failed one, too, finds it among its dead letters. */
export async function listSubscribed(
  db: Executor,
  tenantIds: readonly TenantId[],
): Promise<readonly Webhook[]> {
  if (tenantIds.length === 0) return [];
  const rows = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('tenant_id', 'in', tenantIds)
    .where('status', '<>', 'disabled')
    .orderBy('id')
    .execute();
  return rows.map(rowToWebhook);
}

export function rowToWebhook(row: Selectable<WebhookTable>): Webhook {
  return {
    id: row.id,
    tenantId: row.tenant_id as TenantId,
    accountId: row.account_id as AccountId | null,
    url: row.url,
    description: row.description,
    events: row.events as WebhookEvent[],
    status: row.status as WebhookStatus,
    statusSince: row.status_since,
    owedSince: { at: row.owed_since, snapshot: row.owed_after },
    health: {
      failures: row.failures,
      failingSince: row.failing_since?.getTime() ?? null,
      restsUntil: row.rests_until?.getTime() ?? null,
    },
    secrets: rowToSecrets(row),
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
