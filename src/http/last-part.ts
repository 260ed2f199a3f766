import type { Multipart, MultipartFile } from '@fastify/multipart';
import { toError } from '../lib/errors.ts';
import { refuseField } from './validation.ts';

/**
 * The bytes of a form's last part. Whoever takes them in fails with a form that holds more or breaks off, before it has
 * kept any of them.
 */
export async function* readAlone(
  part: MultipartFile,
  parts: AsyncIterator<Multipart>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* part.file;
    // The limits of the form make the plugin throw at a further part of either kind.
    await parts.next();
  } catch (thrown) {
    const { statusCode = 500 } = toError(thrown) as { statusCode?: number };
    // The parser's own errors have no status, and are all about what the client sent.
    throw statusCode < 500 ? thrown : refuseField('body', 'The form breaks off before its end.');
  }
}
