/**
 * Whether a daemon of this name is alive: each holds an advisory lock on its name for as long as its connection lives, so
 * that the server itself notices when one is gone. The lock is shared: it never keeps a daemon out whose former connection
 * still lingers. That its connection is gone is no death, see `FormerRunWatch`.
 *
 * The same connection renews the instance's leases and hears when accounts become free: it is never busy with anything else.
 */
import { Socket } from 'node:net';
import { sql } from 'kysely';
import type pg from 'pg';
import type { InstanceId } from '../accounts/ids.ts';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { findSqlState } from './data-error.ts';
import type { Executor } from './database.ts';
import { LEASES_CHANNEL } from './lease-store.ts';
import { clientToExecutor, connectSession, makeSessionClient } from './server-session.ts';

/** The pauses before tries to take the lock again, in milliseconds; the last is kept. Well within the grace of former-run.ts. */
const RETAKE_PAUSES_MS = [0, 100, 250, 500, 1_000] as const;

/** A connection that does not show the instance within this is given up; milliseconds. */
const TAKE_DEADLINE_MS = 5_000;

/** A server that does not answer a goodbye is left without one after this, in milliseconds. */
const CLOSE_DEADLINE_MS = 1_000;

export interface PresenceOptions {
  /** Anything `pg` takes; it is a session of the server itself that counts, none of a pooler. */
  readonly connection: pg.ClientConfig;
  readonly instanceId: InstanceId;
  readonly log: Logger;
}

/** The connection by which an instance shows itself. */
export interface InstancePresence extends AsyncDisposable {
  /**
   * Does a short piece of work on it, which none of the pool's can hold up; one at a time. Where the work is not done within
   * the deadline, in milliseconds, or the connection fails, this rejects, and the next goes by a new connection. Work that
   * was not begun by then is never done; work that was may still take effect.
   */
  ask<T>(work: (db: Executor) => Promise<T>, deadlineMs: number): Promise<T>;
  /** Calls the listener when accounts have become free, and when that may have been notified unheard; it returns at once. */
  onFreed(listener: () => void): void;
}

/**
 * Shows the others that this instance is alive, until it is disposed. A connection that breaks is logged and made anew.
 * @throws what `pg` throws if the first connection fails
 */
export async function openInstancePresence(options: PresenceOptions): Promise<InstancePresence> {
  const presence = new PresenceKeeper(options);
  await presence.open();
  return presence;
}

interface Line {
  readonly client: pg.Client;
  readonly db: Executor;
  /** Ends it, whether or not the server answers. */
  cut(): void;
}

class PresenceKeeper implements InstancePresence {
  readonly #options: PresenceOptions;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  /** The connection, or the next one. */
  #line: Promise<Line>;
  /** The connection that was made last, which may have ended. */
  #latest: Line | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#line = this.#connect();
    this.#line.catch(() => undefined);
  }

  async open(): Promise<void> {
    await this.#line;
  }

  onFreed(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async ask<T>(work: (db: Executor) => Promise<T>, deadlineMs: number): Promise<T> {
    const asked = new AbortController();
    const answer = this.#line.then(async (line) => {
      // Given up while there was no connection, it is not begun any more.
      asked.signal.throwIfAborted();
      asked.signal.addEventListener('abort', line.cut);
      return await work(line.db);
    });
    try {
      return await withDeadline(answer, deadlineMs, 'An answer of the database');
    } catch (thrown) {
      // An error that the server told of is no fault of the connection.
      if (findSqlState(thrown) === undefined) asked.abort(thrown);
      throw thrown;
    }
  }

  /** Takes the lock on a new connection, and takes it again whenever that one ends. */
  async #connect(): Promise<Line> {
    const { connection, instanceId, log } = this.#options;
    const socket = new Socket();
    const client = makeSessionClient({ ...connection, stream: () => socket });
    const line = { client, db: clientToExecutor(client), cut: () => void socket.destroy() };
    this.#latest = line;
    // Why it broke comes as an error and that it is over as its end; the latter always comes.
    client.on('error', (thrown) =>
      log.debug('The connection broke that shows this instance', describe(thrown)),
    );
    client.on('notification', () => this.#tellFreed());
    try {
      await withDeadline(show(client, instanceId), TAKE_DEADLINE_MS, 'Showing this instance');
    } catch (thrown) {
      line.cut();
      throw thrown;
    }
    client.once('end', () => {
      if (!this.#closing.signal.aborted) this.#reconnect();
    });
    return line;
  }

  #reconnect(): void {
    this.#line = this.#retake();
    this.#line.catch(() => undefined);
  }

  /** Resolves when the lock is held again; rejects when the presence is closed. */
  async #retake(): Promise<Line> {
    const { log } = this.#options;
    const { signal } = this.#closing;
    log.warn('Other instances cannot see this one until it reaches the database again');
    for (let attempt = 0; ; attempt += 1) {
      await waitMs(RETAKE_PAUSES_MS[attempt] ?? RETAKE_PAUSES_MS.at(-1) ?? 0, signal);
      try {
        const line = await this.#connect();
        log.info('Other instances can see this one again');
        this.#tellFreed();
        return line;
      } catch (thrown) {
        signal.throwIfAborted();
        log.debug('The database is still away', describe(thrown));
      }
    }
  }

  #tellFreed(): void {
    for (const listener of this.#listeners) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the presence is closed'));
    try {
      await withDeadline(this.#close(), CLOSE_DEADLINE_MS, 'Closing the connection that shows this instance');
    } catch (thrown) {
      this.#options.log.warn('The connection was cut that shows this instance', describe(thrown));
      this.#latest?.cut();
    }
  }

  /** A try that is under way may still make another connection. */
  async #close(): Promise<void> {
    const line = await this.#line.catch(() => undefined);
    await (line ?? this.#latest)?.client.end();
  }
}

/** Holds the lock, and hears what is notified on leases, for as long as the connection lives. */
async function show(client: pg.Client, instanceId: InstanceId): Promise<void> {
  await connectSession(client);
  await client.query('select pg_advisory_lock_shared(hashtextextended($1, 0))', [lockName(instanceId)]);
  await client.query(`listen ${LEASES_CHANNEL}`);
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}

/**
 * True if another daemon shows itself under the name of the one that asks, which does so on the connection of its own
 * presence. A connection that broke may count for half a minute.
 */
export async function isShownByAnother(presence: Executor, own: InstanceId): Promise<boolean> {
  const { rows } = await sql<{ is_shown: boolean }>`
    select exists (
      select from pg_locks
      where database = (select oid from pg_database where datname = current_database())
        and locktype = 'advisory' and mode = 'ShareLock' and objsubid = 1 and granted
        and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${lockName(own)}, 0)
        and pid <> pg_backend_pid()
    ) as is_shown`.execute(presence);
  return rows[0]?.is_shown === true;
}

function lockName(instanceId: string): string {
  return `instance:${instanceId}`;
}
