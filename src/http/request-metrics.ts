import { ANSWER_BUCKETS, type Metrics } from '../observability/metrics.ts';
import type { HttpApp } from './typed-fastify.ts';

/** The route of what no route takes. */
const NO_ROUTE = 'none';

/** Anything else that a client may send is one method here: there is no end to their names. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string;
  /** The template of its route; undefined if no route took it. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
}

/** Takes each; returns at once and never throws. */
export type OnAnswered = (answered: AnsweredRequest) => void;

/**
 * Counts and times requests by the template of their route: ids, queries and what no route takes make no series of their
 * own.
 */
export function measureRequests(metrics: Metrics): OnAnswered {
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
  return ({ method: asked, route = NO_ROUTE, status, durationMs }) => {
    const method = METHODS.has(asked) ? asked : 'other';
    count({ method, route, status: statusToClass(status) });
    observe({ method, route }, durationMs / 1_000);
  };
}

/** Tells of every answer. Call it before any route is added. */
export function tellAnswers(app: Pick<HttpApp, 'addHook'>, onAnswered: OnAnswered): void {
  app.addHook('onResponse', async (request, reply) => {
    onAnswered({
      method: request.method,
      route: request.is404 ? undefined : request.routeOptions.url,
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
    });
  });
}

function statusToClass(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'other';
}
