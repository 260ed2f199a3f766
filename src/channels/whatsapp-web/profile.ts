import { renameSync } from 'node:fs';
import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccountId, parseAccountId } from '../../accounts/ids.ts';
import { AppError, errnoOf } from '../../lib/errors.ts';

/** Somebody may still write for a moment: Chromium after its exit was seen, or a copy that is given up. */
const REMOVE_RETRIES = 10;

/** Where LocalAuth keeps an account's profile; the name is the library's. */
export function profilePathOf(livePath: string, accountId: AccountId): string {
  return join(livePath, `session-${accountId}`);
}

/** `session-<account>`, and what deleting, opening or copying one has left if it was cut off. */
const PROFILE =
  /^session-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.(?:removed|opening|copy)-[0-9a-f-]+)?$/;

export interface FoundProfile {
  readonly name: string;
  readonly accountId: AccountId;
  /** A profile that is no more, or was not yet. */
  readonly isRemnant: boolean;
}

/** All profiles in a folder, and the remnants of profiles; none if there is no such folder. */
export async function listProfiles(livePath: string): Promise<readonly FoundProfile[]> {
  const entries = await readdir(livePath, { withFileTypes: true }).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  });
  return entries.flatMap((entry) => {
    const [, id, remnant] = PROFILE.exec(entry.name) ?? [];
    if (id === undefined || !entry.isDirectory()) return [];
    return [{ name: entry.name, accountId: parseAccountId(id), isRemnant: remnant !== undefined }];
  });
}

/** @throws AppError DISK_FULL if fewer bytes than that can still be written where the opened profiles lie */
export async function requireFreeBytes(livePath: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(livePath);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new AppError('DISK_FULL', {
    message: `${bytes} bytes are needed in ${livePath}, where profiles are opened, and ${free} are free. Make room there, or set WHATSAPP_RUNTIME_PATH.`,
  });
}

/**
 * Deletes a profile whose browser is gone. It is renamed first, so that a crash in the middle leaves rubbish but
 * never half a profile under the account's name (fact A12). It is gone from there when this returns its promise: between the
 * last look of whoever calls it and that nothing happens.
 */
export async function removeProfile(profilePath: string): Promise<void> {
  const doomed = `${profilePath}.removed-${crypto.randomUUID()}`;
  try {
    renameSync(profilePath, doomed);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return;
    throw thrown;
  }
  await removeRemnant(doomed);
}

/** Deletes what is no profile any more, or was not yet. */
export async function removeRemnant(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });
}
