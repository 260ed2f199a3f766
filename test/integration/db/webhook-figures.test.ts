import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readWebhookFigures } from '../../../src/db/webhook-figures.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestWebhook } from '../../support/owed-webhook.ts';
import { StatementExaminer } from '../../support/query-plan.ts';

const ROWS = 20_000;
const MOST = 500;
const stack = new AsyncDisposableStack();
let examiner: StatementExaminer;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  examiner = stack.use(new StatementExaminer(database.connection));
});
afterAll(() => stack.disposeAsync());

/** Each a second older than the one before it was written down. */
async function insert(webhookId: string, status: string, count: number): Promise<void> {
  await sql`
    insert into webhook_deliveries (webhook_id, event_id, type, lane, payload, status, created_at)
    select ${webhookId}, ${status} || i, 'ping', i::text, '{}', ${status}, now() - i * interval '1 second'
    from generate_series(1, ${count}::integer) i`.execute(examiner.db);
}

it('tells how many wait and since when, and of many no more than that they are many', async () => {
  const { db } = examiner;
  const [one, other] = [await insertTestWebhook(db), await insertTestWebhook(db)];
  expect(await readWebhookFigures(db)).toMatchObject({ waiting: 0, oldestSeconds: undefined });
  await insert(one, 'delivered', ROWS);
  await insert(other, 'pending', 100);
  const few = await readWebhookFigures(db);
  expect(few.waiting).toBe(100);
  expect(few.oldestSeconds).toBeGreaterThanOrEqual(100);
  expect(few.oldestSeconds).toBeLessThan(200);
  await insert(one, 'pending', ROWS);
  await sql`analyze webhooks, webhook_deliveries`.execute(db);
  const { answer, statements } = await examiner.examine((asked) => readWebhookFigures(asked, MOST));
  expect(answer.waiting).toBe(MOST);
  expect(answer.oldestSeconds).toBeGreaterThanOrEqual(ROWS);
  expect(statements.filter(({ examined }) => examined > 2 * MOST)).toEqual([]);
});
