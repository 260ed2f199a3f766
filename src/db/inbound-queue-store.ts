/** Which inbound queues there may be in Redis: one for each instance that has had a run, until it is known to be empty. */
import { sql } from 'kysely';
import type { InstanceId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';

/** The queue of an instance that has no run. */
export interface LeftQueue {
  readonly instanceId: InstanceId;
  /** The one that it entered last; 0 if that is not known. */
  readonly lastRun: number;
}

/** The instance may have a queue from now on; in the transaction that enters its run. */
export async function noteInboundQueue(trx: Executor, instanceId: InstanceId, run: number): Promise<void> {
  await sql`
    insert into inbound_queues (instance_id, run) values (${instanceId}, ${run})
    on conflict (instance_id) do update set run = excluded.run`.execute(trx);
}

/** Queues of instances that have no run, for the run whose part it is to empty them: the oldest that goes on. Others get none. */
export async function listLeftQueues(db: Executor, run: number): Promise<readonly LeftQueue[]> {
  const { rows } = await sql<{ instance_id: string; run: string }>`
    select instance_id, run from inbound_queues
    where not exists (select from instances where instances.instance_id = inbound_queues.instance_id)
      and ${run}::bigint = (select min(run) from instances where not draining and lease_until > clock_timestamp())
    order by instance_id`.execute(db);
  return rows.map((row) => ({ instanceId: row.instance_id as InstanceId, lastRun: Number(row.run) }));
}

/** Nothing is in the queue, nor will be, unless the instance has entered another run since. */
export async function forgetLeftQueue(db: Executor, { instanceId, lastRun }: LeftQueue): Promise<void> {
  await sql`delete from inbound_queues where instance_id = ${instanceId} and run = ${lastRun}`.execute(db);
}
