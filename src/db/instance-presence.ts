/**
 * Says that an instance is at work, to all that share its database: an advisory lock on a connection of its own, which
 * PostgreSQL drops with the connection when the daemon dies. It needs a server, or a pooler, that keeps sessions.
 */
import { sql } from 'kysely';
import pg from 'pg';
import type { InstanceId } from '../accounts/ids.ts';
import { waitMs } from '../lib/abort.ts';
import { backoffDelayMs } from '../lib/backoff.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Executor } from './database.ts';

/** What is locked for an instance: a number made of its name. */
const lockOf = (instanceId: string) => sql`hashtextextended(${`switchboard instance ${instanceId}`}, 0)`;
const TAKE_LOCK = "select pg_try_advisory_lock(hashtextextended('switchboard instance ' || $1, 0)) as taken";

export interface PresenceDeps {
  readonly connection: pg.ClientConfig;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

/** Takes the lock, and again after each loss of the connection, until disposed. Resolves after the first try. */
export async function openInstancePresence(deps: PresenceDeps): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const first = Promise.withResolvers<void>();
  const loop = keepPresent(deps, stop.signal, first.resolve);
  await first.promise;
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('The instance stops.'));
      await loop;
    },
  };
}

/** Never rejects. */
async function keepPresent(deps: PresenceDeps, signal: AbortSignal, onTried: () => void): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      await holdLock(deps, signal, () => {
        attempt = 0;
        onTried();
      });
    } catch (thrown) {
      const error = toError(thrown).message;
      deps.log.debug('The presence of this instance is not known to the others', { error });
    }
    onTried();
    await waitMs(backoffDelayMs(Math.max(attempt, 1)), signal).catch(() => undefined);
  }
}

/** Resolves when the signal aborts, rejects when the connection is lost or another daemon holds the lock. */
async function holdLock(
  { connection, instanceId }: PresenceDeps,
  signal: AbortSignal,
  onHeld: () => void,
): Promise<void> {
  const client = new pg.Client({ ...connection, keepAlive: true });
  const lost = Promise.withResolvers<never>();
  client.on('error', lost.reject);
  client.on('end', () => lost.reject(new Error('The connection ended.')));
  lost.promise.catch(() => undefined);
  const onAbort = () => lost.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await client.connect();
    const { rows } = await client.query(TAKE_LOCK, [instanceId]);
    // A daemon that was killed a moment ago may still hold it.
    if (rows[0]?.taken !== true) throw new Error('Another daemon has the name of this instance.');
    onHeld();
    await lost.promise;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await client.end().catch(() => undefined);
  }
}

/** Takes over what belonged to instances that are no longer there. Returns how many accounts. */
export async function adoptAbandonedAccounts(db: Executor, instanceId: InstanceId): Promise<number> {
  const others = await db
    .selectFrom('accounts')
    .select('instance_id')
    .distinct()
    .where('instance_id', 'is not', null)
    .where('instance_id', '!=', instanceId)
    .execute();
  let adopted = 0;
  for (const { instance_id: other } of others) {
    if (other !== null) adopted += await adoptFrom(db, other, instanceId);
  }
  return adopted;
}

async function adoptFrom(db: Executor, other: string, instanceId: InstanceId): Promise<number> {
  return await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(${lockOf(other)}) as taken`.execute(trx);
    if (rows[0]?.taken !== true) return 0;
    const { numUpdatedRows } = await trx
      .updateTable('accounts')
      .set({ instance_id: instanceId })
      .where('instance_id', '=', other)
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  });
}
