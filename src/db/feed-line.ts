/**
 * The line on which the daemons that share a database agree who of them tells changes on, and wake that one: an advisory lock
 * and LISTEN on a connection of its own. The server itself frees the lock when its holder is gone. A connection that breaks
 * unheard may leave two readers for a moment: what each takes is still taken once (see change-feed-store.ts).
 */
import { sql } from 'kysely';
import type pg from 'pg';
import { withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Executor } from './database.ts';
import { connectSession, makeSessionClient } from './server-session.ts';

/** Of the lock; any number that nothing else in the database uses. */
const LOCK = 'switchboard:change-feed';
const CHANNEL = 'switchboard_changes';

/** A server that does not answer on the line is as good as gone after this, in milliseconds. */
const ANSWER_DEADLINE_MS = 5_000;

export interface FeedLineOptions {
  /** Anything `pg` takes; it is a session of the server itself that counts, none of a pooler. */
  readonly connection: pg.ClientConfig;
  /** Called when another daemon has news, or the line is gone; it returns at once. */
  readonly onNews: () => void;
  readonly log: Logger;
}

/** Not connected before it is first asked to lead. */
export class FeedLine implements AsyncDisposable {
  readonly #options: FeedLineOptions;
  #client: pg.Client | undefined;
  #isLeading = false;

  constructor(options: FeedLineOptions) {
    this.#options = options;
  }

  /** True if this daemon is the one that tells, now and until the line breaks or is left. @throws what `pg` throws */
  async lead(): Promise<boolean> {
    if (this.#isLeading) return true;
    this.#client ??= await this.#connect();
    const client = this.#client;
    try {
      const query = client.query('select pg_try_advisory_lock(hashtextextended($1, 0)) as is_mine', [LOCK]);
      const { rows } = await withDeadline(query, ANSWER_DEADLINE_MS, 'Asking who tells changes on');
      this.#isLeading = this.#client === client && rows[0]?.is_mine === true;
    } catch (thrown) {
      await this.leave();
      throw thrown;
    }
    return this.#isLeading;
  }

  /** Lets another daemon lead, and hears nothing more. */
  async leave(): Promise<void> {
    const client = this.#client;
    this.#forget(client);
    if (client === undefined) return;
    try {
      await withDeadline(client.end(), ANSWER_DEADLINE_MS, 'Leaving the line of changes');
    } catch (thrown) {
      this.#options.log.debug('The line of changes was left without a goodbye', describe(thrown));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  async #connect(): Promise<pg.Client> {
    const { connection, onNews, log } = this.#options;
    const client = makeSessionClient(connection);
    client.on('error', (thrown) => log.debug('The line of changes broke', describe(thrown)));
    client.once('end', () => {
      this.#forget(client);
      onNews();
    });
    client.on('notification', onNews);
    try {
      await connectSession(client);
      await client.query(`listen ${CHANNEL}`);
      return client;
    } catch (thrown) {
      await client.end().catch((error: unknown) => log.debug('A line was never there', describe(error)));
      throw thrown;
    }
  }

  #forget(client: pg.Client | undefined): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#isLeading = false;
  }
}

/** Wakes the daemon that tells changes on, if there is one. */
export async function notifyReader(db: Executor): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, '')`.execute(db);
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}
