import type { KyselyPlugin } from 'kysely';
import type { Executor } from '../../src/db/database.ts';

/** The same database, and how many statements were asked through it; begin and commit are none. */
export function countStatements(db: Executor): { readonly db: Executor; count(): number } {
  let count = 0;
  const counter: KyselyPlugin = {
    transformQuery({ node }) {
      count += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { db: db.withPlugin(counter), count: () => count };
}
