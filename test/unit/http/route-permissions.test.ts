import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { requirePermissions } from '../../../src/http/route-permissions.ts';

it('starts only if every route says whom it is for', async () => {
  const app = fastify();
  requirePermissions(app as never);
  app.get('/said', { config: { permission: 'open' } }, async () => 'ok');
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { permission: 'whatsapp:read' };
    });
    scope.get('/said-by-its-scope', async () => 'ok');
  });
  app.get('/forgotten', async () => 'ok');
  await expect(app.ready()).rejects.toThrow(/Routes without a permission: GET \/forgotten/);
});
