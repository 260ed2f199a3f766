import type { Schemas } from '../client/client.ts';
import { API, type ApiClient } from './api-client.ts';
import { chooseOnly, isId } from './choice.ts';

/** All of the tenant, oldest first. */
export async function listWebhooks(api: ApiClient): Promise<readonly Schemas['Webhook'][]> {
  return api.askAll((client) => client.list(`${API}/webhooks`));
}

/**
 * The id of the webhook that a person means: by its id, or exactly its address or description.
 * @throws AppError WEBHOOK_NOT_FOUND, or VALIDATION_FAILED if several fit
 */
export async function chooseWebhook(api: ApiClient, wanted: string): Promise<string> {
  if (isId(wanted)) return wanted;
  const webhooks = await listWebhooks(api);
  const matching = webhooks.filter(({ url, description }) => url === wanted || description === wanted);
  return chooseOnly(matching, wanted, {
    code: 'WEBHOOK_NOT_FOUND',
    one: 'webhook with the id, the address or the description',
    several: 'webhooks',
    command: 'webhooks',
  }).id;
}
