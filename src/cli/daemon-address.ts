import { readFile } from 'node:fs/promises';
import { type Environment, parseVariables } from '../config/environment.ts';
import { ownerKeyPathOf } from '../config/owner-key-path.ts';
import type { VariableContext } from '../config/variable.ts';
import { CLI_VARIABLES, type VariableValues } from '../config/variables.ts';
import { AppError, toError } from '../lib/errors.ts';
import { findUrlFile } from './url-file.ts';

/** Where a daemon is, and the key that it is asked with. */
export interface Daemon {
  /** Scheme, host and port, no slash at the end. */
  readonly url: string;
  /** Null if none was found: the daemon then says what it asks for. */
  readonly apiKey: string | null;
  /** The variable or the path of the file that it was taken from. */
  readonly keySource: string | null;
}

/**
 * The daemon that the command line talks to: SWITCHBOARD_URL and SWITCHBOARD_API_KEY, else the address that the daemon of
 * DATA_PATH has left there and its key, else HOST and PORT of this environment.
 * @throws AppError CONFIG_INVALID naming the variables, FORBIDDEN if the kept key may not be read
 */
export async function getDaemon(env: Environment, context: VariableContext): Promise<Daemon> {
  const values = parseVariables(env, CLI_VARIABLES, context);
  return {
    url:
      values.SWITCHBOARD_URL ??
      (await findUrlFile(values.DATA_PATH)) ??
      addressToUrl(values.HOST, values.PORT),
    ...(await findKey(values)),
  };
}

async function findKey(
  values: VariableValues<typeof CLI_VARIABLES>,
): Promise<Pick<Daemon, 'apiKey' | 'keySource'>> {
  for (const name of ['SWITCHBOARD_API_KEY', 'OWNER_API_KEY'] as const) {
    if (values[name] !== null) return { apiKey: values[name], keySource: name };
  }
  const path = ownerKeyPathOf(values.DATA_PATH);
  return { apiKey: await findKeptKey(path), keySource: path };
}

/** The URL that reaches a listener on this machine: one on all addresses is reached by the loopback's. */
export function addressToUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

async function findKeptKey(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim() || null;
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw new AppError('FORBIDDEN', {
      message: `The API key in ${path} cannot be read (${error.message}). Run this as the daemon's user, or set SWITCHBOARD_API_KEY.`,
      cause: error,
    });
  }
}
