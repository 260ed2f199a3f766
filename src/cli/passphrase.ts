import { readFile } from 'node:fs/promises';
import { AppError, toError } from '../lib/errors.ts';
import type { CommandContext } from './command-context.ts';

/** The limits of the API; counted as people count characters. */
const MIN_CHARACTERS = 12;
const MAX_CHARACTERS = 1_024;

const ASK_NEW = `A new passphrase (${MIN_CHARACTERS} to 1,024 characters): `;

export interface PassphraseOptions {
  readonly passphraseFile?: string;
}

/** Flag and sentence of the option that takes it from a file. */
export const PASSPHRASE_OPTION = [
  '--passphrase-file <path>',
  'read the passphrase from the first line of this file instead of asking for it',
] as const;

/** For --help: there is no option for the passphrase itself, which every user of the machine could see. */
export const PASSPHRASE_HELP = `
The passphrase is asked for on the terminal. Scripts give it in a file or in SWITCHBOARD_VAULT_PASSPHRASE.`;

/**
 * The passphrase: from the file that was named, else from SWITCHBOARD_VAULT_PASSPHRASE, else asked for, `repeat`edly
 * where a slip of the finger would lock a file for good.
 * @throws AppError VALIDATION_FAILED that says what to do; it never holds the passphrase
 */
export async function takePassphrase(
  context: Pick<CommandContext, 'askHidden' | 'findPassphrase' | 'resolvePath'>,
  { passphraseFile, repeat }: PassphraseOptions & { readonly repeat: boolean },
): Promise<string> {
  const given =
    passphraseFile === undefined
      ? context.findPassphrase()
      : await readPassphrase(context.resolvePath(passphraseFile));
  if (given !== undefined) return checkPassphrase(given);
  const typed = checkPassphrase(await context.askHidden(repeat ? ASK_NEW : 'Passphrase: '));
  if (repeat && (await context.askHidden('The same once more: ')) !== typed) {
    throw refuse('The two passphrases differ. Nothing was done; try again.');
  }
  return typed;
}

async function readPassphrase(path: string): Promise<string> {
  try {
    const [line = ''] = (await readFile(path, 'utf8')).split(/\r?\n/, 1);
    return line;
  } catch (thrown) {
    throw refuse(`The passphrase could not be read: ${toError(thrown).message}.`);
  }
}

function checkPassphrase(text: string): string {
  const { length } = [...text];
  if (length >= MIN_CHARACTERS && length <= MAX_CHARACTERS) return text;
  throw refuse(
    `The passphrase has ${length} characters; it needs ${MIN_CHARACTERS} to 1,024. One can be made with: openssl rand -base64 24`,
  );
}

function refuse(message: string): AppError {
  return new AppError('VALIDATION_FAILED', { message });
}
