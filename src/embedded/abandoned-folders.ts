import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { ifUnowned } from './data-folder.ts';
import { OWNER_FILE, socketFolderHash } from './socket-folder.ts';

const SOCKET_FOLDER = /^switchboard-([0-9a-f]+)-[a-z]+$/;

/**
 * Removes the socket folders of daemons that were killed and never started again. Whose one is stands in it; it goes only
 * if no daemon holds the lock of that data folder. Returns how many were removed.
 */
export async function removeAbandonedFolders(log: Logger): Promise<number> {
  let removed = 0;
  for (const parent of new Set([tmpdir(), '/tmp'])) {
    for (const name of await readdir(parent).catch(() => [])) {
      const [, hash] = SOCKET_FOLDER.exec(name) ?? [];
      if (hash === undefined) continue;
      const path = join(parent, name);
      try {
        if (await removeIfAbandoned(path, hash)) removed += 1;
      } catch (thrown) {
        log.debug('A socket folder could not be looked at', { path, error: toError(thrown).message });
      }
    }
  }
  if (removed > 0) log.info('Socket folders of daemons that are gone were removed', { removed });
  return removed;
}

async function removeIfAbandoned(path: string, hash: string): Promise<boolean> {
  const ownerFile = join(path, OWNER_FILE);
  const [folder, file] = [await lstat(path), await lstat(ownerFile).catch(() => undefined)];
  // Anybody may make folders here: what is believed is a file that a daemon of this user has written.
  if (!folder.isDirectory() || file?.isFile() !== true || file.uid !== process.getuid?.()) return false;
  const dataPath = await readFile(ownerFile, 'utf8');
  if (socketFolderHash(dataPath) !== hash) return false;
  return await ifUnowned(dataPath, () => rm(path, { recursive: true, force: true }));
}
