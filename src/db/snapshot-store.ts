import { type Selectable, sql } from 'kysely';
import type { AccountId, InstanceId } from '../accounts/ids.ts';
import { type FindLease, LeaseLostError } from '../instances/lease.ts';
import { AppError } from '../lib/errors.ts';
import type { IndexedSnapshot, SnapshotIndex } from '../vault/snapshot-index.ts';
import { isKept } from './account-row.ts';
import type { Executor } from './database.ts';
import { isUnder } from './lease-fence.ts';
import type { VaultSnapshotTable } from './schema.ts';

/**
 * Makes the index of sealed snapshots, as this instance writes it: those of an account that it holds under that lease. A link
 * is destroyed under a lease only, where there are any.
 */
export function makeSnapshotIndex(
  db: Executor,
  instanceId: InstanceId,
  findLease?: FindLease,
): SnapshotIndex {
  const rowsOf = (accountId: AccountId, generations: readonly number[]) =>
    sql<boolean>`account_id = ${accountId} and generation = any(${generations}::bigint[])`;
  /** True of the account's row if another instance holds it, or this one under another lease by now. */
  const isElsewhere = (accountId: AccountId) => {
    const lease = findLease?.(accountId);
    const isOurs = lease === undefined ? sql<boolean>`instance_id = ${instanceId}` : isUnder(lease);
    return sql<boolean>`(instance_id is not null and not (${isOurs}))`;
  };
  const saveProfile = async (
    accountId: AccountId,
    profile: { readonly profile_epoch?: number; readonly profile_places: string[] },
  ) => {
    const { numUpdatedRows } = await db
      .updateTable('accounts')
      .set(profile)
      .where('id', '=', accountId)
      .where(sql<boolean>`not ${isElsewhere(accountId)}`)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) throw new LeaseLostError();
  };
  return {
    async find(accountId) {
      // In one statement: what the row says of the account is said of these snapshots.
      const rows = await db
        .selectFrom(sql<{ id: string }>`(select ${accountId}::uuid as id)`.as('asked'))
        .leftJoin('accounts', 'accounts.id', 'asked.id')
        .leftJoin('vault_snapshots', 'account_id', 'asked.id')
        .select(['vault_wiped_through', 'instance_id', 'profile_epoch'])
        .select(['generation', 'sealed_at', 'key_id', 'bytes', 'copies', 'sealed_by'])
        .orderBy('generation', 'desc')
        .execute();
      const snapshots = rows.filter(isEntered).map(
        (row): IndexedSnapshot => ({
          accountId,
          generation: Number(row.generation),
          sealedAt: row.sealed_at,
          keyId: row.key_id,
          bytes: Number(row.bytes),
          copies: row.copies,
          sealer: findSealer(row.sealed_by, instanceId),
        }),
      );
      // Nothing of an account that is gone counts any more.
      const [account] = rows;
      const wipedThrough = Number(account?.vault_wiped_through ?? snapshots[0]?.generation ?? 0);
      const isHeldHere = (account?.instance_id ?? instanceId) === instanceId;
      const epoch = account?.profile_epoch ?? null;
      return { snapshots, wipedThrough, isHeldHere, profileEpoch: epoch === null ? null : Number(epoch) };
    },

    async save({ accountId, generation, sealedAt, keyId, bytes, profileEpoch }) {
      const values = { sealed_at: sealedAt, key_id: keyId, bytes, sealed_by: instanceId };
      const isUsedSince = sql<boolean>`(profile_epoch > coalesce(${profileEpoch}::bigint, -1) and not exists (
        select from vault_snapshots
        where ${rowsOf(accountId, [generation])} and sealed_at = ${sealedAt}::timestamptz))`;
      const isRefused = sql<boolean>`exists (
        select from accounts where id = ${accountId} and (${isElsewhere(accountId)} or ${isUsedSince}))`;
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('vault_snapshots')
        .columns(['account_id', 'generation', 'sealed_at', 'key_id', 'bytes', 'sealed_by'])
        .expression(
          sql`select ${accountId}::uuid, ${generation}::bigint, ${sealedAt}::timestamptz, ${keyId}::text,
            ${bytes}::bigint, ${instanceId}::text where not ${isRefused}`,
        )
        .onConflict((conflict) =>
          conflict
            .columns(['account_id', 'generation'])
            .doUpdateSet(values)
            .where('vault_snapshots.sealed_at', '=', sealedAt),
        )
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 0n) return;
      throw heldElsewhere(accountId, 'or was since this was sealed: it is not entered');
    },

    async saveUse(accountId, epoch, place) {
      if (findLease !== undefined && findLease(accountId)?.epoch !== epoch) throw new LeaseLostError();
      await saveProfile(accountId, { profile_epoch: epoch, profile_places: [place] });
    },

    async findPlaces(accountId) {
      const account = await db
        .selectFrom('accounts')
        .select('profile_places')
        .where('id', '=', accountId)
        .executeTakeFirst();
      return account?.profile_places ?? [];
    },

    async savePlaces(accountId, places, epoch = findLease?.(accountId)?.epoch) {
      if (findLease !== undefined && (epoch === undefined || findLease(accountId)?.epoch !== epoch))
        throw new LeaseLostError();
      await saveProfile(accountId, { profile_places: [...places] });
    },

    async clearPlaces(accountId) {
      await saveProfile(accountId, { profile_places: [] });
    },

    async saveKey(accountId, generation, keyId) {
      await db
        .updateTable('vault_snapshots')
        .set({ key_id: keyId })
        .where(rowsOf(accountId, [generation]))
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

    async countOtherKeys(keyId) {
      const rows = await db
        .selectFrom('vault_snapshots')
        .innerJoin('accounts', 'accounts.id', 'vault_snapshots.account_id')
        .select(({ fn }) => ['key_id', 'instance_id', fn.countAll<string>().as('snapshots')])
        .where('key_id', '<>', keyId)
        .where(isKept)
        .whereRef('generation', '>', 'vault_wiped_through')
        .groupBy(['key_id', 'instance_id'])
        .orderBy('instance_id')
        .orderBy('key_id')
        .execute();
      return rows.map((row) => ({
        keyId: row.key_id,
        instanceId: row.instance_id,
        snapshots: Number(row.snapshots),
      }));
    },

    async saveWiped(accountId, through) {
      const epoch = findLease?.(accountId)?.epoch ?? null;
      const isLost = findLease !== undefined && epoch === null;
      const { rows } = await sql<{ is_elsewhere: boolean }>`
        with account as materialized (
          select id, (${isLost}::boolean or ${isElsewhere(accountId)}) as is_elsewhere
          from accounts where id = ${accountId} for update
        ), wiped as (
          update accounts set linked = false, wid = null,
            vault_wiped_through = greatest(vault_wiped_through, ${through}::bigint),
            profile_epoch = coalesce(${epoch}::bigint, profile_epoch), profile_places = '{}'
          from account where accounts.id = account.id and not is_elsewhere
        )
        select is_elsewhere from account`.execute(db);
      if (!rows[0]?.is_elsewhere) return;
      if (isLost) throw new LeaseLostError();
      throw heldElsewhere(accountId, 'whose link this one does not destroy');
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

    async listWiped(accounts) {
      const rows = await db
        .selectFrom('accounts')
        .select('id')
        .where(sql<boolean>`id = any(${accounts}::uuid[])`)
        .where(sql<boolean>`vault_wiped_through > 0`)
        .execute();
      return rows.map(({ id }) => id as AccountId);
    },
  };
}

/** The row of an account without snapshots names none. */
function isEntered<Row extends { readonly generation: unknown }>(
  row: Row,
): row is Row & Selectable<VaultSnapshotTable> {
  return row.generation !== null;
}

function findSealer(sealedBy: string | null, own: InstanceId): IndexedSnapshot['sealer'] {
  if (sealedBy === null) return 'unknown';
  return sealedBy === own ? 'here' : 'elsewhere';
}

function heldElsewhere(accountId: AccountId, what: string): AppError {
  return new AppError('VAULT_STORAGE_FAILED', {
    message: `The account ${accountId} is held by another instance, ${what}.`,
  });
}
