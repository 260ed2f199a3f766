import { sql } from 'kysely';
import type { TenantId } from '../accounts/ids.ts';
import type { Principal } from '../accounts/principal.ts';
import { GroupCommit } from '../lib/group-commit.ts';
import type { Executor } from './database.ts';
import { instantText, type Page, type PageRequest, rowsToPage } from './keyset.ts';
import { toStorable } from './storable-text.ts';

/** Entries of one insert: far below what a statement may have of parameters. */
const MAX_ENTRIES = 500;

/** Who changed what, and from where. */
export interface AuditEntry {
  readonly tenantId: TenantId;
  readonly actor: Pick<Principal, 'kind' | 'id' | 'name'>;
  /** The operation, as the OpenAPI document calls it. */
  readonly action: string;
  /** Id of what was changed. */
  readonly target: string | null;
  /** From which the request came. */
  readonly address: string;
  readonly requestId: string;
  readonly details: object | null;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly id: string;
  readonly at: Date;
}

/** Writes an entry; it is there for good once the promise resolves. Entries that come together share a transaction. */
export type WriteAudit = (entry: AuditEntry) => Promise<void>;

export function makeAuditWriter(db: Executor): WriteAudit {
  const group = new GroupCommit((entries: readonly AuditEntry[]) => insertEntries(db, entries), {
    max: MAX_ENTRIES,
  });
  return (entry) => group.add(entry);
}

export async function insertEntries(db: Executor, entries: readonly AuditEntry[]): Promise<void> {
  const rows = toStorable(entries).map(({ actor, details, ...entry }) => ({
    tenant_id: entry.tenantId,
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    action: entry.action,
    target: entry.target,
    address: entry.address,
    request_id: entry.requestId,
    details: details === null ? null : JSON.stringify(details),
  }));
  await db.insertInto('audit_log').values(rows).execute();
}

/** Which entries to list; every given condition must hold. */
export interface AuditFilter {
  /** Id of a key, or the `sub` of a user. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  /** Inclusive. */
  readonly since?: Date | undefined;
  /** Exclusive. */
  readonly until?: Date | undefined;
}

/** The tenant's entries, newest first. */
export async function listAudit(
  db: Executor,
  tenantId: TenantId,
  { actor, action, since, until }: AuditFilter,
  { limit, after }: PageRequest,
): Promise<Page<StoredAuditEntry>> {
  let query = db
    .selectFrom('audit_log')
    .selectAll()
    .select(instantText('at').as('position_at'))
    .where('tenant_id', '=', tenantId);
  if (actor !== undefined) query = query.where('actor_id', '=', actor);
  if (action !== undefined) query = query.where('action', '=', action);
  if (since !== undefined) query = query.where('at', '>=', since);
  if (until !== undefined) query = query.where('at', '<', until);
  if (after !== null)
    query = query.where(sql<boolean>`(at, id) < (${after.at}::timestamptz, ${after.tie}::bigint)`);
  const rows = await query
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return rowsToPage(rows, limit, {
    item: (row) => ({
      id: row.id,
      at: row.at,
      tenantId,
      actor: { kind: row.actor_kind === 'user' ? 'user' : 'key', id: row.actor_id, name: row.actor_name },
      action: row.action,
      target: row.target,
      address: row.address,
      requestId: row.request_id,
      details: row.details,
    }),
    position: (row) => ({ at: row.position_at, tie: row.id }),
  });
}
