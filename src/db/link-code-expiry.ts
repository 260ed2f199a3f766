import { sql } from 'kysely';
import type { Executor } from './database.ts';

/** Takes QR and pairing codes away that can no longer be used. Returns how many accounts had one. */
export async function clearExpiredLinkCodes(db: Executor): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('accounts')
    .set({
      qr: sql<string | null>`case when qr_expires_at < now() then null else qr end`,
      qr_expires_at: sql<Date | null>`case when qr_expires_at < now() then null else qr_expires_at end`,
      pairing_code: sql<
        string | null
      >`case when pairing_code_expires_at < now() then null else pairing_code end`,
      pairing_code_expires_at: sql<Date | null>`case when pairing_code_expires_at < now() then null
        else pairing_code_expires_at end`,
    })
    .where((eb) =>
      eb.or([
        eb('qr_expires_at', '<', sql<Date>`now()`),
        eb('pairing_code_expires_at', '<', sql<Date>`now()`),
      ]),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}
