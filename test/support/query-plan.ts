import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';

/** A statement that was sent, and what PostgreSQL did for it when it was sent again. */
export interface ExaminedStatement {
  readonly sql: string;
  /** Rows that its scans gave or threw away. */
  readonly examined: number;
  /** The scans that examined any, to read. */
  readonly scans: readonly string[];
  /** Partitions of messages that it opened. */
  readonly partitions: readonly string[];
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Scans that read what other nodes give. */
const SECOND_HAND = new Set(['Subquery Scan', 'CTE Scan', 'WorkTable Scan', 'Named Tuplestore Scan']);

/** What has no plan. */
const IS_CONTROL = /^(begin|commit|rollback|start transaction)/;

/** Runs calls of stores, and explains each statement that they send; planner settings are left as they are. */
export class StatementExaminer implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #sent: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
  readonly db: Kysely<Database>;

  constructor(connection: pg.PoolConfig) {
    this.#pool = new pg.Pool({ ...connection, max: 4 });
    this.db = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: this.#pool, controlClient: pg.Client }),
      log: ({ query }) => void this.#sent.push(query),
    });
  }

  /** What the call answers, and the statements that it sent. */
  async examine<T>(
    call: (db: Kysely<Database>) => Promise<T>,
  ): Promise<{ readonly answer: T; readonly statements: readonly ExaminedStatement[] }> {
    this.#sent.length = 0;
    const answer = await call(this.db);
    const statements = [];
    for (const { sql, parameters } of this.#sent.filter((sent) => !IS_CONTROL.test(sent.sql))) {
      const { rows } = await this.#pool.query(`explain (analyze, format json) ${sql}`, [...parameters]);
      const nodes = flatten((rows[0]['QUERY PLAN'] as readonly { readonly Plan: PlanNode }[])[0]?.Plan);
      const scans = nodes.filter(
        (node) => node['Node Type'].endsWith('Scan') && !SECOND_HAND.has(node['Node Type']),
      );
      statements.push({
        sql,
        examined: scans.reduce((sum, scan) => sum + examinedBy(scan), 0),
        scans: scans
          .filter((scan) => examinedBy(scan) > 0)
          .map(
            (scan) =>
              `${scan['Node Type']} ${scan['Index Name'] ?? scan['Relation Name'] ?? ''}: ${examinedBy(scan)}`,
          ),
        partitions: [
          ...new Set(
            scans
              .filter((scan) => scan['Actual Loops'] > 0)
              .flatMap((scan) => scan['Relation Name'] ?? [])
              .filter((name) => /^messages_(\d|default)/.test(name)),
          ),
        ],
      });
    }
    return { answer, statements };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.destroy();
  }
}

function examinedBy(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return (node['Actual Rows'] + removed) * node['Actual Loops'];
}

function flatten(node: PlanNode | undefined): readonly PlanNode[] {
  return node === undefined ? [] : [node, ...(node.Plans ?? []).flatMap(flatten)];
}
