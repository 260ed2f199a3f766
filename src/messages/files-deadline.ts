import { AppError } from '../lib/errors.ts';
import { ACCEPTANCE_TERMS } from './acceptance-terms.ts';

/** Aborts once the files of a request have had their time. Disposing ends the wait for that. */
export interface FilesDeadline extends Disposable {
  /** With UNAVAILABLE. It ends whatever is still fetched or kept, and all that would be afterwards. */
  readonly signal: AbortSignal;
}

/** Begins the time that the files of one request have together, in milliseconds. */
export function openFilesDeadline(ms: number = ACCEPTANCE_TERMS.filesMs): FilesDeadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(makeTooLate(ms)), ms);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Not the file's fault, and so not final: it had to wait for others, as a rule. */
function makeTooLate(ms: number): AppError {
  const message =
    `The file was not here within the ${Math.ceil(ms / 1_000)} seconds that the files of one request have. Send the same request ` +
    'again, with its Idempotency-Key so that nothing is sent twice, or upload files first.';
  return new AppError('UNAVAILABLE', { message });
}
