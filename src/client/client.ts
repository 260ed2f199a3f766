/**
 * The client of Switchboard's HTTP API, for applications and for the command line. Paths, parameters, bodies and answers
 * have the types that the OpenAPI document gives them. This file is the only door, so that it hands on what belongs to
 * the client; nothing in this folder imports anything of the daemon.
 */
import type { Call, List, Method, Request } from './call-types.ts';
import { listAll, makeCaller, type UntypedCall } from './caller.ts';
import type { ClientOptions } from './client-options.ts';

export type { AnswerOf, CallInit, ItemOf, ListPath, Method, PathOf, Schemas } from './call-types.ts';
export type { ClientOptions } from './client-options.ts';
export type { paths } from './openapi.ts';
export type { RealtimeEvents, RealtimePayloads } from './realtime-events.ts';
export { type ClientCode, SwitchboardError } from './switchboard-error.ts';
export type { WebhookBody } from './webhook-body.ts';

/**
 * Calls of the API. Each rejects with a SwitchboardError, with the reason of its signal, or with what `token` throws.
 *
 * A request is made again where the answer says that it was not done (429 with a Retry-After of 30 seconds at most), and
 * where it may be done twice, which reads and sends may: after 503, where no answer came, and while an earlier attempt is
 * still being accepted (IDEMPOTENCY_IN_PROGRESS). Every send has an Idempotency-Key: its
 * `params.header['idempotency-key']`, else one that is made for it, the same for all its attempts.
 */
export interface SwitchboardClient {
  readonly get: Call<'get'>;
  readonly post: Call<'post'>;
  readonly put: Call<'put'>;
  readonly patch: Call<'patch'>;
  readonly delete: Call<'delete'>;
  /** A page is asked for when the one before was read to its end. */
  readonly list: List;
  readonly request: Request;
}

/** Makes a client; nothing is asked until it is called. */
export function makeSwitchboardClient(options: ClientOptions): SwitchboardClient {
  const caller = makeCaller(options);
  const bodyOf = <M extends Method>(method: M) =>
    (async (path: string, call?: UntypedCall) =>
      (await caller(method, path, call)).body) as unknown as Call<M>;
  return {
    get: bodyOf('get'),
    post: bodyOf('post'),
    put: bodyOf('put'),
    patch: bodyOf('patch'),
    delete: bodyOf('delete'),
    list: ((path: string, call?: UntypedCall) => listAll(caller, path, call)) as unknown as List,
    request: caller as unknown as Request,
  };
}
