import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { AppError, type FieldProblem } from '../lib/errors.ts';

type Issue = z.core.$ZodIssue;

/** Checks each part of a request by its zod schema; what is wrong becomes VALIDATION_FAILED with every field named. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    return { error: issuesToError(result.error.issues, httpPart === 'body' ? 'body' : 'query') };
  };
};

/** VALIDATION_FAILED that names every field; `whole` stands for a problem of the input as such. */
export function issuesToError(issues: readonly Issue[], whole: string): AppError {
  return new AppError('VALIDATION_FAILED', {
    details: issues.flatMap((issue) => issueToProblems(issue, whole)),
  });
}

/** VALIDATION_FAILED about one field. */
export function refuseField(field: string, message: string): AppError {
  return new AppError('VALIDATION_FAILED', { details: [{ field, message }] });
}

function issueToProblems(issue: Issue, whole: string): FieldProblem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, key].join('.'),
      message: 'This field is not known here.',
    }));
  }
  return [{ field: path.length === 0 ? whole : path.join('.'), message: issueToMessage(issue) }];
}

/** Sentences of our own where zod's are terse; messages that a schema sets itself are kept. */
function issueToMessage(issue: Issue): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined')
        ? 'This field is required.'
        : `Expected ${issue.expected}.`;
    case 'invalid_value':
      return `Use one of: ${issue.values.map(String).join(', ')}.`;
    default:
      return issue.message;
  }
}
