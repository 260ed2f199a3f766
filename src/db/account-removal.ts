import type { AccountId } from '../accounts/ids.ts';
import type { Executor } from './database.ts';
import { lockAccountIngest } from './ingest-statements.ts';

/** Hides the account for good. Its messages stay, and its number may be linked elsewhere. */
export async function markAccountDeleted(db: Executor, id: AccountId): Promise<void> {
  await db
    .updateTable('accounts')
    .set({ deleted_at: new Date(), wanted: false, linked: false, qr: null, pairing_code: null })
    .where('id', '=', id)
    .execute();
}

/** Tables whose rows belong to one account; messages first, so that none is left that names a row that is gone. */
const OWNED_TABLES = [
  'message_reactions',
  'messages',
  'message_keys',
  'waiting_changes',
  'rejected_events',
  'account_usage',
  'session_events',
  'media_uploads',
  'idempotency_keys',
] as const;

/**
 * Removes the account and every row that belongs to it, all or nothing. Media files stay: they are shared by content
 * among accounts. An ingest that is under way is waited for, and later ones find no account to store for.
 */
export async function purgeAccount(db: Executor, id: AccountId): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await lockAccountIngest(trx, id);
    for (const table of OWNED_TABLES) await trx.deleteFrom(table).where('account_id', '=', id).execute();
    await trx.deleteFrom('accounts').where('id', '=', id).execute();
  });
}
