import { AppError, type FieldProblem } from '../lib/errors.ts';

/**
 * What a terminal is told when the daemon cannot start: one message that names what is wrong and the remedy, line
 * by line for each problem of the configuration. Without a stack trace, unless it is a bug of ours.
 */
export function explainStartError(error: Error): string {
  if (!(error instanceof AppError)) {
    return `Switchboard cannot start, for a reason that it does not know:\n${error.stack ?? error.message}\n`;
  }
  const problems = findFieldProblems(error.details);
  if (problems.length === 0) return `Switchboard cannot start. ${error.message}\n`;
  const lines = problems.map(({ field, message }) => `  ${field}: ${message}\n`);
  return `Switchboard cannot start. ${error.message}\n${lines.join('')}`;
}

/** The problems of single fields that an error's details hold, if they are such. */
export function findFieldProblems(details: unknown): readonly FieldProblem[] {
  return Array.isArray(details) ? details.filter(isFieldProblem) : [];
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return (
    typeof value === 'object' &&
    value !== null &&
    'field' in value &&
    typeof value.field === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}
