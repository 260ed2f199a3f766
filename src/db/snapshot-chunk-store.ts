import { createReadStream } from 'node:fs';
import { sql } from 'kysely';
import type { AccountId } from '../accounts/ids.ts';
import { AppError, toError } from '../lib/errors.ts';
import { makeDamaged } from '../vault/snapshot.ts';
import type { SnapshotBackup } from '../vault/snapshot-backup.ts';
import type { Executor } from './database.ts';
import { transact } from './transaction.ts';

/** What a row holds: few enough to be cheap, small enough to be held in memory with ease. */
const CHUNK_BYTES = 1024 ** 2;

/** Makes the backup that the database itself is. It holds one chunk in memory at a time. */
export function makeDatabaseBackup(db: Executor): SnapshotBackup {
  const chunksOf = (accountId: AccountId, generations: readonly number[]) =>
    sql<boolean>`account_id = ${accountId} and generation = any(${generations}::bigint[])`;
  return {
    name: 'database',

    async save({ accountId, generation, path }) {
      await translated('written', () =>
        transact(db, async (trx) => {
          await lockCopies(trx, accountId);
          await trx
            .deleteFrom('vault_chunks')
            .where(chunksOf(accountId, [generation]))
            .execute();
          let number = 0;
          for await (const data of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
            await trx
              .insertInto('vault_chunks')
              .values({ account_id: accountId, generation, number, data })
              .execute();
            number += 1;
          }
        }),
      );
    },

    async *read(accountId, generation) {
      for (let number = 0; ; number += 1) {
        const row = await translated('read', () =>
          db
            .selectFrom('vault_chunks')
            .select('data')
            .where(chunksOf(accountId, [generation]))
            .where('number', '=', number)
            .executeTakeFirst(),
        );
        if (row === undefined && number === 0) {
          throw makeDamaged('its copy in the database is gone', { accountId, generation });
        }
        // Whether this is the end of it, or a chunk is missing, shows in the sealed bytes themselves.
        if (row === undefined) return;
        yield row.data;
      }
    },

    async remove(accountId, generations) {
      await translated('removed', () =>
        transact(db, async (trx) => {
          await lockCopies(trx, accountId);
          await trx.deleteFrom('vault_chunks').where(chunksOf(accountId, generations)).execute();
        }),
      );
    },
  };
}

/** Copies of an account are written and removed one after another: none that is under way outlives its removal. */
async function lockCopies(trx: Executor, accountId: AccountId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`vault:${accountId}`}, 0))`.execute(trx);
}

async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const message = `The copy in the database could not be ${what} (${toError(thrown).message}).`;
    throw new AppError('VAULT_STORAGE_FAILED', { message, cause: thrown });
  }
}
