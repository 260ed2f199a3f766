import { findFieldProblems } from '../config/start-error.ts';
import { AppError, type FieldProblem, isAppError } from '../lib/errors.ts';
import { isPhoneNumber, parseRecipient } from '../messages/whatsapp-key.ts';

/** What is wrong with a value that was typed: the option or argument, and what to type instead; undefined if nothing. */
export type TypedProblem = FieldProblem | undefined;

/**
 * Refuses values before anything is looked up at the daemon, every one of them at once.
 * @throws AppError VALIDATION_FAILED as the daemon's own
 */
export function requireValid(...problems: readonly TypedProblem[]): void {
  const details = problems.filter((problem) => problem !== undefined);
  if (details.length > 0) throw new AppError('VALIDATION_FAILED', { details });
}

export function checkPhone(field: string, text: string | undefined): TypedProblem {
  if (text === undefined || isPhoneNumber(text)) return undefined;
  return { field, message: 'Use + and 7 to 15 digits.' };
}

export function checkRecipient(field: string, text: string): TypedProblem {
  if (parseRecipient(text) !== undefined) return undefined;
  return {
    field,
    message: 'Use a phone number as + and 7 to 15 digits, or a chat id such as 491700000001@c.us.',
  };
}

export function checkFilled(field: string, text: string | undefined): TypedProblem {
  return text === '' ? { field, message: 'Give at least one character.' } : undefined;
}

export function checkLength(field: string, text: string | undefined, max: number): TypedProblem {
  if (text === undefined || (text !== '' && text.length <= max)) return undefined;
  return { field, message: `Use 1 to ${max} characters.` };
}

export function checkOneOf(field: string, text: string | undefined, values: readonly string[]): TypedProblem {
  if (text === undefined || values.includes(text)) return undefined;
  return { field, message: `Use one of: ${values.join(', ')}.` };
}

export function checkCount(field: string, text: string, { max }: { readonly max: number }): TypedProblem {
  const isCount = /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= max;
  return isCount ? undefined : { field, message: `Use 1 to ${max}.` };
}

/** The answer, or its error with the fields of the API called as they were typed. */
export async function withTypedNames<T>(
  answer: Promise<T>,
  names: Readonly<Record<string, string>>,
): Promise<T> {
  return answer.catch((thrown: unknown) => {
    if (!isAppError(thrown, 'VALIDATION_FAILED')) throw thrown;
    const problems = findFieldProblems(thrown.details);
    const details = problems.map(({ field, message }) => ({ field: names[field] ?? field, message }));
    throw details.length === 0 ? thrown : new AppError(thrown.code, { message: thrown.message, details });
  });
}
