import type { Multipart, MultipartFile } from '@fastify/multipart';
import { isAppError, toError } from '../lib/errors.ts';
import { refuseField } from './validation.ts';

/** The next part of a form; undefined at its end. What is wrong with the form is told as such. */
export async function findNextPart(parts: AsyncIterator<Multipart>): Promise<Multipart | undefined> {
  try {
    const { value, done } = await parts.next();
    return done ? undefined : value;
  } catch (thrown) {
    throw explainForm(thrown);
  }
}

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
    throw explainForm(thrown);
  }
}

/** The parser's own errors have no status, and are all about what the client sent. */
function explainForm(thrown: unknown): unknown {
  const { statusCode = 500 } = toError(thrown) as { statusCode?: number };
  return statusCode < 500 || isAppError(thrown)
    ? thrown
    : refuseField('body', 'The form breaks off before its end, or is none.');
}
