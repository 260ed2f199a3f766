import type { WebhookFigures } from '../db/webhook-figures.ts';
import { MOST_COUNTED, WEBHOOK_STATES } from '../db/webhook-figures.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type CountedOutcome, DELIVERY_OUTCOMES } from './deliverer.ts';

/** Measures webhooks; what is returned counts how tries end. */
export function measureWebhooks(
  metrics: Metrics,
  read: () => Promise<WebhookFigures>,
): (outcome: CountedOutcome) => void {
  metrics.gauge(
    {
      name: 'switchboard_webhooks',
      help: 'Webhooks of all instances by their state: resting while their endpoint takes nothing, failed once they were disabled for that.',
      label: 'state',
      values: WEBHOOK_STATES,
    },
    async () => (await read()).states,
  );
  metrics.number(
    {
      name: 'switchboard_webhook_deliveries_waiting',
      help: `Deliveries of all instances that were neither taken nor given up, counted up to ${MOST_COUNTED}.`,
    },
    async () => (await read()).waiting,
  );
  metrics.number(
    {
      name: 'switchboard_webhook_oldest_waiting_seconds',
      help: 'Age of the oldest of them. Nothing while none waits.',
    },
    async () => (await read()).oldestSeconds,
  );
  return metrics.counter({
    name: 'switchboard_webhook_deliveries_total',
    help: 'Tries of deliveries by this instance: delivered, failed and tried again, or failed for the last time (a dead letter).',
    label: 'outcome',
    values: DELIVERY_OUTCOMES,
  });
}
