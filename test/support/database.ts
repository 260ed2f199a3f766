import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';

/** A migrated database of this test file alone. Disposing drops it, with whoever is still connected. */
export interface TestDatabase extends AsyncDisposable {
  /** For `openDatabase` and for `pg`. */
  readonly connection: PostgresConnection;
  /** The same as a DATABASE_URL, for a daemon in a process of its own. */
  readonly url: string;
}

/** Clones the migrated template. Call it once a file, in `beforeAll`. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const template = inject('backends').postgres;
  const database = `test_${randomBytes(6).toString('hex')}`;
  await runOnServer(`CREATE DATABASE ${database} TEMPLATE ${template.database}`);
  const connection = { ...template, database };
  return {
    connection,
    url: connectionToUrl(connection),
    async [Symbol.asyncDispose]() {
      // Not WITH (FORCE): it is refused while a worker of the server's own is in the database, which a plain drop ends.
      await runOnServer(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE datname = '${database}' AND backend_type = 'client backend'`,
      );
      await runOnServer(`DROP DATABASE IF EXISTS ${database}`);
    },
  };
}

/** Connected to `postgres`: nobody may be connected to the template while it is cloned. */
async function runOnServer(sql: string): Promise<void> {
  const client = new pg.Client({ ...inject('backends').postgres, database: 'postgres' });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function connectionToUrl({ host, port, user, password, database }: PostgresConnection): string {
  const query = new URLSearchParams({ host, port: String(port) });
  return `postgresql://${user}:${password}@/${database}?${query}`;
}
