/** The secrets of webhooks as they are stored: sealed, the newest apart from those before it that sign as well. */
import type { Selectable } from 'kysely';
import type { Executor } from './database.ts';
import type { EarlierSecretJson, WebhookTable } from './schema.ts';
import { transact } from './transaction.ts';

/** At most so many sign beside the newest: the headers of a request have their limits. */
const MOST_EARLIER = 4;

/** One that was replaced. */
export interface EarlierSecret {
  readonly sealed: Buffer;
  /** It signs as well until then. */
  readonly until: Date;
}

export interface SealedSecrets {
  readonly current: Buffer;
  /** Newest first; the time of some may be over. */
  readonly earlier: readonly EarlierSecret[];
}

/**
 * Replaces the secret; the one that it had until now signs as well until `previousUntil`, and those before it until their own
 * time is over, the newest four of them all. What waits is due: it may be that it could not be signed. `alongside` is done in the
 * same transaction.
 */
export function rotateSecret(
  db: Executor,
  {
    id,
    sealed,
    previousUntil,
    now,
    alongside,
  }: {
    readonly id: string;
    readonly sealed: Buffer;
    readonly previousUntil: Date;
    readonly now: Date;
    readonly alongside?: (trx: Executor) => Promise<void>;
  },
): Promise<void> {
  return transact(db, async (trx) => {
    const row = await trx
      .selectFrom('webhooks')
      .select(COLUMNS)
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (row === undefined) return;
    const before = rowToSecrets(row);
    const replaced = { sealed: before.current, until: previousUntil };
    const earlier = [replaced, ...before.earlier].filter(({ until }) => until > now).slice(0, MOST_EARLIER);
    await trx
      .updateTable('webhooks')
      .set({ ...secretsToRow({ current: sealed, earlier }), back_at: now })
      .where('id', '=', id)
      .execute();
    await alongside?.(trx);
  });
}

/** Seals all secrets anew that `reseal` gives another text for. Returns of how many webhooks. */
export async function resealSecrets(
  db: Executor,
  reseal: (id: string, sealed: Buffer) => Buffer | undefined,
): Promise<number> {
  const rows = await db.selectFrom('webhooks').select('id').select(COLUMNS).execute();
  let count = 0;
  for (const row of rows) {
    const { id } = row;
    const before = rowToSecrets(row);
    const sealed = reseal(id, before.current);
    const earlier = before.earlier.map((each) => ({ ...each, anew: reseal(id, each.sealed) }));
    if (sealed === undefined && earlier.every(({ anew }) => anew === undefined)) continue;
    const kept = earlier.map(({ anew, ...each }) => ({ ...each, sealed: anew ?? each.sealed }));
    const { numUpdatedRows } = await db
      .updateTable('webhooks')
      .set(secretsToRow({ current: sealed ?? before.current, earlier: kept }))
      .where('id', '=', id)
      // One that was rotated meanwhile is left alone.
      .where('sealed_secret', '=', before.current)
      .executeTakeFirst();
    count += Number(numUpdatedRows);
  }
  return count;
}

const COLUMNS = ['sealed_secret', 'earlier_secrets', 'sealed_previous', 'previous_until'] as const;

export function rowToSecrets(row: Pick<Selectable<WebhookTable>, (typeof COLUMNS)[number]>): SealedSecrets {
  const { sealed_secret: current, sealed_previous: previous, previous_until: until } = row;
  const earlier = row.earlier_secrets.map((each) => ({
    sealed: Buffer.from(each.sealed, 'base64'),
    until: new Date(each.until),
  }));
  // A daemon of the version before, which knows of one earlier secret, writes it there alone.
  const isKnown = earlier.some((each) => each.until.getTime() === until?.getTime());
  if (previous === null || until === null || isKnown) return { current, earlier };
  return { current, earlier: [{ sealed: previous, until }, ...earlier] };
}

function secretsToRow({ current, earlier }: SealedSecrets) {
  const [newest] = earlier;
  const rows = earlier.map(
    ({ sealed, until }): EarlierSecretJson => ({
      sealed: sealed.toString('base64'),
      until: until.toISOString(),
    }),
  );
  return {
    sealed_secret: current,
    earlier_secrets: JSON.stringify(rows),
    sealed_previous: newest?.sealed ?? null,
    previous_until: newest?.until ?? null,
  };
}
