import type { AccountId } from '../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { silentLog } from './silent-log.ts';

/** An entry of an account's history, and when it was stored, in milliseconds since the epoch. */
export interface StoredEvent {
  readonly kind: string;
  readonly state: string | null;
  readonly reason: string | null;
  readonly attempt: number | null;
  readonly at: number;
}

/** The history of accounts as a daemon stores it, read beside it. */
export class StoredHistory implements AsyncDisposable {
  readonly #db: Executor;
  readonly #opened: AsyncDisposable;

  constructor(databaseUrl: string) {
    const opened = openDatabase({ connection: { connectionString: databaseUrl }, log: silentLog });
    this.#db = opened.db;
    this.#opened = opened;
  }

  /** What was stored after that instant, oldest first. */
  async since(accountId: string, at: number): Promise<readonly StoredEvent[]> {
    const rows = await this.#db
      .selectFrom('session_events')
      .select(['kind', 'state', 'reason', 'attempt', 'at'])
      .where('account_id', '=', accountId as AccountId)
      .where('at', '>=', new Date(at))
      .orderBy('id')
      .execute();
    return rows.map((row) => ({ ...row, at: row.at.getTime() }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}
