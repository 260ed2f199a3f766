import { z } from 'zod';
import type { MessageId } from '../../accounts/ids.ts';
import type { Executor } from '../../db/database.ts';
import { getVisibleAccount } from '../account-access.ts';
import { enterAudit, noteEntered } from '../audit.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { idempotencyHeaders } from '../idempotency-header.ts';
import { bodyToSendRequest, requestToHash, sendBodySchema, toErrorAsSpelled } from '../send-body.ts';
import { checkMaySend } from '../send-rule.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** Bytes of a body: 16 MB in base64, and room for the rest. */
export const SEND_BODY_LIMIT = 24 * 1024 * 1024;

const accepted = z.object({
  messageId: z.string().meta({ format: 'uuid' }),
  status: z
    .enum(['pending', 'deferred'])
    .meta({ description: '`deferred`: the day is full, and it waits for one that has room.' }),
});

/** Accepting messages to be sent. */
export function sendRoutes(app: HttpApp, { db, outbox }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/messages`,
    config: { permission: 'whatsapp:send' },
    bodyLimit: SEND_BODY_LIMIT,
    schema: {
      operationId: 'sendMessage',
      tags: ['messages'],
      summary: 'Send a message',
      description:
        'Once accepted the message is safe: it is sent when the account is connected, and its `status` tells ' +
        'how far it came. 409 only while the account is Disconnected, Failed or was never linked. A message that finds ' +
        "the account's daily limit used up is refused with 429 DAILY_LIMIT_EXCEEDED, and nothing of it is kept; " +
        'Retry-After counts the seconds to midnight in the time zone of the account. With `onLimit: "defer"` it is ' +
        'kept as `deferred` instead, and leaves on the next day that has room, in the order of acceptance.',
      params: accountParams,
      querystring: noQuery,
      headers: idempotencyHeaders,
      body: sendBodySchema,
      response: {
        202: dataOf(accepted, 'It is accepted.'),
        ...errorsOf(404, 409, 413, 415, 422),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const sendRequest = bodyToSendRequest(request.body);
      const options = {
        idempotencyKey: request.headers['idempotency-key'] ?? null,
        requestHash: requestToHash(sendRequest),
        checkNew: () => checkMaySend(account),
        alongside: (trx: Executor, messageId: MessageId) =>
          enterAudit(trx, request, { details: { messageId } }),
      };
      const { messageId, status } = await outbox
        .accept(account, sendRequest, options)
        .catch((thrown: unknown) => {
          throw toErrorAsSpelled(thrown, request.body);
        });
      noteEntered(request);
      return reply.code(202).send(success({ messageId: messageId as string, status }));
    },
  });
}
