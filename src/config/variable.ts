import { AppError, type FieldProblem } from '../lib/errors.ts';

/** What a value is read against. `cwd` is absolute; relative paths start there. */
export interface VariableContext {
  readonly cwd: string;
  /** What is wrong with where the values come from, to be reported along with them. */
  readonly problems?: readonly FieldProblem[];
}

/** Turns the text of a variable, trimmed and not empty, into its value; throws what `invalid` makes. */
export type ParseText<T> = (text: string, context: VariableContext) => T;

/** One variable of the environment: how it is read, and what .env.example says about it. */
export interface Variable<T> {
  /** One sentence for whoever sets it. */
  readonly about: string;
  /** The value in force while it is unset, as a user would write it; null if there is none. */
  readonly default: string | null;
  /** What happens while it is unset and has no default of its own. */
  readonly unset: string | null;
  /** A secret is never part of an error message. */
  readonly secret: boolean;
  readonly parse: (text: string | undefined, context: VariableContext) => T;
}

/** A variable that has a value in any case. */
export function makeVariable<T>(about: string, fallback: string, parse: ParseText<T>): Variable<T> {
  return {
    about,
    default: fallback,
    unset: null,
    secret: false,
    parse: (text, context) => parse(text ?? fallback, context),
  };
}

/** A variable that is null while it is unset; `unset` says what happens then. */
export function makeOptionalVariable<T>(
  about: string,
  unset: string,
  parse: ParseText<T>,
): Variable<T | null> {
  return {
    about,
    default: null,
    unset,
    secret: false,
    parse: (text, context) => (text === undefined ? null : parse(text, context)),
  };
}

/** The same variable, its value kept out of every message. */
export function asSecret<T>(variable: Variable<T>): Variable<T> {
  return { ...variable, secret: true };
}

/** The error of one value. The message says what is wrong and what to write instead. */
export function invalid(message: string): AppError {
  return new AppError('CONFIG_INVALID', { message });
}
