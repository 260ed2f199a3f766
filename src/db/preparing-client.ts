/**
 * Connections that have PostgreSQL prepare what is asked over and over: to plan one of our short statements takes several
 * times as long as to execute it, and a prepared one is planned a few times in the life of a connection.
 *
 * Which statements those are is found out by counting: one whose text varies with what it is asked is seldom twice the same.
 * PostgreSQL itself goes on planning those whose best plan depends on the values.
 */
import { createHash } from 'node:crypto';
import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';
import { findSqlState } from './data-error.ts';

/** Times that a text is asked in this process before it is prepared. */
const ASKED_OFTEN = 5;
/** Statements that are prepared at most: each takes memory of the server on every connection. */
const MAX_PREPARED = 100;
/** Texts that are counted at most at a time. */
const MAX_COUNTED = 1_000;

/** A change of the schema made the result of a prepared statement another. */
const RESULT_CHANGED = '0A000';
/** A pooler gave the connection to somebody else in between: the statement is not there, or was there already. */
const MISLAID = ['26000', '42P05'] as const;

/** True if a statement may have failed only because it was prepared. Asked again it is not (see StatementNames). */
export function isUnprepared(thrown: unknown): boolean {
  const state = findSqlState(thrown);
  return state !== undefined && [RESULT_CHANGED, ...MISLAID].includes(state);
}

/** Names the texts that are asked often, for all connections of a pool. */
export class StatementNames {
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<string, string>();
  readonly #refused = new Set<string>();
  #isOff = false;

  /** The name under which a text that is asked now is to be prepared; undefined if it is not. */
  nameFor(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#isOff || this.#names.size >= MAX_PREPARED) return known;
    if (this.#refused.has(text) || this.#count(text) <= ASKED_OFTEN) return undefined;
    this.#counts.delete(text);
    // Equal for equal texts alone, whoever makes it: behind a pooler others prepare theirs on the same connection.
    const name = createHash('sha256').update(text).digest('base64url');
    this.#names.set(text, name);
    return name;
  }

  /** Takes note of such a failure: this text is not prepared again, nor any where statements are mislaid. */
  refuse(text: string, thrown: unknown): void {
    this.#names.delete(text);
    this.#refused.add(text);
    if (findSqlState(thrown) === RESULT_CHANGED) return;
    this.#isOff = true;
    this.#names.clear();
  }

  #count(text: string): number {
    if (this.#counts.size >= MAX_COUNTED) this.#counts.clear();
    const count = (this.#counts.get(text) ?? 0) + 1;
    this.#counts.set(text, count);
    return count;
  }
}

/** A connection of a pool, for Kysely. */
export class PreparingClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #names: StatementNames;
  #waitingSince: number | undefined;

  constructor(client: pg.PoolClient, names: StatementNames) {
    this.#client = client;
    this.#names = names;
  }

  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(
    asked: string | PostgresCursor<R>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof asked === 'string') return this.#ask<R>(asked, values);
    throw new TypeError('Rows are not streamed here.');
  }

  /** Since when, by `performance.now()`, what was asked last has not been answered; undefined if it was. */
  get waitingSince(): number | undefined {
    return this.#waitingSince;
  }

  release(destroy?: boolean): void {
    this.#client.release(destroy);
  }

  async #ask<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    this.#waitingSince = performance.now();
    try {
      return (await this.#prepareOrAsk(
        text,
        values,
      )) as PostgresQueryResult<unknown> as PostgresQueryResult<R>;
    } finally {
      this.#waitingSince = undefined;
    }
  }

  async #prepareOrAsk(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const name = values.length === 0 ? undefined : this.#names.nameFor(text);
    if (name === undefined) return this.#client.query(text, [...values]);
    try {
      return await this.#client.query({ name, text, values: [...values] });
    } catch (thrown) {
      if (!isUnprepared(thrown)) throw thrown;
      this.#names.refuse(text, thrown);
      // A transaction is over by it: whoever made it does all of it again.
      if (this.#client.getTransactionStatus() !== 'I') throw thrown;
      return this.#client.query(text, [...values]);
    }
  }
}
