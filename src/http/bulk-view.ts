import { z } from 'zod';
import { AppError } from '../lib/errors.ts';
import type { BulkItem, BulkOutcome } from '../messages/bulk-outcome.ts';
import { toClientError } from './error-answer.ts';
import { bodyToSendRequest, bulkItemSchema, requestToHash, toErrorAsSpelled } from './send-body.ts';
import { issuesToError } from './validation.ts';

/** Items of a request. */
const MAX_ITEMS = 1_000;

/** What the document says of an item, which is checked only when its turn comes: one that is wrong spoils no other. */
const { $schema: _, ...itemDocument } = z.toJSONSchema(bulkItemSchema, { io: 'input' });

export const bulkBodySchema = z.strictObject({
  items: z
    .array(z.unknown().meta({ id: 'BulkItem', ...itemDocument }))
    .min(1, 'Give at least one item.')
    .max(MAX_ITEMS, `Give at most ${MAX_ITEMS} items.`)
    .meta({
      examples: [
        [
          { to: '+491700000001', text: 'Hello!' },
          { to: '+491700000002', text: 'Hello!', onLimit: 'defer', idempotencyKey: 'order-17' },
        ],
      ],
    }),
});

export const bulkResultsSchema = z.object({
  results: z
    .array(
      z
        .object({
          index: z.int().meta({ description: 'Place of the item in the request, from 0.' }),
          status: z.enum(['accepted', 'rejected']),
          messageId: z.string().optional().meta({ format: 'uuid', description: 'Of an accepted item.' }),
          messageStatus: z
            .enum(['pending', 'deferred'])
            .optional()
            .meta({ description: 'Of an accepted item, as `status` of a single send.' }),
          error: z
            .object({ code: z.string(), message: z.string(), details: z.unknown().optional() })
            .optional()
            .meta({
              description: 'Of a rejected item: what a single send would have been answered.',
              examples: [
                {
                  code: 'DAILY_LIMIT_EXCEEDED',
                  message: 'The account has used up its messages of the day.',
                  details: { dailyLimit: 1000, nextAt: '2026-02-01T00:00:00.000Z', retryAfterSeconds: 3600 },
                },
              ],
            }),
        })
        .meta({ id: 'BulkResult' }),
    )
    .meta({ description: 'One for each item, in their order.' }),
  accepted: z.int().meta({ description: 'How many were accepted.' }),
  rejected: z.int(),
});

export type BulkResults = z.output<typeof bulkResultsSchema>;

/** An item as it was given: what the outbox is asked, or what is wrong with it. */
export type GivenItem =
  | {
      readonly kind: 'valid';
      readonly item: BulkItem;
      readonly body: { readonly mediaUrl?: string | undefined };
    }
  | { readonly kind: 'invalid'; readonly error: AppError; readonly raw: unknown };

/** Checks an item by itself; the fields that are wrong are named as in a single send. */
export function parseBulkItem(raw: unknown): GivenItem {
  const result = bulkItemSchema.safeParse(raw);
  if (!result.success) return { kind: 'invalid', error: issuesToError(result.error.issues, 'item'), raw };
  const { idempotencyKey = null, ...body } = result.data;
  const request = bodyToSendRequest(body);
  return { kind: 'valid', item: { request, idempotencyKey, requestHash: requestToHash(request) }, body };
}

/** Answers each item with what became of it. `outcomes` are those of the valid ones, in their order. */
export function outcomesToResults(
  given: readonly GivenItem[],
  outcomes: readonly BulkOutcome[],
): BulkResults {
  const left = outcomes.values();
  const results = given.map((each, index): BulkResults['results'][number] => {
    if (each.kind === 'invalid') return { index, status: 'rejected', error: errorToView(each.error) };
    const outcome = left.next().value;
    if (outcome?.kind === 'accepted') {
      const { messageId, status: messageStatus } = outcome;
      return { index, status: 'accepted', messageId, messageStatus };
    }
    const error = outcome?.error ?? new AppError('INTERNAL');
    return { index, status: 'rejected', error: errorToView(toErrorAsSpelled(error, each.body)) };
  });
  const accepted = results.filter(({ status }) => status === 'accepted').length;
  return { results, accepted, rejected: results.length - accepted };
}

/** As the error of an answer, without what belongs to the request. */
function errorToView(thrown: unknown): { code: string; message: string; details?: unknown } {
  const { code, message, details, status } = toClientError(thrown);
  return { code, message, ...(status < 500 && details !== undefined ? { details } : {}) };
}
