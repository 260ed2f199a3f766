import { z } from 'zod';
import { type DayUsage, listUsage } from '../../db/usage-store.ts';
import { getVisibleAccount } from '../account-access.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, errorsOf, pageOf, pageQuery, successPage } from '../envelope.ts';
import { dateFromQuery } from '../text-schema.ts';
import type { HttpApp } from '../typed-fastify.ts';

const count = z.int().meta({ examples: [12] });

const usageSchema = z
  .object({
    date: z
      .string()
      .meta({ format: 'date', examples: ['2026-01-31'], description: "In the account's time zone." }),
    sent: count.meta({ description: 'Messages handed to WhatsApp, whatever became of them.' }),
    received: count,
    failed: count.meta({ description: 'Outgoing messages that failed.' }),
    deferred: count.meta({ description: 'Messages that found the day full and were put off.' }),
  })
  .meta({ id: 'DayUsage' });

const query = z
  .strictObject({
    ...pageQuery,
    from: dateFromQuery
      .optional()
      .meta({ description: 'The first date; that of the creation if not given.' }),
    to: dateFromQuery.optional().meta({ description: 'The last date; today if not given.' }),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    path: ['to'],
    error: 'Use a date that is not before `from`.',
  });

/** What an account did, day by day. */
export function usageRoutes(app: HttpApp, { db, clock }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/accounts/:accountId/usage`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'listUsage',
      tags: ['accounts'],
      summary: 'What an account sent and received each day, newest first',
      description:
        "Every date from the account's creation to today is there, those without traffic with zeros. Days begin at " +
        'midnight of the time zone that the account had then.',
      params: accountParams,
      querystring: query,
      response: { 200: pageOf(usageSchema, 'A page of days.'), ...errorsOf(404) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { limit, cursor, ...range } = request.query;
      const page = { limit, after: cursor ?? null, now: new Date(clock.now()) };
      return successPage(await listUsage(db, account.id, range, page), (day: DayUsage) => day);
    },
  });
}
