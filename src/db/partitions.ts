/**
 * The partitions of `messages`, one a month (UTC). Nothing depends on them being there: what lies in no month's
 * partition lies in the default one, and moves when its month is created.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';

/** How many months ahead of the current one are kept ready: a daemon that is away for long finds them. */
export const MONTHS_AHEAD = 3;

/**
 * How long it waits for others to leave the table before it gives up until the next time: everything that comes after
 * it would have to wait too, behind a dump of the database for hours.
 */
const LOCK_TIMEOUT = '2s';

/** A month, by its first instant and that of the next. */
interface Month {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Creates what is missing of the partitions from the month before `now` to `monthsAhead` months after it, and moves
 * what the default partition holds of them. Returns how many it created. Any number of daemons may call it at once.
 * @throws what the database throws; with SQLSTATE 55P03 if the table is in use for too long
 */
export async function ensurePartitions(db: Executor, now: Date, monthsAhead: number): Promise<number> {
  const months = Array.from({ length: monthsAhead + 2 }, (_, index) => monthOf(now, index - 1));
  if ((await listMissing(db, months)).length === 0) return 0;
  return transact(db, async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('partitions:messages', 0))`.execute(trx);
    const missing = await listMissing(trx, months);
    if (missing.length === 0) return 0;
    await lockPartitions(trx);
    for (const month of missing) await createPartition(trx, month);
    return missing.length;
  });
}

/**
 * Drops the partitions of months that were over before the instant `before`, the current one and the one before it
 * excepted, if nothing is left in them. Returns how many. What comes for such a month later lies in the default one.
 * @throws what the database throws; with SQLSTATE 55P03 if the table is in use for too long
 */
export async function dropEmptyPartitions(db: Executor, before: Date, now: Date): Promise<number> {
  const firstKept = [monthOf(before, 0).name, monthOf(now, -1).name].sort()[0] ?? '';
  const isOver = (name: string) => MONTH_NAME.test(name) && name < firstKept;
  let dropped = 0;
  for (const name of (await listPartitions(db)).filter(isOver)) {
    if (!(await isEmpty(db, name))) continue;
    dropped += await transact(db, async (trx) => {
      await lockPartitions(trx);
      if (!(await listPartitions(trx)).includes(name) || !(await isEmpty(trx, name))) return 0;
      await sql`drop table ${sql.table(name)}`.execute(trx);
      return 1;
    });
  }
  return dropped;
}

const MONTH_NAME = /^messages_\d{4}_\d{2}$/;

async function isEmpty(db: Executor, name: string): Promise<boolean> {
  const { rows } = await sql`select from ${sql.table(name)} limit 1`.execute(db);
  return rows.length === 0;
}

/** Nobody looks at a message until the transaction ends, nor holds a lock that it needs later. */
async function lockPartitions(trx: Executor): Promise<void> {
  await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT)}`.execute(trx);
  await sql`lock table messages in access exclusive mode`.execute(trx);
}

async function createPartition(trx: Executor, { name, from, to }: Month): Promise<void> {
  const partition = sql.table(name);
  await sql`create table ${partition} (like messages including defaults including statistics)`.execute(trx);
  await sql`
    with moved as (
      delete from messages_default
      where "timestamp" >= ${from}::timestamptz and "timestamp" < ${to}::timestamptz
      returning *
    )
    insert into ${partition} select * from moved`.execute(trx);
  await sql`
    alter table messages attach partition ${partition}
    for values from (${sql.lit(from)}) to (${sql.lit(to)})`.execute(trx);
}

async function listMissing(db: Executor, months: readonly Month[]): Promise<readonly Month[]> {
  const there = new Set(await listPartitions(db));
  return months.filter(({ name }) => !there.has(name));
}

async function listPartitions(db: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select child.relname as name
    from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = 'messages'::regclass`.execute(db);
  return rows.map(({ name }) => name);
}

function monthOf(now: Date, offset: number): Month {
  const first = (months: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString();
  const from = first(offset);
  return { name: `messages_${from.slice(0, 7).replace('-', '_')}`, from, to: first(offset + 1) };
}
