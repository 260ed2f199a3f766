import { sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';

/** The run that holds an account, and of which instance it is. */
export interface Holder {
  readonly run: number;
  readonly instanceId: InstanceId;
}

/** Who holds the account, also one that was deleted; undefined if nobody does. */
export async function findHolder(db: Executor, accountId: AccountId): Promise<Holder | undefined> {
  const row = await db
    .selectFrom('accounts')
    .innerJoin('instances', 'instances.run', 'accounts.lease_run')
    .select(['instances.run', 'instances.instance_id'])
    .where('accounts.id', '=', accountId)
    .executeTakeFirst();
  return row && rowToHolder(row);
}

/** Those of the accounts that another run holds than this one. */
export async function findHeldElsewhere(
  db: Executor,
  accountIds: readonly AccountId[],
  run: number | undefined,
): Promise<readonly AccountId[]> {
  const { rows } = await sql<{ id: string }>`
    select id from accounts where id = any(${accountIds}::uuid[]) and lease_run <> ${run ?? 0}::bigint`.execute(
    db,
  );
  return rows.map(({ id }) => id as AccountId);
}

/** Live instances that hold fewer accounts than they may, and do not hand over what they hold; most room first. */
export async function listRoom(db: Executor): Promise<readonly Holder[]> {
  const { rows } = await sql<{ run: string; instance_id: string }>`
    select run::text, instance_id from instances
    cross join lateral (select count(*) as held from accounts where lease_run = run) of_it
    where not draining and lease_until > clock_timestamp() and held < capacity
    order by capacity - held desc, run`.execute(db);
  return rows.map(rowToHolder);
}

function rowToHolder({ run, instance_id }: { readonly run: string; readonly instance_id: string }): Holder {
  return { run: Number(run), instanceId: instance_id as InstanceId };
}
