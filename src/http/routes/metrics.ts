import { z } from 'zod';
import type { HttpDeps } from '../context.ts';
import { errorsOf, noQuery } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** `GET /metrics`, for Prometheus; for the operator's tenant alone. */
export function metricsRoute(app: HttpApp, { metrics }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: '/metrics',
    config: { permission: 'whatsapp:manage', operatorOnly: true, rateLimited: false },
    schema: {
      operationId: 'getMetrics',
      tags: ['probes'],
      summary: 'Figures for Prometheus',
      description:
        'Of this instance and all tenants, for owners and admins of tenant `default` alone; no figure names an account. A gauge whose ' +
        'store is away is left out. `API_RATE_LIMIT` does not apply.',
      querystring: noQuery,
      response: {
        200: {
          description: 'The figures in the text format of Prometheus.',
          content: {
            'text/plain': {
              schema: z.string().meta({ examples: ['switchboard_sessions{state="connected"} 4\n'] }),
            },
          },
        },
        ...errorsOf(),
      },
    },
    handler: async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return reply.type(metrics.contentType).send(await metrics.text());
    },
  });
}
