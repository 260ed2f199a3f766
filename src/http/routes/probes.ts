import { z } from 'zod';
import { withDeadline } from '../../lib/abort.ts';
import { AppError, toError } from '../../lib/errors.ts';
import type { HttpDeps, ReadinessCheck } from '../context.ts';
import { dataOf, errorsOfOpen, noQuery, success } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

/** Milliseconds within which a part has to answer to count as ready. */
const CHECK_DEADLINE_MS = 2_000;

/** `GET /health` and `GET /ready`, for supervisors and load balancers. */
export function probeRoutes(app: HttpApp, { checks, log }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: '/health',
    config: { permission: 'open', rateLimited: false },
    schema: {
      operationId: 'getHealth',
      tags: ['probes'],
      summary: 'The process is alive',
      security: [],
      querystring: noQuery,
      response: {
        200: dataOf(z.object({ status: z.literal('alive') }), 'It is alive.'),
        ...errorsOfOpen(400),
      },
    },
    handler: async () => success({ status: 'alive' as const }),
  });

  app.route({
    method: 'GET',
    url: '/ready',
    config: { permission: 'open', rateLimited: false },
    schema: {
      operationId: 'getReady',
      tags: ['probes'],
      summary: 'Database and queue answer, and the instance may run sessions',
      description:
        'It does not wait for WhatsApp sessions. What is not ready is named: `database`, `queue`, or `lease` while the lease of the ' +
        'instance has lapsed, because it could not renew it, and its sessions are stopped until it can.',
      security: [],
      querystring: noQuery,
      response: {
        200: dataOf(
          z.object({ status: z.literal('ready'), checks: z.record(z.string(), z.literal('ok')) }),
          'Every part answers.',
        ),
        ...errorsOfOpen(400, 503),
      },
    },
    handler: async () => {
      const names = Object.keys(checks);
      const results = await Promise.all(Object.entries(checks).map(([name, check]) => ask(name, check)));
      const failed = results.flatMap((error, index) =>
        error === undefined ? [] : [{ name: names[index], error }],
      );
      if (failed.length > 0) {
        log.warn('A part does not answer', {
          parts: failed.map(({ name, error }) => ({ name, error: error.message })),
        });
        throw new AppError('UNAVAILABLE', {
          message: `Not ready: ${failed.map(({ name }) => name).join(', ')}.`,
        });
      }
      return success({
        status: 'ready' as const,
        checks: Object.fromEntries(names.map((name) => [name, 'ok' as const])),
      });
    },
  });
}

async function ask(name: string, check: ReadinessCheck): Promise<Error | undefined> {
  try {
    await withDeadline(check(), CHECK_DEADLINE_MS, name);
    return undefined;
  } catch (thrown) {
    return toError(thrown);
  }
}
