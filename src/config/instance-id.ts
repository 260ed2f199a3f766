import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AppError, toError } from '../lib/errors.ts';
import { findText, writeWhole } from '../lib/whole-file.ts';
import { configInvalid } from './environment.ts';
import { parseInstanceName } from './variable-types.ts';

/**
 * The name of this instance: the configured one, else the one kept in the data folder, which is made at the first
 * call. The folder is there and this process is its only owner.
 * @throws AppError CONFIG_INVALID if the kept name was damaged, DATA_PATH_UNWRITABLE if it cannot be kept
 */
export async function ensureInstanceId(configured: string | null, dataPath: string): Promise<string> {
  if (configured !== null) return configured;
  const path = join(dataPath, 'instance-id');
  try {
    const kept = await findText(path);
    return kept === undefined ? await keepNew(path) : parseKept(kept, path);
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The name of this instance cannot be kept in ${path} (${toError(thrown).message}). Correct the owner or mode of the folder, or set INSTANCE_ID.`,
      cause: thrown,
    });
  }
}

async function keepNew(path: string): Promise<string> {
  const made = randomUUID();
  await writeWhole(path, `${made}\n`);
  return made;
}

/** A damaged name is not replaced silently: rows and keys of Redis may carry the old one. */
function parseKept(text: string, path: string): string {
  try {
    return parseInstanceName(text.trim());
  } catch (thrown) {
    throw configInvalid(
      [
        {
          field: 'INSTANCE_ID',
          message: `The name kept in ${path} is damaged. Set INSTANCE_ID to the name that this instance had, or remove the file for a new one.`,
        },
      ],
      thrown,
    );
  }
}
