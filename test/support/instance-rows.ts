import { sql } from 'kysely';
import type { AccountId } from '../../src/accounts/ids.ts';
import type { Executor } from '../../src/db/database.ts';

/** The row of a run of an instance, whose lease lasts as long as a test. */
export async function insertRun(
  db: Executor,
  instanceId: string,
  {
    capacity = 10,
    draining = false,
    renewedAt = new Date(),
  }: { readonly capacity?: number; readonly draining?: boolean; readonly renewedAt?: Date } = {},
): Promise<number> {
  const { run } = await db
    .insertInto('instances')
    .values({
      instance_id: instanceId,
      process: `process of ${instanceId}`,
      capacity,
      draining,
      renewed_at: renewedAt,
      lease_until: new Date(Date.now() + 600_000),
    })
    .returning('run')
    .executeTakeFirstOrThrow();
  return Number(run);
}

/** Ends a run as an instance does that is found dead: all that it held is free. */
export async function endRun(db: Executor, run: number): Promise<void> {
  await db.deleteFrom('instances').where('run', '=', String(run)).execute();
}

/** Gives the account to a run, or to none. */
export async function giveTo(db: Executor, accountId: AccountId, run: number | null): Promise<void> {
  await sql`
    update accounts set lease_run = ${run}, lease_epoch = nextval('lease_epochs'),
      instance_id = coalesce((select instance_id from instances where run = ${run}), instance_id)
    where id = ${accountId}`.execute(db);
}
