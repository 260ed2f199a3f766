import { AppError, type ErrorCode } from '../lib/errors.ts';
import { CLI } from './cli-command.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** True if a person has typed an id: nothing is looked up then. */
export function isId(wanted: string): boolean {
  return UUID.test(wanted);
}

/** What is chosen among, in the words of its errors. */
export interface ChoiceWords {
  /** Of there being none. */
  readonly code: ErrorCode;
  /** Such as `key with the id or the name`. */
  readonly one: string;
  /** Such as `keys`. */
  readonly several: string;
  /** The command that lists them. */
  readonly command: string;
}

/** The one that a person means. @throws AppError of the words' code if there is none, VALIDATION_FAILED if there are several */
export function chooseOnly<Item extends { readonly id: string }>(
  matching: readonly Item[],
  wanted: string,
  { code, one, several, command }: ChoiceWords,
): Item {
  const [only, another] = matching;
  if (only === undefined) {
    throw new AppError(code, {
      message: `There is no ${one} ${JSON.stringify(wanted)}. See: ${CLI} ${command}`,
    });
  }
  if (another !== undefined) {
    const ids = matching.map(({ id }) => id).join(', ');
    throw new AppError('VALIDATION_FAILED', {
      message: `Several ${several} are called ${JSON.stringify(wanted)}. Use one of their ids: ${ids}`,
    });
  }
  return only;
}
