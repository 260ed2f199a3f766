import type { webhooks } from './openapi.ts';

/** The body that a webhook is sent; `type` tells which event it is, and so what its `data` are. */
export type WebhookBody = {
  [Type in keyof webhooks]: webhooks[Type]['post']['requestBody']['content']['application/json'];
}[keyof webhooks];
