/**
 * The owner key of tenant `default`, so that somebody can ask anything at all: OWNER_API_KEY where it is set, else
 * one that is made on the first start and kept in a file. The database holds its hash only, so a file that was lost
 * means a new key; the old one is revoked then. Each instance has its own, or shares an OWNER_API_KEY with others; all
 * are good at every instance.
 *
 * The file is written before the database: a crash in between leaves a key that the next start takes up.
 */
import { chmod, rm } from 'node:fs/promises';
import { DEFAULT_TENANT, type InstanceId } from '../accounts/ids.ts';
import { ownerKeyPathOf } from '../config/owner-key-path.ts';
import { findApiKey, saveOwnerKey } from '../db/api-key-store.ts';
import type { Executor } from '../db/database.ts';
import { AppError, toError } from '../lib/errors.ts';
import { findText, writeWhole } from '../lib/whole-file.ts';
import { isKeyText, keyToHash, keyToPrefix, makeKey } from './credentials.ts';

const MADE = 'Owner key made on first start';
const CONFIGURED = 'OWNER_API_KEY';
/** Names of the keys that this file manages; keys that people make have other names. */
export const MANAGED_KEY_NAMES: readonly string[] = [MADE, CONFIGURED];

export interface OwnerKeyDeps {
  readonly db: Executor;
  /** OWNER_API_KEY; null if it is not set. */
  readonly configured: string | null;
  readonly dataPath: string;
  /** Whose key it is; its run has begun. */
  readonly instanceId: InstanceId;
}

/**
 * Makes sure that this instance has exactly one owner key of these. Safe to call at every start.
 * @throws AppError CONFIG_INVALID, DATA_PATH_UNWRITABLE
 */
export async function ensureOwnerKey(deps: OwnerKeyDeps): Promise<void> {
  const { db, configured, dataPath } = deps;
  const path = ownerKeyPathOf(dataPath);
  if (configured !== null) {
    if (!isKeyText(configured)) throw makeInvalidKey();
    await store(deps, configured, CONFIGURED);
    await rm(path, { force: true });
    return;
  }
  const kept = await findKeptKey(db, path);
  if (kept !== undefined) {
    await store(deps, kept, MADE);
    return;
  }
  const made = makeKey();
  await writeKey(path, made);
  await store(deps, made, MADE);
}

function makeInvalidKey(): AppError {
  return new AppError('CONFIG_INVALID', {
    details: [
      { field: 'OWNER_API_KEY', message: 'Use 32 to 512 printable ASCII characters without spaces.' },
    ],
  });
}

async function store({ db, instanceId }: OwnerKeyDeps, key: string, name: string): Promise<void> {
  const secret = { sha256: keyToHash(key), prefix: keyToPrefix(key) };
  await saveOwnerKey(db, { tenantId: DEFAULT_TENANT, instanceId, name, ...secret }, MANAGED_KEY_NAMES);
}

/** The key of the file, unless it was revoked meanwhile or is none. */
async function findKeptKey(db: Executor, path: string): Promise<string | undefined> {
  const key = (await findText(path))?.trim();
  if (key === undefined || !isKeyText(key)) return undefined;
  await chmod(path, 0o600);
  const known = await findApiKey(db, keyToHash(key));
  return known === undefined || known.revokedAt === null ? key : undefined;
}

async function writeKey(path: string, key: string): Promise<void> {
  try {
    await writeWhole(path, `${key}\n`);
  } catch (thrown) {
    throw new AppError('DATA_PATH_UNWRITABLE', {
      message: `The owner key could not be written to ${path} (${toError(thrown).message}). Correct the owner or mode of the folder, or set OWNER_API_KEY.`,
      cause: thrown,
    });
  }
}
