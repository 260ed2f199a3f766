import { ANSWER_BUCKETS, type Metrics } from '../observability/metrics.ts';
import type { HttpApp } from './typed-fastify.ts';

/** The route of what no route takes. */
const NO_ROUTE = 'none';

/** Anything else that a client may send is one method here: there is no end to their names. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Counts and times every request that was answered, by its route's template: ids, queries and what no route takes make no
 * series of their own. Call it before any route is added.
 */
export function measureRequests(app: Pick<HttpApp, 'addHook'>, metrics: Metrics): void {
  const count = metrics.counterTable({
    name: 'switchboard_http_requests_total',
    help: 'Requests that were answered, by the template of their route and the class of the status.',
    labels: ['method', 'route', 'status'],
  });
  const observe = metrics.histogramTable({
    name: 'switchboard_http_request_duration_seconds',
    help: 'How long answers took, from the headers of the request to the end of the answer.',
    labels: ['method', 'route'],
    buckets: ANSWER_BUCKETS,
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? NO_ROUTE : (request.routeOptions.url ?? NO_ROUTE);
    const method = METHODS.has(request.method) ? request.method : 'other';
    count({ method, route, status: statusToClass(reply.statusCode) });
    observe({ method, route }, reply.elapsedTime / 1_000);
  });
}

function statusToClass(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'other';
}
