import { z } from 'zod';
import { listMessages } from '../../db/message-store.ts';
import { getVisibleAccount, getVisibleMessage } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import {
  accountParams,
  dataOf,
  errorsOf,
  messageParams,
  noQuery,
  pageOf,
  pageQuery,
  success,
  successPage,
} from '../envelope.ts';
import { directionSchema, messageSchema, messageToView, statusSchema } from '../message-view.ts';
import { chatIdSchema, instantFromQuery, phoneNumberSchema, plusFromQuery } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';

const query = z.strictObject({
  ...pageQuery,
  phoneNumber: z.preprocess(plusFromQuery, phoneNumberSchema).optional(),
  chatId: chatIdSchema.optional(),
  direction: directionSchema.optional(),
  status: statusSchema.optional(),
  since: instantFromQuery.optional().meta({ description: 'Messages of this instant and later.' }),
  until: instantFromQuery.optional().meta({ description: 'Messages before this instant.' }),
});

/** Reading messages. */
export function messageRoutes(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId/messages`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'listMessages',
      tags: ['messages'],
      summary: 'Messages of an account, newest first',
      description: 'Every condition that is given must hold. Pages stay as they are while messages come in.',
      params: accountParams,
      querystring: query,
      response: { 200: pageOf(messageSchema, 'A page of messages.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor, ...filter } = request.query;
      return successPage(
        await listMessages(db, account.id, filter, { limit, after: cursor ?? null }),
        messageToView,
      );
    },
  });

  app.route({
    method: 'GET',
    url: `${API_BASE}/messages/:messageId`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'getMessage',
      tags: ['messages'],
      summary: 'One message',
      params: messageParams,
      querystring: noQuery,
      response: { 200: dataOf(messageSchema, 'The message.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      return success(messageToView(await getVisibleMessage(db, request, request.params.messageId)));
    },
  });
}
