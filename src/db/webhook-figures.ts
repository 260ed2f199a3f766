import { sql } from 'kysely';
import type { Executor } from './database.ts';

export const WEBHOOK_STATES = ['active', 'resting', 'disabled', 'failed'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** What is counted of webhooks when somebody asks. */
export interface WebhookFigures {
  readonly states: ReadonlyMap<WebhookState, number>;
  readonly waiting: number;
  /** Undefined while none waits. */
  readonly oldestSeconds: number | undefined;
}

export async function readWebhookFigures(db: Executor): Promise<WebhookFigures> {
  const { rows } = await sql<{ state: WebhookState; count: number }>`
    select case when status <> 'enabled' then status when rests_until is null then 'active' else 'resting' end as state,
      count(*)::integer as count
    from webhooks group by 1`.execute(db);
  const waiting = await sql<{ count: number; oldest: number | null }>`
    select count(*)::integer as count, extract(epoch from now() - min(created_at))::float8 as oldest
    from webhook_deliveries where status = 'pending'`.execute(db);
  const [row] = waiting.rows;
  return {
    states: new Map(rows.map(({ state, count }) => [state, count])),
    waiting: row?.count ?? 0,
    oldestSeconds: row?.oldest == null ? undefined : Math.max(0, row.oldest),
  };
}
