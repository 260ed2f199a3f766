import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { toError } from '../lib/errors.ts';
import { configInvalid, type Environment } from './environment.ts';

/**
 * The real environment over what `.env` in the folder `cwd` says, if there is one.
 * @throws AppError CONFIG_INVALID that names `.env` if it cannot be read
 */
export function loadEnvironment(env: Environment, cwd: string): Environment {
  const text = readIfPresent(join(cwd, '.env'));
  // An editor of Windows may have put a byte order mark before the first name.
  return { ...parseEnv(text.replace(/^\ufeff/, '')), ...env };
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT') return '';
    const reason = error.code === 'EISDIR' ? 'it is a folder' : error.message;
    throw configInvalid(
      [
        {
          field: '.env',
          message: `${path} cannot be read: ${reason}. Correct its owner or mode, or remove it.`,
        },
      ],
      error,
    );
  }
}
