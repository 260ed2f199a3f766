import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type AccountId, DEFAULT_TENANT } from '../../accounts/ids.ts';
import { listAccountIds } from '../../db/account-directory.ts';
import { toError } from '../../lib/errors.ts';
import type { CopyReport } from '../../vault/copy-reports.ts';
import { getVisibleAccount } from '../account-access.ts';
import { noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { errorsOf, noQuery } from '../envelope.ts';
import { errorToBody, toClientError } from '../error-answer.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { reportsToLines } from '../upkeep-lines.ts';
import { upkeepLineSchema } from '../vault-view.ts';
import { vaultExportRoutes } from './vault-export.ts';
import { IMPORT_LIMITS, vaultImportRoute } from './vault-import.ts';

/** Hundreds of large vaults on slow storage; a client that goes away ends it earlier. Milliseconds. */
const UPKEEP_TIMEOUT_MS = 24 * 3_600_000;

/** Checking sealed sessions, wrapping them anew, and moving them to another host. */
export async function vaultRoutes(app: HttpApp, deps: HttpDeps): Promise<void> {
  await app.register(multipart, { limits: IMPORT_LIMITS });
  upkeepRoute(app, deps, {
    work: 'verify',
    description: DESCRIPTION,
    summary: 'Open every copy of every sealed session, without writing anything',
  });
  upkeepRoute(app, deps, {
    work: 'rotate',
    description: ROTATE_DESCRIPTION,
    summary: 'Wrap every copy anew that is not wrapped by the current ENCRYPTION_KEY',
  });
  vaultExportRoutes(app, deps);
  vaultImportRoute(app, deps);
}

const upkeepBody = z
  .strictObject({ accountId: z.string() })
  .partial()
  .meta({ description: 'Without an account: all of them.', examples: [{}] })
  .nullish();

const DESCRIPTION = `One JSON document a line, each as soon as its copy is done: \`{"total": <accounts>}\` first, then the
copies, at the end \`{"summary": {accounts, copies, outcomes}}\`; or, if it cannot go on, an error as elsewhere. It stops when
the client goes away. Without \`accountId\` it is about every account of the tenant.`;

const ROTATE_DESCRIPTION = `${DESCRIPTION} For the owner of the tenant \`default\` it is about those of all tenants. It reaches the
backups and the disk of this instance: run it at each instance. \`otherKeys\` in the summary tells what still needs another
key, wherever it is; an old key may go only once that is empty.`;

const EXAMPLE = [
  { total: 1 },
  {
    accountId: '6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10',
    generation: 17,
    source: 'disk',
    keyId: '3f9c1d20b7a84e65',
    bytes: 14_680_064,
    outcome: 'good',
    detail: null,
  },
  { summary: { accounts: 1, copies: 1, outcomes: { good: 1 } } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');

interface Upkeep {
  readonly work: 'verify' | 'rotate';
  readonly summary: string;
  readonly description: string;
}

function upkeepRoute(app: HttpApp, deps: HttpDeps, { work, summary, description }: Upkeep): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/vault/${work}`,
    config: {
      permission: 'whatsapp:manage',
      readsOnly: work === 'verify',
      answerWithinMs: UPKEEP_TIMEOUT_MS,
    },
    schema: {
      operationId: `${work}Vault`,
      tags: ['vault'],
      summary,
      description,
      querystring: noQuery,
      body: upkeepBody,
      response: {
        200: {
          description: 'A line a copy.',
          content: {
            'application/x-ndjson': { schema: upkeepLineSchema, example: EXAMPLE },
          },
        },
        ...errorsOf(404, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const accountIds = await chooseAccounts(deps, request, { work, wanted: request.body?.accountId });
      noteAudit(request, { details: { accounts: accountIds.length } });
      const reports: AsyncIterable<CopyReport> = deps.vault[work](accountIds);
      const lines = reportsToLines(reports, {
        accounts: accountIds.length,
        conclude: async () => (work === 'rotate' ? { otherKeys: await deps.vault.findOtherKeys() } : {}),
        onFailure: (thrown) => {
          const error = toError(thrown);
          deps.log.error('Work on sealed sessions broke off', { requestId: request.id, work, error });
          return errorToBody(toClientError(thrown), request.id);
        },
      });
      return (
        reply
          .headers({ 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' })
          // The schema is that of one line.
          .send(Readable.from(lines) as never)
      );
    },
  });
}

async function chooseAccounts(
  { db }: HttpDeps,
  request: FastifyRequest,
  { work, wanted }: { readonly work: Upkeep['work']; readonly wanted: string | undefined },
): Promise<readonly AccountId[]> {
  if (wanted !== undefined) {
    const { account } = await getVisibleAccount(db, request, wanted);
    return [account.id];
  }
  const { tenantId, role } = getPrincipal(request);
  // The key is that of all tenants, and this is who sets it.
  const isOperator = tenantId === DEFAULT_TENANT && role === 'owner';
  return await listAccountIds(db, work === 'rotate' && isOperator ? null : tenantId);
}
