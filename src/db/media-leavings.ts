/**
 * Files of media that lost a reference. Each instance has files of its own, so an entry is not taken by whoever sees it
 * first: it stands for some days, in which every instance looks at it, and then goes.
 */
import { sql } from 'kysely';
import type { Executor } from './database.ts';

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
