import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import { noteAudit } from '../audit.ts';
import { getPrincipal } from '../authentication.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { dataOf, errorsOf, noQuery, success } from '../envelope.ts';
import { findNextPart, readAlone } from '../last-part.ts';
import { SessionImport } from '../session-import.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { issuesToError, refuseField } from '../validation.ts';
import { generationSchema, passphraseSchema } from '../vault-view.ts';

const MAX_FILE_BYTES = 4 * 1024 ** 3;
/** 1,024 characters, each of up to four bytes. */
const MAX_FIELD_BYTES = 4_096;
/** What multipart adds around passphrase and file, in bytes, at most. */
const ENVELOPE_BYTES = 64 * 1024;
/** A large file over a slow line, in milliseconds. */
const IMPORT_TIMEOUT_MS = 3_600_000;

/** What the form of an import may hold. */
export const IMPORT_LIMITS = {
  files: 1,
  fields: 1,
  fieldSize: MAX_FIELD_BYTES,
  fileSize: MAX_FILE_BYTES,
} as const;

/** Taking in a session that was exported at another host. */
export function vaultImportRoute(app: HttpApp, deps: HttpDeps): void {
  const imports = new SessionImport(deps);
  app.route({
    method: 'POST',
    url: `${API_BASE}/vault/import`,
    config: { permission: 'whatsapp:manage', answerWithinMs: IMPORT_TIMEOUT_MS },
    schema: {
      operationId: 'importVault',
      tags: ['vault'],
      summary: 'Take in an exported session and start it',
      description: `Two parts: \`passphrase\`, then \`file\`, of at most 4 GiB. The account is created under the id that it
had; 409 if it is linked or runs here. If it fails, nothing of it is left.`,
      consumes: ['multipart/form-data'],
      querystring: noQuery,
      body: z.any().meta({
        type: 'object',
        properties: {
          passphrase: { type: 'string', format: 'password', minLength: 12, maxLength: 1024 },
          file: { type: 'string', format: 'binary' },
        },
        required: ['passphrase', 'file'],
      }),
      response: {
        201: dataOf(
          z.object({ accountId: z.string(), generation: generationSchema }),
          'It is sealed here, and is starting.',
        ),
        ...errorsOf(409, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { tenantId } = getPrincipal(request);
      const { passphrase, part, parts } = await takeForm(request);
      const bytes = readFile(part, parts);
      try {
        const { accountId, generation } = await imports.take({ tenantId, bytes, passphrase });
        noteAudit(request, { target: accountId, details: { generation } });
        return reply.code(201).send(success({ accountId: accountId as string, generation }));
      } catch (thrown) {
        throw explain(thrown, part);
      } finally {
        // What is left of a refused file is read and dropped, so that the client gets to the answer.
        await bytes.return(undefined);
        request.raw.unpipe().resume();
      }
    },
  });
}

interface ImportForm {
  readonly passphrase: string;
  readonly part: MultipartFile;
  readonly parts: AsyncIterator<Multipart>;
}

/** The form up to where its file begins. */
async function takeForm(request: FastifyRequest): Promise<ImportForm> {
  if (!request.isMultipart()) {
    throw new AppError('UNSUPPORTED_MEDIA', { message: 'Send passphrase and file as multipart/form-data.' });
  }
  if (Number(request.headers['content-length'] ?? 0) > MAX_FILE_BYTES + ENVELOPE_BYTES) throw makeTooLarge();
  const parts = request.parts();
  const passphrase = parsePassphrase(await nextPart(parts));
  const part = await nextPart(parts);
  if (part?.type === 'file' && part.fieldname === 'file') return { passphrase, part, parts };
  dropPart(part);
  throw refuseField('file', 'Give the file as a part with this name, after the passphrase.');
}

async function nextPart(parts: AsyncIterator<Multipart>): Promise<Multipart | undefined> {
  try {
    return await findNextPart(parts);
  } catch (thrown) {
    throw explainForm(thrown) ?? thrown;
  }
}

function parsePassphrase(part: Multipart | undefined): string {
  if (part?.type !== 'field' || part.fieldname !== 'passphrase') {
    dropPart(part);
    throw refuseField('passphrase', 'Give the passphrase as a part with this name, before the file.');
  }
  const parsed = passphraseSchema.safeParse(part.value);
  if (parsed.success && part.valueTruncated !== true) return parsed.data;
  throw parsed.success
    ? refuseField('passphrase', 'Use 12 to 1,024 characters.')
    : issuesToError(parsed.error.issues, 'passphrase');
}

/** Fails by our own codes alone, which whoever takes the bytes in hands on as they are. */
async function* readFile(part: MultipartFile, parts: AsyncIterator<Multipart>): AsyncGenerator<Uint8Array> {
  try {
    yield* readAlone(part, parts);
  } catch (thrown) {
    throw explainForm(thrown) ?? thrown;
  }
}

function dropPart(part: Multipart | undefined): void {
  if (part?.type === 'file') part.file.resume();
}

/** What the client can mend is told as such: here a damaged file is not the daemon's own. */
function explain(thrown: unknown, part: MultipartFile): unknown {
  if (part.file.truncated) return makeTooLarge();
  if (isAppError(thrown, 'VAULT_DAMAGED')) return refuseField('file', thrown.message);
  if (isAppError(thrown, 'VAULT_TOO_LARGE')) {
    return new AppError('TOO_LARGE', { message: thrown.message, cause: thrown });
  }
  return thrown;
}

/** The limits of the form, in its own words. */
function explainForm(thrown: unknown): AppError | undefined {
  if (isAppError(thrown)) return thrown;
  const { code } = toError(thrown) as { code?: unknown };
  if (code === 'FST_REQ_FILE_TOO_LARGE') return makeTooLarge();
  if (code === 'FST_FIELDS_LIMIT' || code === 'FST_FILES_LIMIT') {
    return refuseField('body', 'Send the parts passphrase and file, and nothing else.');
  }
  return undefined;
}

function makeTooLarge(): AppError {
  const message = 'The file is larger than 4 GiB, which no export is.';
  return new AppError('TOO_LARGE', { message, details: [{ field: 'file', message }] });
}
