import { renameSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { measureKept } from './frozen-copy.ts';
import { listProfiles, profilePathOf, removeProfile, removeRemnant, requireFreeBytes } from './profile.ts';
import { findKeptEntries } from './profile-content.ts';
import { readProfileMark, writeProfileMark } from './profile-mark.ts';

/**
 * Removes half-made copies of profiles, and brings those to `runtimePath` that lie where an earlier run opened them. One
 * that cannot be taken over stays where it is, and that is logged. No browser runs.
 */
export async function tidyProfiles(
  runtimePath: string,
  formerPaths: readonly string[],
  log: Logger,
): Promise<void> {
  for (const folder of [runtimePath, ...formerPaths]) {
    for (const { name, accountId, isRemnant } of await listProfiles(folder)) {
      const path = join(folder, name);
      if (isRemnant) await removeRemnant(path);
      else if (folder !== runtimePath) {
        await takeOver(path, profilePathOf(runtimePath, accountId)).catch((thrown: unknown) => {
          const error = toError(thrown).message;
          log.error('A profile that lies elsewhere could not be taken over', { accountId, path, error });
        });
      }
    }
  }
}

/** If both are there, the mark and the vault tell which is of use; the one that lies here is the later one. */
async function takeOver(path: string, here: string): Promise<void> {
  const isHere = (await readProfileMark(here)) !== undefined;
  if (isHere || (await moveProfile(path, here)) === 'copied') await removeProfile(path);
}

export interface MoveOptions {
  /** @throws AppError DISK_FULL if a copy would leave fewer bytes than that */
  readonly freeBytes?: number;
  /** A last look, directly before the profile gets its new place; nothing is moved if it throws. */
  readonly requireLast?: () => void;
  /** Not where somebody may have its files open: they are the same ones after a rename. */
  readonly mayRename?: boolean;
}

/**
 * Moves a profile to where none is, or, on another file system and where it must not be renamed, copies what is kept of it:
 * whole or not at all; says which. One that was copied is left to whoever asked for it. A crash in the middle leaves it at
 * the one place, the other, or both. No browser runs on it.
 */
export async function moveProfile(
  path: string,
  here: string,
  { freeBytes = 0, requireLast = () => undefined, mayRename = true }: MoveOptions = {},
): Promise<'moved' | 'copied'> {
  if (mayRename && renameWithin(path, here, requireLast)) return 'moved';
  await requireFreeBytes(dirname(here), (await measureKept(path)) + freeBytes);
  await copyProfile(path, here, requireLast);
  return 'copied';
}

/** In the same turn as the last look: what waits for a thread may wait long. False if they lie on different file systems. */
function renameWithin(path: string, here: string, requireLast: () => void): boolean {
  requireLast();
  try {
    renameSync(path, here);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EXDEV') return false;
    throw thrown;
  }
}

async function copyProfile(path: string, here: string, requireLast: () => void): Promise<void> {
  const opening = `${here}.opening-${crypto.randomUUID()}`;
  try {
    await mkdir(opening, { mode: 0o700 });
    for (const entry of await findKeptEntries(path)) {
      await cp(join(path, entry), join(opening, entry), { recursive: true });
    }
    await writeProfileMark(opening, (await readProfileMark(path)) ?? { generation: 0, boot: null });
    requireLast();
    renameSync(opening, here);
  } finally {
    await removeRemnant(opening);
  }
}
