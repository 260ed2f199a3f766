/**
 * Who is alive among the daemons that share a database: each holds an advisory lock on its name for as long as its
 * connection lives, so that the server itself notices when one is gone. The lock is shared: it never keeps a daemon out
 * whose former connection still lingers. A short outage of the connection is no death, see `adoptAbandonedAccounts`.
 */
import { Socket } from 'node:net';
import { type RawBuilder, sql } from 'kysely';
import type pg from 'pg';
import type { InstanceId } from '../accounts/ids.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Executor } from './database.ts';
import { connectSession, makeSessionClient } from './server-session.ts';

/** How long the lock of an instance must have been free before it counts as gone, in milliseconds. */
const GRACE_MS = 5_000;

/** The pauses before tries to take the lock again, in milliseconds; the last is kept. Well within the grace. */
const RETAKE_PAUSES_MS = [0, 100, 250, 500, 1_000] as const;

/** A server that does not answer a goodbye is left without one after this, in milliseconds. */
const CLOSE_DEADLINE_MS = 1_000;

export interface PresenceOptions {
  /** Anything `pg` takes; it is a session of the server itself that counts, none of a pooler. */
  readonly connection: pg.ClientConfig;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

/**
 * Shows the others that this instance is alive, until it is disposed. A connection that breaks is logged and made anew.
 * @throws what `pg` throws if the first connection fails
 */
export async function openInstancePresence(options: PresenceOptions): Promise<AsyncDisposable> {
  const presence = new InstancePresence(options);
  await presence.take();
  return presence;
}

class InstancePresence implements AsyncDisposable {
  readonly #options: PresenceOptions;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #socket: Socket | undefined;
  #retaking: Promise<void> = Promise.resolve();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Takes the lock on a new connection, and takes it again whenever that one ends. */
  async take(): Promise<void> {
    const { connection, instanceId } = this.#options;
    const client = makeSessionClient({
      ...connection,
      stream: () => {
        this.#socket = new Socket();
        return this.#socket;
      },
    });
    // Why it broke comes as an error and that it is over as its end; the latter always comes.
    client.on('error', (thrown) =>
      this.#options.log.debug('The connection broke that shows this instance', describe(thrown)),
    );
    this.#client = client;
    try {
      await connectSession(client);
      await client.query('select pg_advisory_lock_shared(hashtextextended($1, 0))', [lockName(instanceId)]);
    } catch (thrown) {
      await client.end().catch(() => undefined);
      throw thrown;
    }
    client.once('end', () => {
      if (!this.#closing.signal.aborted) this.#retaking = this.#retake();
    });
  }

  /** Never rejects; ends when the lock is held again, or with the presence. */
  async #retake(): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#closing;
    log.warn('Other instances cannot see this one until it reaches the database again');
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await waitMs(RETAKE_PAUSES_MS[attempt] ?? RETAKE_PAUSES_MS.at(-1) ?? 0, signal);
        await this.take();
        log.info('Other instances can see this one again');
        return;
      } catch (thrown) {
        if (!signal.aborted) log.debug('The database is still away', describe(thrown));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the presence is closed'));
    try {
      await withDeadline(this.#close(), CLOSE_DEADLINE_MS, 'Closing the connection that shows this instance');
    } catch (thrown) {
      this.#options.log.warn('The connection was cut that shows this instance', describe(thrown));
      this.#socket?.destroy();
    }
  }

  /** Twice, since a try that was under way may have made another connection. */
  async #close(): Promise<void> {
    await this.#client?.end();
    await this.#retaking;
    await this.#client?.end();
  }
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}

/**
 * True if another instance than this one shows itself at this moment. The presences alone take shared advisory locks, one
 * key an instance, however many connections hold it.
 */
export async function hasOtherInstances(db: Executor, own: InstanceId): Promise<boolean> {
  const { rows } = await sql<{ has_others: boolean }>`
    select exists (
      select from pg_locks
      where database = (select oid from pg_database where datname = current_database())
        and locktype = 'advisory' and mode = 'ShareLock' and objsubid = 1 and granted
        and ((classid::bigint << 32) | objid::bigint) <> hashtextextended(${lockName(own)}, 0)
    ) as has_others`.execute(db);
  return rows[0]?.has_others === true;
}

/** True if nobody holds the lock of an instance, now and still after a grace; one that is there costs no wait. */
export async function isInstanceGone(
  db: Executor,
  instanceId: InstanceId,
  { signal, graceMs = GRACE_MS }: { readonly signal: AbortSignal; readonly graceMs?: number },
): Promise<boolean> {
  const isFree = async () => {
    const { rows } = await freeAmong(sql`select ${instanceId}::text as instance_id`).execute(db);
    return rows.length > 0;
  };
  if (!(await isFree())) return false;
  await waitMs(graceMs, signal);
  return isFree();
}

/** Accounts that were taken over, by the instance that had them. */
export interface Adoption {
  readonly from: InstanceId;
  readonly accounts: number;
}

/**
 * Takes over the wanted accounts of instances that are gone: nobody holds their lock, now and still after a grace in
 * which one that only lost its connection takes it again. Without such accounts there is no wait. Those of a live
 * instance are never touched, and of two that adopt at the same moment only one gets an account. The caller holds a
 * presence of its own.
 */
export async function adoptAbandonedAccounts(
  db: Executor,
  instanceId: InstanceId,
  { signal, graceMs = GRACE_MS }: { readonly signal: AbortSignal; readonly graceMs?: number },
): Promise<readonly Adoption[]> {
  const candidates = await listAbandoned(db, instanceId);
  if (candidates.length === 0) return [];
  await waitMs(graceMs, signal);
  // The locks are held until the change is there: whoever comes back in this moment waits, and then sees it.
  const { rows } = await sql<{ from: string; accounts: number }>`
    with gone as materialized (${freeAmong(sql`select unnest(${candidates}::text[]) as instance_id`)}),
    adopted as (
      update accounts set instance_id = ${instanceId} from gone
      where accounts.instance_id = gone.instance_id and ${isAdoptable}
      returning gone.instance_id
    )
    select instance_id as "from", count(*)::integer as accounts from adopted group by instance_id order by 1
  `.execute(db);
  return rows.map(({ from, accounts }) => ({ from: from as InstanceId, accounts }));
}

const isAdoptable = sql<boolean>`accounts.wanted and accounts.deleted_at is null`;

/** Instances other than this one that have wanted accounts and whose lock is free at this moment. */
async function listAbandoned(db: Executor, own: InstanceId): Promise<readonly string[]> {
  const owners = sql`select distinct instance_id from accounts where instance_id <> ${own} and ${isAdoptable}`;
  const { rows } = await freeAmong(owners).execute(db);
  return rows.map(({ instance_id }) => instance_id);
}

/** Materialized, so that the locks of these instances are tried and no others; they are free again with the transaction. */
function freeAmong(instances: RawBuilder<unknown>): RawBuilder<{ instance_id: string }> {
  return sql`
    with instances as materialized (${instances})
    select instance_id from instances
    where pg_try_advisory_xact_lock(hashtextextended(${lockName('')} || instance_id, 0))`;
}

function lockName(instanceId: string): string {
  return `instance:${instanceId}`;
}
