import { type RawBuilder, sql } from 'kysely';
import { messageIdToInstant } from '../accounts/ids.ts';

/**
 * Conditions that find messages by their ids. Messages are partitioned by their timestamp, which their ids carry: with
 * it beside the id PostgreSQL looks into one partition instead of into all.
 */

/** That the row of `table` (the name or alias of `messages`) is the message with this id. */
export function isMessage(id: string, table = 'messages'): RawBuilder<boolean> {
  const at = messageIdToInstant(id);
  if (at === undefined) return sql<boolean>`false`;
  return sql<boolean>`(${sql.ref(`${table}.id`)} = ${id}::uuid
    and ${sql.ref(`${table}.timestamp`)} = ${at.toISOString()}::timestamptz)`;
}

/** That the row of `table` (the name or alias of `messages`) is one of the messages with these ids. */
export function isOneOfMessages(ids: readonly string[], table = 'messages'): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(`${table}.id`)} = any(${ids}::uuid[]) and ${isWithinRange(ids, table)})`;
}

/** That the row of `table` lies no earlier and no later than the messages with these ids: for joins on the id. */
export function isWithinRange(ids: readonly string[], table = 'messages'): RawBuilder<boolean> {
  const instants = ids.flatMap((id) => messageIdToInstant(id)?.getTime() ?? []);
  const first = instants.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = instants.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (instants.length === 0) return sql<boolean>`false`;
  return sql<boolean>`${sql.ref(`${table}.timestamp`)}
    between ${new Date(first).toISOString()}::timestamptz and ${new Date(last).toISOString()}::timestamptz`;
}
