import { z } from 'zod';
import { stateToConnectionStatus } from '../../accounts/state.ts';
import { AppError } from '../../lib/errors.ts';
import { chooseType } from '../accept.ts';
import { getVisibleAccount } from '../account-access.ts';
import { connectionStatusSchema } from '../account-view.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { accountToQr } from '../link-code-answer.ts';
import { qrToDataUrl, qrToPng, qrToSvg, qrToTerminal } from '../qr-image.ts';
import type { HttpApp } from '../typed-fastify.ts';

const TYPES = ['application/json', 'image/png', 'image/svg+xml', 'text/plain'] as const;

const qrSchema = z.object({
  qrCode: z
    .string()
    .nullable()
    .meta({
      description: 'PNG as a data URL; null until there is a code.',
      examples: ['data:image/png;base64,iVBORw0KGgo='],
    }),
  qr: z
    .string()
    .nullable()
    .meta({ description: 'The text that the code holds.', examples: ['2@QxYz0'] }),
  expiresAt: z.string().nullable().meta({ format: 'date-time' }),
  status: connectionStatusSchema,
});

/** The QR code of an account: as JSON, or as the kind of picture that the Accept header asks for. */
export function qrRoute(app: HttpApp, { db, clock }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/qr-code/:accountId`,
    config: { permission: 'whatsapp:read' },
    schema: {
      operationId: 'getQrCode',
      tags: ['connection'],
      summary: 'The QR code to scan',
      description:
        'It is replaced before it expires while somebody waits. With `Accept: image/png`, `image/svg+xml` or ' +
        '`text/plain` (for a terminal) the answer is just that, and 404 until there is a code. Once linking was given up, ' +
        'for whatever reason, it is 400 `QR_EXPIRED`, and the message says why and what to do. An account that ' +
        'was created with `pairing: "code"` has none: see `/pairing-code`.',
      params: accountParams,
      querystring: noQuery,
      response: {
        200: {
          description: 'The code, or nulls until there is one.',
          content: {
            'application/json': { schema: dataOf(qrSchema, 'The code.') },
            'image/png': { schema: z.any().meta({ type: 'string', format: 'binary' }) },
            'image/svg+xml': { schema: z.string() },
            'text/plain': { schema: z.string() },
          },
        },
        ...errorsOf(404, 409),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const waiting = accountToQr(account, new Date(clock.now()));
      const type = chooseType(request.headers.accept, TYPES);
      // There may be `Origin` already.
      const vary = [reply.getHeader('vary'), 'Accept'].filter((each) => each !== undefined).join(', ');
      reply.headers({ 'cache-control': 'no-store', vary });
      if (type === 'application/json') {
        return success({
          qrCode: waiting === null ? null : await qrToDataUrl(waiting.text),
          qr: waiting?.text ?? null,
          expiresAt: waiting?.expiresAt.toISOString() ?? null,
          status: stateToConnectionStatus(account.state),
        });
      }
      if (waiting === null)
        throw new AppError('NOT_FOUND', {
          message:
            'There is no QR code yet. Ask again in some seconds; as application/json it says how far the account is.',
        });
      return reply
        .type(type === 'text/plain' ? 'text/plain; charset=utf-8' : type)
        .send(await draw(type, waiting.text));
    },
  });
}

async function draw(
  type: Exclude<(typeof TYPES)[number], 'application/json'>,
  qr: string,
): Promise<Buffer | string> {
  switch (type) {
    case 'image/png':
      return qrToPng(qr);
    case 'image/svg+xml':
      return qrToSvg(qr);
    case 'text/plain':
      return qrToTerminal(qr);
    default:
      return type satisfies never;
  }
}
