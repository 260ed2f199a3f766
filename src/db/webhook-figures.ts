import { sql } from 'kysely';
import type { Executor } from './database.ts';

export const WEBHOOK_STATES = ['active', 'resting', 'disabled', 'failed'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** What is counted of webhooks when somebody asks. */
export interface WebhookFigures {
  readonly states: ReadonlyMap<WebhookState, number>;
  /** Counted up to `MOST_COUNTED`. */
  readonly waiting: number;
  /** Undefined while none waits. */
  readonly oldestSeconds: number | undefined;
}

/** Of deliveries that wait no more are counted: whoever asks every few seconds is not to read a backlog each time. */
export const MOST_COUNTED = 10_000;

export async function readWebhookFigures(db: Executor, most = MOST_COUNTED): Promise<WebhookFigures> {
  const { rows } = await sql<{ state: WebhookState; count: number }>`
    select case when status <> 'enabled' then status when rests_until is null then 'active' else 'resting' end as state,
      count(*)::integer as count
    from webhooks group by 1`.execute(db);
  // In the order of the index of what is pending, by which alone it is found among all that was delivered.
  const waiting = await sql<{ count: number; oldest: number | null }>`
    select
      (select count(*)::integer from (
        select from webhook_deliveries where status = 'pending' order by webhook_id, lane, id limit ${most}
      ) counted) as count,
      (select extract(epoch from now() - min(d.created_at))::float8 from webhooks w cross join lateral (
        select created_at from webhook_deliveries where webhook_id = w.id and status = 'pending'
        order by created_at, id limit 1
      ) d) as oldest`.execute(db);
  const [row] = waiting.rows;
  return {
    states: new Map(rows.map(({ state, count }) => [state, count])),
    waiting: row?.count ?? 0,
    oldestSeconds: row?.oldest == null ? undefined : Math.max(0, row.oldest),
  };
}
