/**
 * Files of media that lost a reference. Each instance may have files of its own, so an entry is not taken by whoever sees it
 * first: it stands for some days, in which every instance looks at it, and then goes.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';
import { transactOnce } from './transaction.ts';

/** Hashes of a page. */
const PAGE = 500;

/** How long an entry stands once its time has come: so long may an instance be away. */
const LOOKED_AT = '7 days';

/**
 * Files, by their SHA-256, that lost a reference before the instant `before` and that no message and no upload refers to
 * now, in pages.
 */
export async function* listUnreferredMedia(db: Executor, before: Date): AsyncGenerator<readonly string[]> {
  let after = '';
  while (true) {
    const { rows } = await sql<{ hash: string; referred: boolean }>`
      select hash, (exists (select from messages where media_sha256 = hash)
        or exists (select from media_uploads where sha256 = hash)) as referred
      from (
        select distinct sha256 as hash from media_leavings
        where left_at < ${before} and sha256 > ${after} order by sha256 limit ${PAGE}
      ) left_behind order by hash`.execute(db);
    yield rows.filter(({ referred }) => !referred).map(({ hash }) => hash);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.hash;
  }
}

/** Deletes entries that every instance has had time to look at. Returns how many. */
export async function deleteOldLeavings(db: Executor, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from media_leavings where left_at < ${before}::timestamptz - ${LOOKED_AT}::interval`.execute(db);
  return Number(numAffectedRows ?? 0);
}

/**
 * Lets storings and removings of one file wait for each other, over all instances, where a storage does nothing of the kind.
 * Work that is done here is short: it holds a connection of the database.
 */
export interface MediaLeavings {
  /** False if nobody will remove the file within the next days. */
  isLeft(sha256: string): Promise<boolean>;
  /** Does the work while nobody removes the file. */
  keeping<T>(sha256: string, work: () => Promise<T>): Promise<T>;
  /** Does the work, which removes the file, if it lost a reference before the instant and has none now; else false. */
  removing(sha256: string, before: Date, work: () => Promise<boolean>): Promise<boolean>;
}

export function makeMediaLeavings(db: Executor): MediaLeavings {
  return {
    async isLeft(sha256) {
      const { rows } = await sql`select from media_leavings where sha256 = ${sha256} limit 1`.execute(db);
      return rows.length > 0;
    },
    keeping: (sha256, work) =>
      transactOnce(db, async (trx) => {
        await lockFile(trx, sha256);
        return work();
      }),
    removing: (sha256, before, work) =>
      transactOnce(db, async (trx) => {
        await lockFile(trx, sha256);
        const { rows } = await sql`
          select where exists (select from media_leavings where sha256 = ${sha256} and left_at < ${before})
            and not exists (select from messages where media_sha256 = ${sha256})
            and not exists (select from media_uploads where sha256 = ${sha256})`.execute(trx);
        return rows.length > 0 && work();
      }),
  };
}

async function lockFile(trx: Executor, sha256: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`media:${sha256}`}, 0))`.execute(trx);
}
