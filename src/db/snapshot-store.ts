import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import type { IndexedSnapshot, SnapshotIndex } from '../vault/snapshot-index.ts';
import type { Executor } from './database.ts';

/** Makes the index of sealed snapshots. */
export function makeSnapshotIndex(db: Executor): SnapshotIndex {
  const rowsOf = (accountId: AccountId, generations: readonly number[]) =>
    sql<boolean>`account_id = ${accountId} and generation = any(${generations}::bigint[])`;
  return {
    async find(accountId) {
      const [rows, account] = await Promise.all([
        db
          .selectFrom('vault_snapshots')
          .selectAll()
          .where('account_id', '=', accountId)
          .orderBy('generation', 'desc')
          .execute(),
        db
          .selectFrom('accounts')
          .select('vault_wiped_through')
          .where('id', '=', accountId)
          .executeTakeFirst(),
      ]);
      const snapshots = rows.map(
        (row): IndexedSnapshot => ({
          accountId,
          generation: Number(row.generation),
          sealedAt: row.sealed_at,
          keyId: row.key_id,
          bytes: Number(row.bytes),
          copies: row.copies,
        }),
      );
      // Nothing of an account that is gone counts any more.
      const wipedThrough = account ? Number(account.vault_wiped_through) : (snapshots[0]?.generation ?? 0);
      return { snapshots, wipedThrough };
    },

    async save({ accountId, generation, sealedAt, keyId, bytes }) {
      const values = { sealed_at: sealedAt, key_id: keyId, bytes };
      await db
        .insertInto('vault_snapshots')
        .values({ account_id: accountId, generation, ...values })
        .onConflict((conflict) => conflict.columns(['account_id', 'generation']).doUpdateSet(values))
        .execute();
    },

    async saveCopy(accountId, generation, backup) {
      await db
        .updateTable('vault_snapshots')
        .set({ copies: sql<string[]>`array_append(array_remove(copies, ${backup}::text), ${backup}::text)` })
        .where(rowsOf(accountId, [generation]))
        .execute();
    },

    async removeCopies(accountId, generations, backup) {
      await db
        .updateTable('vault_snapshots')
        .set({ copies: sql<string[]>`array_remove(copies, ${backup}::text)` })
        .where(rowsOf(accountId, generations))
        .execute();
    },

    async remove(accountId, generations) {
      await db.deleteFrom('vault_snapshots').where(rowsOf(accountId, generations)).execute();
    },

    async saveWiped(accountId, through) {
      await db
        .updateTable('accounts')
        .set({
          linked: false,
          wid: null,
          vault_wiped_through: sql<number>`greatest(vault_wiped_through, ${through})`,
        })
        .where('id', '=', accountId)
        .execute();
    },

    async listUnfinishedWipes() {
      const rows = await db
        .selectFrom('vault_snapshots')
        .leftJoin('accounts', 'accounts.id', 'vault_snapshots.account_id')
        .select('vault_snapshots.account_id')
        .distinct()
        .where(sql<boolean>`accounts.id is null or generation <= accounts.vault_wiped_through`)
        .execute();
      return rows.map(({ account_id }) => account_id as AccountId);
    },
  };
}
