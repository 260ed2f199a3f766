import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toError } from '../lib/errors.ts';
import { findText, writeWhole } from '../lib/whole-file.ts';
import { parseEncryptionKey } from './encryption-key.ts';
import { configInvalid } from './environment.ts';

const KEY_BYTES = 32;

/** Where a made encryption key lies. */
export function encryptionKeyPathOf(dataPath: string): string {
  return join(dataPath, 'encryption-key');
}

/**
 * The encryption key that was made on the first start, or a new one, mode 0600. It is on disk before it is returned,
 * so that nothing is ever sealed with a key that could be lost. The folder is there and this process is its only owner.
 * @throws AppError CONFIG_INVALID if the kept key was damaged, DATA_PATH_UNWRITABLE if it cannot be kept
 */
export async function ensureEncryptionKey(
  dataPath: string,
): Promise<{ readonly key: Uint8Array; readonly path: string }> {
  const path = encryptionKeyPathOf(dataPath);
  const kept = await findText(path);
  if (kept !== undefined) {
    await chmod(path, 0o600);
    return { key: parseKept(kept, path), path };
  }
  const key = randomBytes(KEY_BYTES);
  await keep(path, key.toString('hex'));
  return { key, path };
}

/** The key that was made here on some start, though another one is set by now; undefined if there is none that could be read. */
export async function findLeftKey(
  dataPath: string,
): Promise<{ readonly key: Uint8Array; readonly path: string } | undefined> {
  const path = encryptionKeyPathOf(dataPath);
  const kept = await findText(path);
  if (kept === undefined) return undefined;
  try {
    return { key: parseEncryptionKey(kept.trim()), path };
  } catch {
    // It opens nothing, and nobody counts on it.
    return undefined;
  }
}

/** A damaged key is not replaced silently: the sessions that it seals would be lost. */
function parseKept(text: string, path: string): Uint8Array {
  try {
    return parseEncryptionKey(text.trim());
  } catch (thrown) {
    const message = `The key kept in ${path} is damaged. Put the right key back, or set ENCRYPTION_KEY; without it the sealed sessions cannot be opened.`;
    throw configInvalid([{ field: 'ENCRYPTION_KEY', message }], thrown);
  }
}

async function keep(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, `${text}\n`);
  } catch (thrown) {
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The encryption key cannot be kept in ${path} (${toError(thrown).message}). Correct the owner or mode of the folder, or set ENCRYPTION_KEY.`,
      cause: thrown,
    });
  }
}
