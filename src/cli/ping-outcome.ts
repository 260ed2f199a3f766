import type { Schemas } from '../client/client.ts';
import { waitMs } from '../lib/abort.ts';
import { API, type ApiClient } from './api-client.ts';
import { ASK_EVERY_MS, askPatiently } from './patient-ask.ts';

export type Delivery = Schemas['Delivery'];

/** So often it is asked, once a second: an endpoint has 15 s to answer, and the daemon must have begun before. */
const MAX_QUESTIONS = 25;

/**
 * The delivery of an event once its first try has ended; undefined if that did not happen in time, as where the endpoint
 * rests.
 */
export async function findOutcome(
  api: ApiClient,
  { webhookId, eventId }: { readonly webhookId: string; readonly eventId: string },
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  const params = { path: { webhookId }, query: { limit: 100 } };
  const ask = () => api.ask((client) => client.get(`${API}/webhooks/{webhookId}/deliveries`, { params }));
  for (let questions = 0; questions < MAX_QUESTIONS; questions += 1) {
    const deliveries = await askPatiently(ask, signal);
    const delivery = deliveries.find((each) => each.eventId === eventId);
    if (delivery !== undefined && hasOutcome(delivery)) return delivery;
    await waitMs(ASK_EVERY_MS, signal);
  }
  return undefined;
}

/** A try that is under way counts among the attempts already. */
function hasOutcome({ status, lastStatus, lastError }: Delivery): boolean {
  return status !== 'pending' || lastStatus !== null || lastError !== null;
}
