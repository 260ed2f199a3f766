/**
 * Every request that changed something has an entry in the audit log before it is answered: who asks for anything but
 * reading, and gets it. If the entry cannot be written the change is not confirmed, though it may be done.
 */
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { AuditEntry, WriteAudit } from '../db/audit-store.ts';
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

/** Makes every route of the app write its entries. Call it before any route is added. */
export function keepAudit(app: HttpApp, write: WriteAudit): void {
  app.decorateRequest('auditNote', null);
  app.addHook('onSend', async (request, reply, payload) => {
    const { principal, auditNote } = request;
    const isChange = !READING.has(request.method) && request.routeOptions.config.readsOnly !== true;
    if (!isChange || principal === null || reply.statusCode >= 400) return;
    const { kind, id, name, tenantId } = principal;
    const entry: AuditEntry = {
      tenantId,
      actor: { kind, id, name },
      action: findAction(request),
      target: auditNote?.target ?? findTarget(request),
      address: request.ip,
      requestId: request.id,
      details: auditNote?.details ?? null,
    };
    try {
      await write(entry);
    } catch (thrown) {
      // The error is answered in its place, and nobody would read it to its end.
      if (payload instanceof Readable) payload.destroy();
      throw thrown;
    }
  });
}

/** Says more of the change that the request makes. */
export function noteAudit(request: FastifyRequest, note: AuditNote): void {
  request.auditNote = note;
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
