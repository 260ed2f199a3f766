import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Account } from '../../accounts/account.ts';
import type { AccountId } from '../../accounts/ids.ts';
import { findAccountTodayOfAny } from '../../db/account-directory.ts';
import { AppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { getVisibleAccount } from '../account-access.ts';
import { toContentDisposition } from '../content-disposition.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { generationSchema, passphraseSchema } from '../vault-view.ts';

/** The header that says which generation an export holds. */
const GENERATION_HEADER = 'x-vault-generation';

/** A large file over a slow line, in milliseconds. */
const EXPORT_TIMEOUT_MS = 3_600_000;

/**
 * The generation of each account's latest export by this instance, which is an older one than the newest if that was damaged.
 * It says nothing once the account has not rested since: another instance may have exported it later.
 */
type Exported = Map<AccountId, Pick<Export, 'generation' | 'restsSince'>>;

/** Moving a session away: the sealed file first, then, once that is safe, the end of the session here. */
export function vaultExportRoutes(app: HttpApp, deps: HttpDeps): void {
  const exported: Exported = new Map();
  exportRoute(app, deps, exported);
  confirmRoute(app, deps, exported);
}

function exportRoute(app: HttpApp, deps: HttpDeps, exported: Exported): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/vault/export`,
    config: { permission: 'whatsapp:manage', answerWithinMs: EXPORT_TIMEOUT_MS },
    schema: {
      operationId: 'exportVault',
      tags: ['vault'],
      summary: "End the session and hand out its sealed file under a passphrase, for another host's import",
      description: `The session is not logged out. It stays at rest here, and can be reconnected, until the export is
confirmed. It must never run in two places: WhatsApp would end the link.`,
      params: accountParams,
      querystring: noQuery,
      body: z.strictObject({ passphrase: passphraseSchema }),
      response: {
        200: {
          description: `The sealed file; its generation is in the header X-Vault-Generation.`,
          headers: {
            'X-Vault-Generation': {
              description: 'To be given when the export is confirmed.',
              schema: generationSchema,
            },
          },
          content: {
            'application/octet-stream': { schema: z.any().meta({ type: 'string', format: 'binary' }) },
          },
        },
        ...errorsOf(404, 409, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(deps.db, request, request.params.accountId);
      // Until this one has begun there is no file that may be confirmed.
      exported.delete(account.id);
      const { generation, restsSince, bytes } = await exportSession(deps, account, request.body.passphrase);
      exported.set(account.id, { generation, restsSince });
      return reply
        .headers({
          'content-type': 'application/octet-stream',
          'content-disposition': toContentDisposition(`${account.id}.${generation}.vault`, 'session.vault'),
          'cache-control': 'no-store',
          [GENERATION_HEADER]: String(generation),
        })
        .send(Readable.from(tellIfCutOff(bytes, deps.log, account.id)));
    },
  });
}

interface Export {
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly restsSince: number | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** The session rests once this has resolved; if it rejects, one that a user wants connected goes on. */
async function exportSession(
  { db, channel, vault, log }: HttpDeps,
  account: Account,
  passphrase: string,
): Promise<Export> {
  const { id: accountId } = account;
  if (!account.linked) {
    throw new AppError('ACCOUNT_NOT_CONNECTED', {
      message: 'The account is not linked: it has no session to export.',
    });
  }
  try {
    await channel.release(accountId);
    const resting = await findAccountTodayOfAny(db, accountId);
    const { generation, bytes } = await vault.exportNewest(accountId, passphrase);
    // What is wrong with the key or the file shows at its head, while there still can be another answer.
    const started = await readAhead(bytes);
    log.info('A sealed session is being exported', { accountId, generation });
    return { generation, restsSince: resting?.account.since.getTime(), bytes: started };
  } catch (thrown) {
    if (account.wanted) await goOn({ channel, log }, accountId);
    throw thrown;
  }
}

async function goOn({ channel, log }: Pick<HttpDeps, 'channel' | 'log'>, accountId: AccountId) {
  try {
    await channel.start(accountId);
  } catch (thrown) {
    const error = toError(thrown).message;
    log.error('A session that could not be exported was not started again', { accountId, error });
  }
}

/** The same bytes, the first of them read already. */
async function readAhead(bytes: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let piece = first; !piece.done; piece = await iterator.next()) yield piece.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

/** The client sees a file that breaks off; why it did is for the log alone. */
async function* tellIfCutOff(
  bytes: AsyncIterable<Uint8Array>,
  log: Logger,
  accountId: AccountId,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (thrown) {
    log.error('The export of a sealed session broke off', { accountId, error: toError(thrown).message });
    throw thrown;
  }
}

const confirmedSchema = z.object({
  accountId: z.string(),
  generation: generationSchema,
  message: z.string(),
});

function confirmRoute(app: HttpApp, deps: HttpDeps, exported: Exported): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/vault/export/confirm`,
    config: { permission: 'whatsapp:manage' },
    schema: {
      operationId: 'confirmVaultExport',
      tags: ['vault'],
      summary: 'Say that the exported file is safe: the session is closed here for good',
      description: `Every sealed copy here is destroyed; the device stays logged in, since it lives on in the file. 409 if
the session has gone on, or was exported again, since that export. May be called again.`,
      params: accountParams,
      querystring: noQuery,
      body: z.strictObject({ generation: generationSchema }),
      response: { 200: dataOf(confirmedSchema, 'It is closed.'), ...errorsOf(404, 409, 413, 415) },
    },
    handler: async (request) => {
      const { account } = await getVisibleAccount(deps.db, request, request.params.accountId);
      const { generation } = request.body;
      const kept = exported.get(account.id);
      const latest = kept?.restsSince === account.since.getTime() ? kept.generation : undefined;
      await checkIsExported(deps, account, { generation, latest });
      await deps.channel.abandon(account.id);
      exported.delete(account.id);
      deps.log.info('A session was moved away', { accountId: account.id, generation });
      return success({
        accountId: account.id as string,
        generation,
        message: 'The session is closed here for good. It goes on where the file is imported.',
      });
    },
  });
}

/** Only a session that rests since its export has nothing newer than the file; one that was moved has nothing at all. */
async function checkIsExported(
  { vault }: HttpDeps,
  { id, reason, linked }: Account,
  { generation, latest }: { readonly generation: number; readonly latest: number | undefined },
): Promise<void> {
  // One whose closing was cut off is not linked any more, whatever its reason still says.
  if (reason === 'moved_away' || (reason === 'exported' && !linked)) return;
  if (reason === 'exported') {
    const newest = latest ?? (await vault.findNewest(id)).generation;
    if (generation === newest) return;
    throw new AppError('EXPORT_OUTDATED', {
      message: `The session was exported last as generation ${newest}, not ${generation}. Delete this file; if the later one is lost, export it again.`,
    });
  }
  throw new AppError('EXPORT_OUTDATED', {
    message:
      'The session is not at rest since an export: it has gone on here. Delete the file, and export it again.',
  });
}
