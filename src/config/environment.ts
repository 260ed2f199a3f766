import { AppError, type FieldProblem, isAppError } from '../lib/errors.ts';
import type { Variable, VariableContext } from './variable.ts';
import type { VariableTable, VariableValues } from './variables.ts';

/** Longer values are not repeated in a problem: what is that long may well be a key. */
const MAX_QUOTED = 24;

/** The environment of a process, or something like it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What came of reading some variables: their values, and what is wrong with those that have none. */
export interface EnvironmentReading<Table extends VariableTable> {
  readonly values: Partial<VariableValues<Table>>;
  readonly problems: readonly FieldProblem[];
}

/** Reads the variables of a table; the context's problems come first. Empty ones count as unset; no secret is part of a problem. */
export function readVariables<Table extends VariableTable>(
  env: Environment,
  table: Table,
  context: VariableContext,
): EnvironmentReading<Table> {
  const values: Record<string, unknown> = {};
  const problems: FieldProblem[] = [...(context.problems ?? [])];
  for (const [name, variable] of Object.entries(table)) {
    const text = env[name]?.trim() || undefined;
    try {
      values[name] = variable.parse(text, context);
    } catch (thrown) {
      if (!isAppError(thrown, 'CONFIG_INVALID')) throw thrown;
      problems.push({ field: name, message: quoteValue(variable, text) + thrown.message });
    }
  }
  return { values: values as Partial<VariableValues<Table>>, problems };
}

/**
 * The values of a table's variables.
 * @throws AppError CONFIG_INVALID with all problems in its details
 */
export function parseVariables<Table extends VariableTable>(
  env: Environment,
  table: Table,
  context: VariableContext,
): VariableValues<Table> {
  const { values, problems } = readVariables(env, table, context);
  if (problems.length > 0) throw configInvalid(problems);
  return values as VariableValues<Table>;
}

/** The error that carries all problems of the configuration. */
export function configInvalid(problems: readonly FieldProblem[], cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', { details: problems, cause });
}

/** Not repeated: secrets, and what may hold one by mistake, such as a URL in the wrong variable. */
function quoteValue(variable: Variable<unknown>, text: string | undefined): string {
  if (variable.secret || text === undefined || /@|\s/.test(text) || text.length > MAX_QUOTED) return '';
  return `${JSON.stringify(text)} is not valid. `;
}
