import { makeOpenApiDocument } from '../../../scripts/openapi-document.ts';
import { makeSchemaCheck } from './answer-check.ts';
import type { OpenApiDocument, Operation } from './document.ts';

/** What is wrong with a body that a webhook was sent, by the OpenAPI document; undefined if nothing is. */
export type DeliveryCheck = (
  body: Readonly<Record<string, unknown>> & { readonly type: string },
) => string | undefined;

/** The document as far as it tells of webhooks. */
export interface WebhookDocument extends OpenApiDocument {
  readonly webhooks: Readonly<Record<string, Readonly<Record<'post', Operation>>>>;
}

export async function makeWebhookDocument(): Promise<WebhookDocument> {
  return (await makeOpenApiDocument()) as unknown as WebhookDocument;
}

export function makeDeliveryCheck(document: WebhookDocument): DeliveryCheck {
  const schemas = makeSchemaCheck(document);
  return (body) => {
    const media = document.webhooks[body.type]?.post.requestBody?.content['application/json'];
    return media === undefined ? `${body.type} is not in the document` : schemas.check(media, body);
  };
}
