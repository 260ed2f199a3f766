import { z } from 'zod';
import { getVisibleAccount } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { bodyToSendRequest, requestToHash, sendBodySchema, toErrorAsSpelled } from '../send-body.ts';
import { checkMaySend } from '../send-rule.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** Bytes of a body: 16 MB in base64, and room for the rest. */
const BODY_LIMIT = 24 * 1024 * 1024;

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

const headers = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(IDEMPOTENCY_KEY, 'Use 1 to 255 printable ASCII characters.')
    .optional()
    .meta({ description: 'The same key and body within 24 hours answer the stored result.' }),
});

/** Accepting messages to be sent. */
export function sendRoutes(app: HttpApp, { db, outbox }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/messages`,
    config: { permission: 'whatsapp:send' },
    bodyLimit: BODY_LIMIT,
    schema: {
      operationId: 'sendMessage',
      tags: ['messages'],
      summary: 'Send a message',
      description:
        'Once accepted the message is safe: it is sent when the account is connected, and its `status` tells ' +
        'how far it came. 409 only while the account is Disconnected, Failed or was never linked.',
      params: accountParams,
      querystring: noQuery,
      headers,
      body: sendBodySchema,
      response: {
        202: dataOf(z.object({ messageId: z.string(), status: z.literal('pending') }), 'It is accepted.'),
        ...errorsOf(404, 409, 413, 415, 422),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const sendRequest = bodyToSendRequest(request.body);
      checkMaySend(account);
      const claim = {
        idempotencyKey: request.headers['idempotency-key'] ?? null,
        requestHash: requestToHash(sendRequest),
      };
      const { messageId } = await outbox.accept(account, sendRequest, claim).catch((thrown: unknown) => {
        throw toErrorAsSpelled(thrown, request.body);
      });
      return reply.code(202).send(success({ messageId: messageId as string, status: 'pending' as const }));
    },
  });
}
