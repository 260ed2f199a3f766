/**
 * Which daemons told Socket.IO clients something of which the stream of events does not say yet that it is missing there: they
 * cannot reach the stream. Whoever lets a client go on where it was asks here first.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';

/** Longer than anybody was away who may go on: then a daemon that was killed is no hindrance any more. */
const KEPT = '4 minutes';

/** Notes that the daemon's clients are told something past the stream now. */
export async function noteGap(db: Executor, uid: string): Promise<void> {
  await sql`
    insert into realtime_gaps (uid, at) values (${uid}, clock_timestamp())
    on conflict (uid) do update set at = excluded.at`.execute(db);
}

/** The stream itself says it now. What others left is removed once it is of no use. */
export async function endGap(db: Executor, uid: string): Promise<void> {
  await sql`
    delete from realtime_gaps where uid = ${uid} or at < clock_timestamp() - ${KEPT}::interval`.execute(db);
}

/** Whether there is a gap of any daemon that the stream does not tell of. */
export async function isGapOpen(db: Executor): Promise<boolean> {
  const { rows } = await sql<{ open: boolean }>`
    select exists (
      select from realtime_gaps where at >= clock_timestamp() - ${KEPT}::interval
    ) as open`.execute(db);
  return rows[0]?.open === true;
}
