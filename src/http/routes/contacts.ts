import { z } from 'zod';
import { listContacts, type StoredContact } from '../../db/contact-store.ts';
import { getVisibleAccount } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, chatPageQuery, errorsOf, pageOf, successPage } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

export const contactSchema = z
  .object({
    id: z.string().meta({
      description: 'The id of the chat with them, and the `author` of what they write.',
      examples: ['491700000001@c.us'],
    }),
    phoneNumber: z
      .string()
      .nullable()
      .meta({ description: 'E.164; null where WhatsApp hides it.', examples: ['+491700000001'] }),
    lid: z
      .string()
      .nullable()
      .meta({ description: "WhatsApp's address that hides the number.", examples: ['99000000000011@lid'] }),
    name: z
      .string()
      .nullable()
      .meta({ description: "In the phone's address book; null if not in it.", examples: ['Alice'] }),
    pushName: z
      .string()
      .nullable()
      .meta({ description: 'What they call themselves.', examples: ['alice w'] }),
    isBusiness: z.boolean(),
  })
  .meta({ id: 'Contact' });

/** Whom an account's phone knows. */
export function contactRoutes(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId/contacts`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'listContacts',
      tags: ['chats'],
      summary: 'Contacts of an account, in the order of their ids',
      description:
        'Everybody whom the linked phone knows: its address book, and who wrote or is in a group with it. Each ' +
        'person once, by phone number where it is known.',
      params: accountParams,
      querystring: z.strictObject(chatPageQuery),
      response: { 200: pageOf(contactSchema, 'A page of contacts.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor } = request.query;
      return successPage(await listContacts(db, account.id, { limit, after: cursor ?? null }), contactToView);
    },
  });
}

function contactToView(contact: StoredContact): z.output<typeof contactSchema> {
  return {
    id: contact.contactId,
    phoneNumber: contact.phoneNumber,
    lid: contact.lid,
    name: contact.name,
    pushName: contact.pushName,
    isBusiness: contact.isBusiness,
  };
}
