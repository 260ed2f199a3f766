import { createHash } from 'node:crypto';
import { findCommonError, isFault } from '../../messages/bulk-outcome.ts';
import { getVisibleAccount } from '../account-access.ts';
import { enterAudit, noteEntered } from '../audit.ts';
import {
  bulkBodySchema,
  bulkResultsSchema,
  type GivenItem,
  outcomesToResults,
  parseBulkItem,
} from '../bulk-view.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { idempotencyHeaders } from '../idempotency-header.ts';
import { checkMaySend } from '../send-rule.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { SEND_BODY_LIMIT } from './sending.ts';

/** Accepting many messages at once. */
export function bulkRoutes(app: HttpApp, { db, outbox, log }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/messages/bulk`,
    config: { permission: 'whatsapp:send' },
    bodyLimit: SEND_BODY_LIMIT,
    schema: {
      operationId: 'sendMessages',
      tags: ['messages'],
      summary: 'Send up to 1,000 messages',
      description:
        'Each item is the body of a single send, may carry an `idempotencyKey` of its own, and is accepted or rejected ' +
        'by itself: one that is wrong, or that finds the daily limit used up, leaves the others alone. Messages of ' +
        'one chat leave in the order of their items. Files by `url` are fetched for 90 seconds in all; an item whose file is not ' +
        'here by then is rejected with UNAVAILABLE: ask again with the same key. With the header Idempotency-Key the same body is answered with ' +
        'the same results; after a crash, or where an item met a fault that may pass, the same request accepts ' +
        'what is missing and nothing twice. The request as a whole is refused only if it is not valid itself, if its ' +
        'account may send nothing, or if nothing could be accepted for a fault inside.',
      params: accountParams,
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: bulkBodySchema,
      response: {
        202: dataOf(bulkResultsSchema, 'What became of each item.'),
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const given = request.body.items.map(parseBulkItem);
      const items = given.flatMap((each) => (each.kind === 'valid' ? [each.item] : []));
      const outcomes = await outbox.acceptAll(account, items, {
        idempotencyKey: request.headers['idempotency-key'] ?? null,
        requestHash: itemsToHash(given),
        checkNew: () => checkMaySend(account),
        alongside: (trx, accepted) => enterAudit(trx, request, { details: { accepted } }),
      });
      noteEntered(request);
      const common = findCommonError(outcomes);
      if (common !== undefined) throw common;
      const results = outcomesToResults(given, outcomes);
      const { accepted, rejected } = results;
      log.debug('Many messages were accepted', { accountId: account.id, accepted, rejected });
      for (const { error } of outcomes.filter(isFault).slice(0, 1))
        log.warn('A message among many could not be accepted', {
          accountId: account.id,
          error: error.message,
        });
      return reply.code(202).send(success(results));
    },
  });
}

/** Equal for requests that ask for the same; no single send has it. */
function itemsToHash(given: readonly GivenItem[]): string {
  const asked = given.map((each) =>
    each.kind === 'valid' ? [each.item.requestHash, each.item.idempotencyKey] : [each.raw],
  );
  return createHash('sha256')
    .update(`bulk ${JSON.stringify(asked)}`)
    .digest('hex');
}
