import { z } from 'zod';
import { stateToConnectionStatus } from '../../accounts/state.ts';
import { getVisibleAccount } from '../account-access.ts';
import { connectionStatusSchema } from '../account-view.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { accountToPairingCode } from '../link-code-answer.ts';
import type { HttpApp } from '../typed-fastify.ts';

const pairingCodeSchema = z.object({
  code: z
    .string()
    .nullable()
    .meta({ description: 'Eight characters; null until there is a code.', examples: ['ABCD1234'] }),
  expiresAt: z.string().nullable().meta({ format: 'date-time' }),
  status: connectionStatusSchema,
});

/** The code to type on the phone, of an account that is linked by one. */
export function pairingCodeRoute(app: HttpApp, { db, clock }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/pairing-code/:accountId`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'getPairingCode',
      tags: ['connection'],
      summary: 'The code to type on the phone',
      description:
        'For accounts that were created with `pairing: "code"`. On the phone: Settings, Linked devices, Link a ' +
        'device, Link with phone number instead. It is replaced before it expires while somebody waits. Once linking was ' +
        'given up, for whatever reason, it is 400 `QR_EXPIRED`, and the message says why and what to do.',
      params: accountParams,
      querystring: noQuery,
      response: {
        200: dataOf(pairingCodeSchema, 'The code, or null until there is one.'),
        ...errorsOf(404, 409),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const waiting = accountToPairingCode(account, new Date(clock.now()));
      reply.header('cache-control', 'no-store');
      return success({
        code: waiting?.text ?? null,
        expiresAt: waiting?.expiresAt.toISOString() ?? null,
        status: stateToConnectionStatus(account.state),
      });
    },
  });
}
