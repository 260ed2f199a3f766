import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase } from '../../src/db/database.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { insertTestAccount } from './inbound-events.ts';
import { silentLog } from './silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';
import type { VaultPlaces } from './vault-stage.ts';

/** A database and a folder in which every test has an account and a vault of its own. */
export class VaultRoot implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #database: TestDatabase;

  private constructor(folder: TemporaryFolder, database: TestDatabase) {
    this.#folder = folder;
    this.#database = database;
  }

  static async open(): Promise<VaultRoot> {
    return new VaultRoot(await openTemporaryFolder(), await openTestDatabase());
  }

  get path(): string {
    return this.#folder.path;
  }

  get connection(): TestDatabase['connection'] {
    return this.#database.connection;
  }

  /** Of a new account. */
  async newPlaces(): Promise<VaultPlaces> {
    const { connection } = this;
    await using opened = openDatabase({ connection, log: silentLog, poolSize: 1 });
    const accountId = await insertTestAccount(opened.db);
    const folder = join(this.path, randomUUID());
    return {
      connection,
      accountId,
      runtimePath: join(folder, 'live'),
      sessionPath: join(folder, 'sessions'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
