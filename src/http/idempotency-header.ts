import { z } from 'zod';

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

export const idempotencyKeySchema = z
  .string()
  .regex(IDEMPOTENCY_KEY, 'Use 1 to 255 printable ASCII characters.');

/** The headers of a request that may be repeated. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': idempotencyKeySchema
    .optional()
    .meta({ description: 'The same key and body within 24 hours answer the stored result.' }),
});
