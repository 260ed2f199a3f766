import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { type FieldProblem, toError } from '../lib/errors.ts';
import { findMalformedLines } from './dotenv-line.ts';
import { configInvalid, type Environment } from './environment.ts';
import { describeStrangeName } from './misspelt-name.ts';
import { CLI_VARIABLES, VARIABLES } from './variables.ts';

/** What a process is told by its environment and by `.env`. */
export interface LoadedEnvironment {
  readonly env: Environment;
  /** Lines of `.env` that set nothing: they are reported along with the problems of the variables. */
  readonly problems: readonly FieldProblem[];
  /** Sentences about names in `.env` and the environment that look like mistakes: they stop nothing. */
  readonly warnings: readonly string[];
}

/**
 * The real environment over what `.env` in the folder `cwd` says, if there is one.
 * @throws AppError CONFIG_INVALID that names `.env` if it cannot be read
 */
export function loadEnvironment(env: Environment, cwd: string): LoadedEnvironment {
  // An editor of Windows may have put a byte order mark before the first name.
  const text = readIfPresent(join(cwd, '.env')).replace(/^\ufeff/, '');
  const written = parseEnv(text);
  const known = [...Object.keys(VARIABLES), ...Object.keys(CLI_VARIABLES)];
  return {
    env: { ...written, ...env },
    problems: findMalformedLines(text),
    warnings: [
      ...Object.keys(written).flatMap((name) => describeStrangeName(name, known) ?? []),
      ...Object.keys(env)
        .filter((name) => !(name in written))
        .flatMap((name) => describeStrangeName(name, known, 'The environment') ?? []),
    ],
  };
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT') return '';
    const isFolder = error.code === 'EISDIR';
    const message = isFolder
      ? `${path} is a folder. Remove or rename it: settings are read from a file of this name.`
      : `${path} cannot be read: ${error.message}. Correct its owner or mode, or remove it.`;
    throw configInvalid([{ field: '.env', message }], error);
  }
}
