import { getVisibleMessage } from '../account-access.ts';
import { enterAudit } from '../audit.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, messageParams, noBody, noQuery, success } from '../envelope.ts';
import { messageSchema, messageToView } from '../message-view.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** What can be done with a message that exists. */
export function messageActionRoutes(app: HttpApp, { db, outbox }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/messages/:messageId/cancel`,
    config: { permission: 'whatsapp:send' },
    schema: {
      operationId: 'cancelMessage',
      tags: ['messages'],
      summary: 'Cancel a message that waits',
      description:
        'One that is `deferred`, or `pending` and not handed to WhatsApp yet (`handedAt` is null). Its place in the daily ' +
        'limit is free again. Every other message answers 409 MESSAGE_NOT_CANCELLABLE.',
      params: messageParams,
      querystring: noQuery,
      body: noBody,
      response: { 200: dataOf(messageSchema, 'The message, cancelled.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request) => {
      const { messageId } = request.params;
      const message = await getVisibleMessage(db, request, messageId);
      await outbox.cancel(message, (trx) => enterAudit(trx, request, {}));
      return success(messageToView(await getVisibleMessage(db, request, messageId)));
    },
  });
}
