import { sql } from 'kysely';
import type { Executor } from './database.ts';

/** Takes QR codes away that can no longer be scanned. Returns how many those were. */
export async function clearExpiredQrCodes(db: Executor): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('accounts')
    .set({ qr: null, qr_expires_at: null })
    .where('qr_expires_at', '<', sql<Date>`now()`)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}
