import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../../lib/errors.ts';

/** In the profile's own folder, so that both are moved and removed as one; Chromium does not mind it. */
const NAME = 'switchboard.json';

/**
 * The generation that an opened profile was opened from, or was about to be sealed as; 0 for one that says nothing;
 * undefined if there is no profile.
 */
export async function readProfileMark(profilePath: string): Promise<number | undefined> {
  try {
    const { generation } = JSON.parse(await readFile(join(profilePath, NAME), 'utf8'));
    return Number.isSafeInteger(generation) && generation > 0 ? generation : 0;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return 0;
    if ((toError(thrown) as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    return (await isFolder(profilePath)) ? 0 : undefined;
  }
}

/** Marks a profile, whole or not at all. */
export async function writeProfileMark(profilePath: string, generation: number): Promise<void> {
  const path = join(profilePath, NAME);
  await writeFile(`${path}.new`, JSON.stringify({ generation }), { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  return stats?.isDirectory() === true;
}
