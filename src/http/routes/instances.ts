import { z } from 'zod';
import { forgetInstance, type Instance, listInstances } from '../../db/instance-directory.ts';
import { transact } from '../../db/transaction.ts';
import { LEASE_TERMS } from '../../instances/lease-terms.ts';
import { AppError } from '../../lib/errors.ts';
import { enterAudit } from '../audit.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, pageOf, pageQuery, success, successPage } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';

const INSTANCES = `${API_BASE}/instances`;
/** Instances hold accounts of all tenants. */
const ACCESS = { permission: 'whatsapp:manage', operatorOnly: true } as const;

const instant = (description: string) => z.string().meta({ format: 'date-time', description });

const instanceSchema = z
  .object({
    id: z.string().meta({ description: 'Its INSTANCE_ID.', examples: ['switchboard-0'] }),
    since: instant('When its run began. ISO 8601 in UTC, by the clock of PostgreSQL, as all of these.'),
    renewedAt: instant('When it has renewed its lease last: every five seconds while it is well.'),
    leaseUntil: instant(
      'Until when nobody else may take its accounts; null where it never lapses, since the database is its own.',
    ).nullable(),
    capacity: z.int().meta({ description: 'WHATSAPP_MAX_CONNECTIONS.', examples: [10] }),
    accounts: z.int().meta({ description: 'Accounts that it holds.' }),
    draining: z.boolean().meta({ description: 'It stops, and takes no more.' }),
  })
  .meta({ id: 'Instance' });

const forgottenSchema = z.object({
  id: z.string(),
  forgotten: z.literal(true),
  accounts: z.int().meta({ description: 'Accounts that it held, which any instance may take now.' }),
});

const instanceParams = z.object({
  instanceId: z
    .string()
    .meta({ description: 'The INSTANCE_ID of an instance.', examples: ['switchboard-0'] }),
});

/** The instances that share the database, and forgetting one that is dead; for the operator's tenant alone. */
export function instanceRoutes(app: HttpApp, deps: HttpDeps): void {
  listRoute(app, deps);
  forgetRoute(app, deps);
}

function listRoute(app: HttpApp, { db }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: INSTANCES,
    config: ACCESS,
    schema: {
      operationId: 'listInstances',
      tags: ['instances'],
      summary: 'The instances that share the database, oldest first',
      description: 'For owners and admins of the tenant `default`.',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(instanceSchema, 'A page of instances.'), ...errorsOf() },
    },
    handler: async (request) => {
      const { limit, cursor } = request.query;
      return successPage(await listInstances(db, { limit, after: cursor ?? null }), instanceToView);
    },
  });
}

function forgetRoute(app: HttpApp, { db, instanceId: own, log }: HttpDeps): void {
  app.route({
    method: 'DELETE',
    url: `${INSTANCES}/:instanceId`,
    config: ACCESS,
    schema: {
      operationId: 'forgetInstance',
      tags: ['instances'],
      summary: 'Forget an instance that is dead, so that others take its accounts at once',
      description:
        'They do so by themselves once its lease has lapsed: half a minute, or up to ten minutes if it was alone. Make sure that its ' +
        'daemon and its browsers are gone: two browsers with one link cost the account its connection, and may cost messages. One that ' +
        'has renewed its lease within 15 seconds is refused unless `force` is true; the one that answers is never forgotten.',
      params: instanceParams,
      querystring: z.strictObject({ force: z.enum(['true', 'false']).default('false') }),
      response: { 200: dataOf(forgottenSchema, 'It is forgotten.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request) => {
      const { instanceId: id } = request.params;
      const forced = request.query.force === 'true';
      if (id === own)
        throw new AppError('INSTANCE_ALIVE', {
          message:
            'This instance is the one that answers: it is alive. Stop it, and ask another one to forget it.',
        });
      if (!/^[\w.-]+$/.test(id)) throw new AppError('INSTANCE_NOT_FOUND');
      const accounts = await transact(db, async (trx) => {
        const forgetting = await forgetInstance(trx, id, forced ? 0 : LEASE_TERMS.forgetQuietMs);
        if (forgetting.kind === 'unknown') throw new AppError('INSTANCE_NOT_FOUND');
        if (forgetting.kind === 'renewed') throw makeAlive(forgetting.agoMs);
        await enterAudit(trx, request, { details: { forced, accounts: forgetting.held } });
        return forgetting.held;
      });
      log.warn('An instance was forgotten; its accounts are free', { from: id, accounts, forced });
      return success({ id, forgotten: true as const, accounts });
    },
  });
}

function makeAlive(agoMs: number): AppError {
  const seconds = Math.max(1, Math.round(agoMs / 1_000));
  const quiet = LEASE_TERMS.forgetQuietMs / 1_000;
  return new AppError('INSTANCE_ALIVE', {
    message: `It has renewed its lease ${seconds} s ago, so that it may be alive. Stop it; or, if it is dead, wait until ${quiet} s have passed, or use \`force\`.`,
  });
}

function instanceToView(instance: Instance): z.output<typeof instanceSchema> {
  const { instanceId, startedAt, renewedAt, leaseUntil, capacity, held, isDraining } = instance;
  return {
    id: instanceId,
    since: startedAt.toISOString(),
    renewedAt: renewedAt.toISOString(),
    leaseUntil: leaseUntil?.toISOString() ?? null,
    capacity,
    accounts: held,
    draining: isDraining,
  };
}
