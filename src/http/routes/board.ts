import type { FastifyPluginCallback } from 'fastify';
import type { HttpDeps } from '../context.ts';
import { answerError } from '../error-answer.ts';
import { PAGE_HELMET } from '../security-headers.ts';
import type { HttpApp } from '../typed-fastify.ts';

const PATH = '/admin/queues';

/** Bull Board, for owners and admins of the tenant `default`, since jobs are of all tenants; browsers ask for the key as a password. */
export async function boardRoutes(app: HttpApp, { board, log }: HttpDeps): Promise<void> {
  app.addHook('onRoute', (route) => {
    const access = { permission: 'whatsapp:manage', operatorOnly: true, basicAuth: true } as const;
    route.config = { ...route.config, ...PAGE_HELMET, ...access };
    // Before the board's own, which would make a fault of every refusal.
    route.errorHandler = (thrown, request, reply) => answerError(thrown, request, reply, log);
    route.schema = { ...route.schema, hide: true };
  });
  board.setBasePath(PATH);
  await app.register(board.plugin() as FastifyPluginCallback<{ basePath: string }>, {
    prefix: PATH,
    basePath: PATH,
  });
}
