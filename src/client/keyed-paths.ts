/** Paths whose POST takes an Idempotency-Key. Made from the OpenAPI document by: npm run generate:client */
export const KEYED_PATHS: ReadonlySet<string> = new Set([
  '/api/v1/whatsapp/accounts/{accountId}/messages',
  '/api/v1/whatsapp/accounts/{accountId}/messages/bulk',
  '/api/v1/whatsapp/accounts/{accountId}/campaigns',
]);
