import type { Schemas, SwitchboardClient } from '../client/client.ts';
import { waitMs } from '../lib/abort.ts';
import { API, type ApiClient } from './api-client.ts';
import { ASK_EVERY_MS, askPatiently } from './patient-ask.ts';

export type Delivery = Schemas['Delivery'];

/** So often it is asked, once a second: an endpoint has 15 s to answer, and the daemon must have begun before. */
const MAX_QUESTIONS = 25;
/** Longer than it takes until an event that was asked for is written down and told; milliseconds. */
const TELLING_MS = 60_000;

/**
 * The delivery of an event once its first try has ended; undefined if that did not happen in time, as where the endpoint
 * rests.
 */
export async function findOutcome(
  api: ApiClient,
  { webhookId, eventId }: { readonly webhookId: string; readonly eventId: string },
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  const params = { path: { webhookId } };
  const earliest = new Date(api.now() - TELLING_MS).toISOString();
  // A busy webhook has many of a later date.
  const find = async (client: SwitchboardClient) => {
    for await (const each of client.list(`${API}/webhooks/{webhookId}/deliveries`, { params })) {
      if (each.eventId === eventId) return { data: each };
      if (each.createdAt < earliest) break;
    }
    return { data: undefined };
  };
  for (let questions = 0; questions < MAX_QUESTIONS; questions += 1) {
    const delivery = await askPatiently(() => api.ask(find), signal);
    if (delivery !== undefined && hasOutcome(delivery)) return delivery;
    await waitMs(ASK_EVERY_MS, signal);
  }
  return undefined;
}

/** A try that is under way counts among the attempts already. */
function hasOutcome({ status, lastStatus, lastError }: Delivery): boolean {
  return status !== 'pending' || lastStatus !== null || lastError !== null;
}
