import multipart, { type MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../lib/errors.ts';
import { MAX_MEDIA_BYTES, makeTooLarge } from '../../messages/media-kind.ts';
import { UNKNOWN_MIME_TYPE } from '../../messages/media-mime.ts';
import { getVisibleAccount, getVisibleMessage } from '../account-access.ts';
import { noteAudit } from '../audit.ts';
import { toContentDisposition } from '../content-disposition.ts';
import { API_BASE, type HttpDeps } from '../context.ts';
import { accountParams, dataOf, errorsOf, messageParams, noQuery, success } from '../envelope.ts';
import { findNextPart, readAlone } from '../last-part.ts';
import type { HttpApp } from '../typed-fastify.ts';
import { refuseField } from '../validation.ts';

/** What multipart adds around the file, in bytes, at most. */
const ENVELOPE_BYTES = 64 * 1024;
/** A large file over a slow line; longer than a request may take to come. Milliseconds. */
const TRANSFER_TIMEOUT_MS = 600_000;

/** Taking in files to be sent, and handing out those of messages. */
export async function mediaRoutes(app: HttpApp, deps: HttpDeps): Promise<void> {
  await app.register(multipart, { limits: { files: 1, fields: 0, fileSize: MAX_MEDIA_BYTES + 1 } });
  uploadRoute(app, deps);
  downloadRoute(app, deps);
}

function uploadRoute(app: HttpApp, { db, uploads }: HttpDeps): void {
  app.route({
    method: 'POST',
    url: `${API_BASE}/accounts/:accountId/media`,
    config: { permission: 'whatsapp:send', answerWithinMs: TRANSFER_TIMEOUT_MS },
    schema: {
      operationId: 'uploadMedia',
      tags: ['media'],
      summary: 'Hand in a file to be sent',
      description:
        'One part named `file`, of at most 100 MB, and nothing else. Its `mediaId` can be sent any number of times.',
      consumes: ['multipart/form-data'],
      params: accountParams,
      querystring: noQuery,
      body: z.any().meta({
        type: 'object',
        properties: { file: { type: 'string', format: 'binary' } },
        required: ['file'],
      }),
      response: {
        201: dataOf(z.object({ mediaId: z.string() }), 'It is stored.'),
        ...errorsOf(404, 413, 415),
      },
    },
    handler: async (request, reply) => {
      const { account } = await getVisibleAccount(db, request, request.params.accountId);
      const { part, bytes } = await getFilePart(request);
      try {
        const { mediaId } = await uploads.takeUpload(account.id, bytes, {
          declaredMimeType: part.mimetype || null,
          fileName: part.filename || null,
        });
        noteAudit(request, { details: { mediaId } });
        return reply.code(201).send(success({ mediaId }));
      } finally {
        // What is left of a refused file is read and dropped, so that the client gets to the answer.
        part.file.resume();
      }
    },
  });
}

interface FilePart {
  readonly part: MultipartFile;
  /** Of the file; they end only if no other part follows, and fail otherwise. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

async function getFilePart(request: FastifyRequest): Promise<FilePart> {
  if (!request.isMultipart()) {
    throw new AppError('UNSUPPORTED_MEDIA', { message: 'Send the file as multipart/form-data.' });
  }
  if (Number(request.headers['content-length'] ?? 0) > MAX_MEDIA_BYTES + ENVELOPE_BYTES) {
    throw makeTooLarge('file', MAX_MEDIA_BYTES);
  }
  const parts = request.parts();
  const part = await findNextPart(parts);
  if (part?.type !== 'file') throw refuseField('file', 'Give the file as a part with this name.');
  if (part.fieldname !== 'file') {
    part.file.resume();
    throw refuseField(part.fieldname, 'This part is not known here. Name the file `file`.');
  }
  return { part, bytes: readAlone(part, parts) };
}

function downloadRoute(app: HttpApp, { db, media }: HttpDeps): void {
  app.route({
    method: 'GET',
    url: `${API_BASE}/messages/:messageId/media`,
    config: { permission: 'whatsapp:read', answerWithinMs: TRANSFER_TIMEOUT_MS },
    schema: {
      operationId: 'getMessageMedia',
      tags: ['media'],
      summary: 'The file of a message',
      description: '404 while it is not stored yet, and if it is not to be had.',
      params: messageParams,
      querystring: noQuery,
      response: {
        200: {
          description: 'The bytes.',
          content: { '*/*': { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
        },
        ...errorsOf(404),
      },
    },
    handler: async (request, reply) => {
      const message = await getVisibleMessage(db, request, request.params.messageId);
      const sha256 = message.media?.status === 'stored' ? message.media.sha256 : null;
      if (sha256 === null) throw new AppError('MEDIA_NOT_FOUND');
      const { stream, fileSize } = await media.openRead(sha256);
      return reply
        .headers({
          'content-type': message.media?.mimeType ?? UNKNOWN_MIME_TYPE,
          'content-length': String(fileSize),
          'content-disposition': toContentDisposition(message.media?.fileName ?? null, message.id),
          // The bytes are a stranger's: a browser must not run them in our name.
          'content-security-policy': "default-src 'none'; sandbox",
          'cache-control': 'private, no-cache',
        })
        .send(stream);
    },
  });
}
