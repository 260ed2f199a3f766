import type { ApiClient } from './api-client.ts';
import { chooseOnly, isId } from './choice.ts';

/**
 * The id of the key that a person means: by its id or exactly its name.
 * @throws AppError KEY_NOT_FOUND, or VALIDATION_FAILED if several have the name
 */
export async function chooseKey(api: ApiClient, wanted: string): Promise<string> {
  if (isId(wanted)) return wanted;
  const matching = (await api.listKeys()).filter(({ name }) => name === wanted);
  return chooseOnly(matching, wanted, {
    code: 'KEY_NOT_FOUND',
    one: 'key with the id or the name',
    several: 'keys',
    command: 'keys',
  }).id;
}
