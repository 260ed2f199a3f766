import { AppError } from '../lib/errors.ts';
import type { ApiClient } from './api-client.ts';
import { CLI } from './cli-command.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * The id of the key that a person means: by its id or exactly its name.
 * @throws AppError KEY_NOT_FOUND, or VALIDATION_FAILED if several have the name
 */
export async function chooseKey(api: ApiClient, wanted: string): Promise<string> {
  if (UUID.test(wanted)) return wanted;
  const matching = (await api.listKeys()).filter(({ name }) => name === wanted);
  const [only, another] = matching;
  if (only === undefined) {
    throw new AppError('KEY_NOT_FOUND', {
      message: `There is no key with the id or the name ${JSON.stringify(wanted)}. See: ${CLI} keys`,
    });
  }
  if (another !== undefined) {
    const ids = matching.map(({ id }) => id).join(', ');
    throw new AppError('VALIDATION_FAILED', {
      message: `Several keys are called ${JSON.stringify(wanted)}. Use one of their ids: ${ids}`,
    });
  }
  return only.id;
}
