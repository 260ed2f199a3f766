import type { FastifyPluginCallback } from 'fastify';
import type { HttpDeps } from '../context.ts';
import type { HttpApp } from '../http-app.ts';

const PATH = '/admin/queues';

/** Bull Board, for owners and admins; browsers ask for the key as a password. */
export async function boardRoutes(app: HttpApp, { board }: HttpDeps): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, permission: 'whatsapp:manage', basicAuth: true };
    route.schema = { ...route.schema, hide: true };
  });
  board.setBasePath(PATH);
  await app.register(board.plugin() as FastifyPluginCallback<{ basePath: string }>, {
    prefix: PATH,
    basePath: PATH,
  });
}
