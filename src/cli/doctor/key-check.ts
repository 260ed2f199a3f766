import { readFile, stat } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import { parseEncryptionKey } from '../../config/encryption-key.ts';
import { encryptionKeyPathOf } from '../../config/made-encryption-key.ts';
import { toError } from '../../lib/errors.ts';
import { readKeyId } from '../../vault/key-requirement.ts';
import { keyToId } from '../../vault/key-ring.ts';
import { VaultFolder } from '../../vault/vault-folder.ts';
import { bad, type Finding, good, joinFindings, warning } from './finding.ts';

/** Vaults that are looked into; a folder of thousands need not be read to the end to show a wrong key. */
const MAX_VAULTS = 200;
/** Read or write permission of anybody but the owner. */
const OTHERS = 0o077;

type KeyConfig = Pick<Config, 'dataPath' | 'sessionPath' | 'encryption' | 'production'>;

/** There is a key, nobody else can read it, and it opens what is sealed on this disk. */
export async function checkKey(config: KeyConfig): Promise<Finding> {
  const { key, previous } = config.encryption;
  const made = await findMade(encryptionKeyPathOf(config.dataPath));
  const keys = [
    ...(key === null ? [] : [key]),
    ...previous,
    ...(key === null && made?.key ? [made.key] : []),
  ];
  const source =
    key === null ? describeMade(made, encryptionKeyPathOf(config.dataPath)) : good('ENCRYPTION_KEY is set.');
  const vaults = await lookIntoVaults(config.sessionPath, new Set(keys.map(keyToId)));
  return joinFindings([source, vaults]);
}

interface MadeKey {
  /** Undefined if the file holds none. */
  readonly key: Uint8Array | undefined;
  readonly isOpen: boolean;
}

/** Undefined if there is no such file. */
async function findMade(
  path: string,
): Promise<MadeKey | { readonly unreadable: string; readonly key?: never } | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    const isOpen = ((await stat(path)).mode & OTHERS) !== 0;
    return { key: tryParse(text), isOpen };
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    return { unreadable: error.message };
  }
}

function tryParse(text: string): Uint8Array | undefined {
  try {
    return parseEncryptionKey(text);
  } catch {
    // A file that holds no key is told as such.
    return undefined;
  }
}

function describeMade(made: Awaited<ReturnType<typeof findMade>>, path: string): Finding {
  if (made === undefined) return good('None is set: the first start makes one in the data folder.');
  if ('unreadable' in made)
    return bad(`The key in ${path} cannot be read (${made.unreadable}).`, "Run this as the daemon's user.");
  if (made.key === undefined)
    return bad(`The key kept in ${path} is damaged.`, 'Put the right key back, or set ENCRYPTION_KEY.');
  if (made.isOpen) return bad(`Others can read the key in ${path}.`, `chmod 600 ${path}`);
  return warning(
    `It lies in ${path}, on the same disk as what it seals.`,
    'Set ENCRYPTION_KEY to one kept elsewhere and ENCRYPTION_KEY_PREVIOUS to this one, start again, then: npm run cli -- vault rotate',
  );
}

async function lookIntoVaults(sessionPath: string, keyIds: ReadonlySet<string>): Promise<Finding> {
  const folder = new VaultFolder(sessionPath, () => undefined);
  const needed = new Set<string>();
  let sealed = 0;
  try {
    for (const accountId of (await folder.listAccounts()).slice(0, MAX_VAULTS)) {
      const [newest] = await folder.list(accountId);
      if (newest === undefined) continue;
      sealed += 1;
      const keyId = await readKeyId({ read: () => folder.read(accountId, newest) });
      if (keyId !== undefined && !keyIds.has(keyId)) needed.add(keyId);
    }
  } catch (thrown) {
    const error: NodeJS.ErrnoException = toError(thrown);
    if (error.code === 'ENOENT') return good('Nothing is sealed here yet.');
    return warning(
      `Not every sealed session can be looked into (${error.message}).`,
      'npm run cli -- vault verify',
    );
  }
  if (needed.size > 0)
    return bad(
      `Sealed sessions in ${sessionPath} need another key: ${[...needed].join(', ')}.`,
      'Add the key that they were sealed with to ENCRYPTION_KEY_PREVIOUS.',
    );
  return good(
    sealed === 0 ? 'Nothing is sealed here yet.' : `It opens the sealed sessions here (${sealed}).`,
  );
}
