import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DEFAULT_TENANT, parseInstanceId } from '../../../../src/accounts/ids.ts';
import { findApiKey, saveOwnerKey } from '../../../../src/db/api-key-store.ts';
import { type OpenDatabase, openDatabase } from '../../../../src/db/database.ts';
import { up } from '../../../../src/db/migrations/0029-add-instances-of-keys.ts';
import { MANAGED_KEY_NAMES } from '../../../../src/http/owner-key.ts';
import { openTestDatabase } from '../../../support/database.ts';
import { insertRun } from '../../../support/instance-rows.ts';
import { silentLog } from '../../../support/silent-log.ts';

const [MADE = '', CONFIGURED = ''] = MANAGED_KEY_NAMES;

const stack = new AsyncDisposableStack();
let db: OpenDatabase['db'];
beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  ({ db } = stack.use(openDatabase({ connection: database.connection, log: silentLog })));
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('api_keys').execute();
  await db.deleteFrom('instances').execute();
});

/** Before the migration there is this key in force, one that it has replaced, and one that somebody made. */
async function migrateWith(name: string): Promise<void> {
  await sql`alter table api_keys drop column instances`.execute(db);
  await sql`
    insert into api_keys (id, tenant_id, role, prefix, name, sha256, revoked_at) values
      (gen_random_uuid(), 'default', 'owner', 'p', ${name}, 'kept', null),
      (gen_random_uuid(), 'default', 'owner', 'p', ${name}, 'replaced', now()),
      (gen_random_uuid(), 'default', 'owner', 'p', 'Orders', 'somebody', null)`.execute(db);
  await up(db as unknown as Parameters<typeof up>[0]);
}

function start(instance: string, sha256: string, name = CONFIGURED): Promise<void> {
  const key = { tenantId: DEFAULT_TENANT, instanceId: parseInstanceId(instance), name, sha256, prefix: 'p' };
  return saveOwnerKey(db, key, MANAGED_KEY_NAMES);
}

async function listInForce(): Promise<string[]> {
  const rows = await db.selectFrom('api_keys').select('sha256').where('revoked_at', 'is', null).execute();
  return rows.map(({ sha256 }) => sha256).sort();
}

it('lets the first start of a single instance keep its key, and replace it by another, after a stop and after a crash', async () => {
  for (const isCrashed of [false, true]) {
    for (const [next, inForce] of [
      ['kept', ['kept', 'somebody']],
      ['next', ['next', 'somebody']],
    ] as const) {
      await db.deleteFrom('api_keys').execute();
      await db.deleteFrom('instances').execute();
      if (isCrashed) await insertRun(db, 'one');
      await migrateWith(MADE);
      await start('one', next);
      expect(await listInForce()).toEqual(inForce);
      expect((await findApiKey(db, next))?.instances).toEqual(['one']);
    }
  }
});

it('leaves the key of an instance that still runs to that one', async () => {
  await insertRun(db, 'two');
  await migrateWith(MADE);
  await start('one', 'own', MADE);
  expect(await listInForce()).toEqual(['kept', 'own', 'somebody']);
  await start('two', 'next', MADE);
  expect(await listInForce()).toEqual(['next', 'own', 'somebody']);
});

it('lets instances change the key that they share', async () => {
  await insertRun(db, 'one');
  await insertRun(db, 'two');
  await migrateWith(CONFIGURED);
  await start('one', 'next');
  expect(await listInForce()).toEqual(['kept', 'next', 'somebody']);
  await start('two', 'next');
  expect(await listInForce()).toEqual(['next', 'somebody']);
});
