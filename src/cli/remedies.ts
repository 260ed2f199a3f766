import { AppError, type ErrorCode, isAppError } from '../lib/errors.ts';

/** The answer, or its error with the sentence that says what may be done about its code. */
export async function withRemedies<T>(
  answer: Promise<T>,
  remedies: Readonly<Partial<Record<ErrorCode, string>>>,
): Promise<T> {
  return answer.catch((thrown: unknown) => {
    const remedy = isAppError(thrown) ? remedies[thrown.code] : undefined;
    if (!isAppError(thrown) || remedy === undefined) throw thrown;
    const { code, message, details, cause } = thrown;
    throw new AppError(code, { message: `${message} ${remedy}`, details, cause });
  });
}
