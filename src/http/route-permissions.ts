import type { HttpApp } from './typed-fastify.ts';

/** Makes the start fail for a route that does not say whom it is for. Call it before any route is added. */
export function requirePermissions(app: Pick<HttpApp, 'addHook'>): void {
  const routes: { url: string; method: string | string[]; config?: { permission?: string } }[] = [];
  // Kept as it is: a hook of the route's own scope may still set the permission.
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const missing = routes.filter(({ config }) => config?.permission === undefined);
    if (missing.length === 0) return;
    const names = missing.map(({ method, url }) => `${String(method)} ${url}`).join(', ');
    throw new TypeError(`Routes without a permission: ${names}`);
  });
}
