import { z } from 'zod';
import { listChats, type StoredChat } from '../../db/chat-store.ts';
import { getVisibleAccount } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, chatPageQuery, errorsOf, pageOf, successPage } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

export const chatSchema = z
  .object({
    id: z.string().meta({
      description: 'The `chatId` of its messages; goes as `to` of a message.',
      examples: ['491700000001@c.us', '120363000000000001@g.us'],
    }),
    phoneNumber: z
      .string()
      .nullable()
      .meta({
        description: 'E.164; null for groups and where WhatsApp hides it.',
        examples: ['+491700000001'],
      }),
    name: z
      .string()
      .nullable()
      .meta({ description: "A group's subject, or the name that the phone shows.", examples: ['Alice'] }),
    isGroup: z.boolean(),
    lastMessageAt: z.string().nullable().meta({ format: 'date-time' }),
    unreadCount: z
      .int()
      .meta({ description: 'What the phone shows as unread, as it was last looked at.', examples: [2] }),
  })
  .meta({ id: 'Chat' });

/** The chats of an account. */
export function chatRoutes(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId/chats`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'listChats',
      tags: ['chats'],
      summary: 'Chats of an account, the latest message first',
      description:
        'People and groups. A person is one chat, whichever of the two addresses (phone number, LID) WhatsApp uses. ' +
        'Names and counts are read from the linked phone when it connects and while messages come in.',
      params: accountParams,
      querystring: z.strictObject(chatPageQuery),
      response: { 200: pageOf(chatSchema, 'A page of chats.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor } = request.query;
      return successPage(await listChats(db, account.id, { limit, after: cursor ?? null }), chatToView);
    },
  });
}

function chatToView(chat: StoredChat): z.output<typeof chatSchema> {
  return {
    id: chat.chatId,
    phoneNumber: chat.phoneNumber,
    name: chat.name,
    isGroup: chat.chatId.endsWith('@g.us'),
    lastMessageAt: chat.lastMessageAt?.toISOString() ?? null,
    unreadCount: chat.unread,
  };
}
