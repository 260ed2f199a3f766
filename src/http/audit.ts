/**
 * Every request that changed something has an entry in the audit log before it is answered: who asks for anything but
 * reading, and gets it. If the entry cannot be written the change is not confirmed, though it may be done; one that cannot
 * be asked for again is entered in its own transaction. A change that was done is entered also if the rest of its request
 * failed, and once it is done if its answer was given up before.
 */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AuditEntry, insertEntries, type WriteAudit } from '../db/audit-store.ts';
import type { Executor } from '../db/database.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { getPrincipal } from './authentication.ts';
import type { HttpApp } from './typed-fastify.ts';

/** What a handler says of the change, beside what the request itself tells. */
interface AuditNote {
  /** Id of what was changed, where the path does not name it. */
  readonly target?: string;
  /** What else is worth keeping: never a message, a key or a passphrase. */
  readonly details?: object;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True where a request that is no GET changes nothing. */
    readsOnly?: boolean;
  }
  interface FastifyRequest {
    auditNote: AuditNote | null;
  }
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Requests whose entry was written, or tried to. */
const entered = new WeakSet<FastifyRequest>();

/** Makes every route of the app write its entries. Call it before any route is added. */
export function keepAudit(app: HttpApp, write: WriteAudit, log: Logger): void {
  const enter = async (request: FastifyRequest) => {
    if (entered.has(request)) return;
    entered.add(request);
    await write(requestToEntry(request, request.auditNote));
  };
  app.decorateRequest('auditNote', null);
  app.addHook('onSend', async (request, reply, payload) => {
    if (!isChange(request) || (reply.statusCode >= 400 && request.auditNote === null)) return;
    try {
      await enter(request);
    } catch (thrown) {
      // The error is answered in its place, and nobody would read it to its end.
      if (payload instanceof Readable) payload.destroy();
      throw thrown;
    }
  });
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function handleAndEnter(request, reply) {
      const work: unknown = handler.call(this, request, reply);
      if (work instanceof Promise) void enterIfLate(work, request, reply);
      return work;
    };
  });
  /** What was done after its answer was given up is entered all the same. Never rejects. */
  const enterIfLate = async (work: Promise<unknown>, request: FastifyRequest, reply: FastifyReply) => {
    const done = await work.then(
      () => true,
      () => request.auditNote !== null,
    );
    if (!done || !reply.sent || !isChange(request)) return;
    try {
      await enter(request);
    } catch (thrown) {
      const { id: requestId } = request;
      log.error('A change could not be entered in the audit log', {
        requestId,
        error: toError(thrown).message,
      });
    }
  };
}

/** Says that the change which the request asks for is done, and more of it: it is entered whatever comes after. */
export function noteAudit(request: FastifyRequest, note: AuditNote): void {
  request.auditNote = note;
}

/** Enters the change in its own transaction, so that neither is without the other. */
export async function enterAudit(trx: Executor, request: FastifyRequest, note: AuditNote): Promise<void> {
  await insertEntries(trx, [requestToEntry(request, note)]);
  entered.add(request);
}

/** Says that whatever the request changed is entered already: one that is answered as before has changed nothing. */
export function noteEntered(request: FastifyRequest): void {
  entered.add(request);
}

function isChange({ method, principal, routeOptions }: FastifyRequest): boolean {
  return !READING.has(method) && routeOptions.config.readsOnly !== true && principal !== null;
}

function requestToEntry(request: FastifyRequest, note: AuditNote | null): AuditEntry {
  const { kind, id, name, tenantId } = getPrincipal(request);
  return {
    tenantId,
    actor: { kind, id, name },
    action: findAction(request),
    target: note?.target ?? findTarget(request),
    address: request.ip,
    requestId: request.id,
    details: note?.details ?? null,
  };
}

/** The operation as the OpenAPI document calls it; what is not in there by method and path. */
function findAction({ method, routeOptions }: FastifyRequest): string {
  const { schema, url } = routeOptions;
  return schema?.operationId ?? `${method} ${url}`;
}

/** What the path names first. */
function findTarget({ params }: FastifyRequest): string | null {
  const [first] = Object.values(params ?? {});
  return typeof first === 'string' ? first : null;
}
