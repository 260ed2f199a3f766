import { join } from 'node:path';

/** Where the owner key lies that the daemon has made. */
export function ownerKeyPathOf(dataPath: string): string {
  return join(dataPath, 'owner-api-key');
}
