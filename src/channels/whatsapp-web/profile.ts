import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccountId } from '../../accounts/ids.ts';

/** Chromium may still write for a moment after its exit was seen. */
const REMOVE_RETRIES = 10;

/** Where LocalAuth keeps an account's profile; the name is the library's. */
export function profilePathOf(livePath: string, accountId: AccountId): string {
  return join(livePath, `session-${accountId}`);
}

/** Makes the folder of the opened profiles, for the daemon's user alone. */
export async function ensureLiveFolder(livePath: string): Promise<void> {
  await mkdir(livePath, { recursive: true, mode: 0o700 });
}

/** Bytes that can still be written where the opened profiles lie. */
export async function readFreeBytes(livePath: string): Promise<number> {
  const { bavail, bsize } = await statfs(livePath);
  return bavail * bsize;
}

/**
 * Deletes a profile whose browser is gone. It is renamed first, so that a crash in the middle leaves rubbish but
 * never half a profile under the account's name (fact A12).
 */
export async function removeProfile(profilePath: string): Promise<void> {
  const doomed = `${profilePath}.removed-${crypto.randomUUID()}`;
  try {
    await rename(profilePath, doomed);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw thrown;
  }
  await rm(doomed, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });
}
