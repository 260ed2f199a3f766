import { isUuid } from '../accounts/ids.ts';
import { permissionsOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { type ApiKey, findApiKey, findApiKeyById, isKeyInForce, noteKeyUse } from '../db/api-key-store.ts';
import type { HttpDeps } from './context.ts';
import { areHashesEqual, isKeyText, keyToHash } from './credentials.ts';

/** How exact `lastUsedAt` of a key is, in milliseconds: a write for every request would cost more than it tells. */
const USE_PRECISION_MS = 60_000;

type KeyDeps = Pick<HttpDeps, 'db' | 'clock'>;

/** Who holds the key; undefined if nobody does, or not any more. Notes that it was used. */
export async function findKeyHolder({ db, clock }: KeyDeps, key: string): Promise<Principal | undefined> {
  if (!isKeyText(key)) return undefined;
  const sha256 = keyToHash(key);
  const found = await findApiKey(db, sha256);
  const now = clock.now();
  if (found === undefined || !areHashesEqual(found.sha256, sha256) || !isKeyInForce(found, now)) {
    return undefined;
  }
  if (now - (found.lastUsedAt?.getTime() ?? 0) >= USE_PRECISION_MS) {
    await noteKeyUse(db, found.id, new Date(now));
  }
  return keyToPrincipal(found);
}

/** The holder of the key with this id as it is now; undefined once the key is revoked or expired. */
export async function renewKeyHolder({ db, clock }: KeyDeps, id: string): Promise<Principal | undefined> {
  const found = await findApiKeyById(db, id);
  return found !== undefined && isKeyInForce(found, clock.now()) ? keyToPrincipal(found) : undefined;
}

/** True if the user is called as a key of its tenant is, revoked or not: what is granted to one would be the other's. */
export async function isKeyOfTenant({ db }: KeyDeps, { id, tenantId }: Principal): Promise<boolean> {
  if (!isUuid(id)) return false;
  const found = await findApiKeyById(db, id);
  return found?.id === id && found.tenantId === tenantId;
}

function keyToPrincipal({ id, name, tenantId, role, scopes, expiresAt }: ApiKey): Principal {
  return {
    kind: 'key',
    id,
    name,
    tenantId,
    role,
    permissions: permissionsOf(role, scopes),
    expiresAt: expiresAt?.getTime() ?? null,
  };
}
