import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, DEFAULT_TENANT, parseInstanceId } from '../../../src/accounts/ids.ts';
import { saveOwnerKey } from '../../../src/db/api-key-store.ts';
import { keyToHash, keyToPrefix } from '../../../src/http/credentials.ts';
import { MANAGED_KEY_NAMES } from '../../../src/http/owner-key.ts';
import { LEASE_TERMS } from '../../../src/instances/lease-terms.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { giveTo, insertRun } from '../../support/instance-rows.ts';

const { forgetQuietMs } = LEASE_TERMS;

let server: TestServer;
let account: AccountId;
beforeAll(async () => {
  server = await openTestServer();
  account = await server.makeAccount({ tenant: 'shop' });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.db.deleteFrom('instances').execute());

const ago = (ms: number) => ({ renewedAt: new Date(Date.now() - ms) });
const names = async () =>
  (await server.ask('GET', '/instances')).body.data.map(({ id }: { id: string }) => id);
const forget = (name: string, query = '') => server.ask('DELETE', `/instances/${name}${query}`);

async function listHeld(): Promise<readonly unknown[]> {
  const row = await server.db.selectFrom('accounts').select('lease_run').where('id', '=', account).execute();
  return row.map(({ lease_run }) => lease_run);
}

describe('instances', () => {
  it('are listed with what they hold, of whatever tenant, oldest first', async () => {
    const one = await insertRun(server.db, 'one', { capacity: 7 });
    await giveTo(server.db, account, one);
    await insertRun(server.db, 'two', { draining: true });
    await sql`update instances set lease_until = 'infinity' where instance_id = 'two'`.execute(server.db);
    const { status, body } = await server.ask('GET', '/instances');
    const instant = expect.stringMatching(/^\d{4}-.*Z$/);
    const both = { since: instant, renewedAt: instant };
    expect([status, body.count, body.nextCursor]).toEqual([200, 2, null]);
    expect(body.data).toEqual([
      { ...both, id: 'one', leaseUntil: instant, capacity: 7, accounts: 1, draining: false },
      { ...both, id: 'two', leaseUntil: null, capacity: 10, accounts: 0, draining: true },
    ]);
  });

  it('are listed in pages', async () => {
    for (const name of ['a', 'b', 'c']) await insertRun(server.db, name);
    const page = (await server.ask('GET', '/instances?limit=2')).body;
    const rest = (await server.ask('GET', `/instances?cursor=${page.nextCursor}`)).body;
    expect([...page.data, ...rest.data].map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('are for owners and admins of the tenant default alone', async () => {
    await insertRun(server.db, 'dead', ago(forgetQuietMs));
    const owner = await server.makeKey('owner', 'shop');
    const agent = await server.makeKey('agent');
    for (const key of [owner, agent]) {
      expect((await server.ask('GET', '/instances', { key })).status).toBe(403);
      expect((await server.ask('DELETE', '/instances/dead?force=true', { key })).status).toBe(403);
    }
    expect(await names()).toEqual(['dead']);
    const admin = await server.makeKey('admin');
    expect((await server.ask('DELETE', '/instances/dead', { key: admin })).status).toBe(200);
  });
});

describe('an instance that is to be forgotten', () => {
  it('is, if it is dead, and its accounts are free', async () => {
    await giveTo(server.db, account, await insertRun(server.db, 'dead', ago(forgetQuietMs)));
    await insertRun(server.db, 'well');
    const { status, body } = await forget('dead');
    expect([status, body.data]).toEqual([200, { id: 'dead', forgotten: true, accounts: 1 }]);
    expect(await names()).toEqual(['well']);
    expect(await listHeld()).toEqual([null]);
    expect((await forget('dead')).body.error.code).toBe('INSTANCE_NOT_FOUND');
    const [entry] = (await server.ask('GET', '/audit?action=forgetInstance&limit=1')).body.data;
    expect(entry).toMatchObject({ target: 'dead', details: { forced: false, accounts: 1 } });
    expect(server.log.lines).toContainEqual({
      level: 'warn',
      message: 'An instance was forgotten; its accounts are free',
      fields: { from: 'dead', accounts: 1, forced: false },
    });
  });

  it('leaves its owner key in force: applications may use it at the others', async () => {
    await insertRun(server.db, 'dead', ago(forgetQuietMs));
    const key = 'k'.repeat(40);
    const secret = { sha256: keyToHash(key), prefix: keyToPrefix(key) };
    const owner = { tenantId: DEFAULT_TENANT, instanceId: parseInstanceId('dead'), name: 'OWNER_API_KEY' };
    await saveOwnerKey(server.db, { ...owner, ...secret }, MANAGED_KEY_NAMES);
    await forget('dead');
    const listed = (await server.ask('GET', '/keys', { key })).body.data;
    expect(listed).toContainEqual(
      expect.objectContaining({ name: 'OWNER_API_KEY', prefix: secret.prefix, instances: ['dead'] }),
    );
  });

  it('is not if it has renewed its lease just now, unless that is forced', async () => {
    const run = await insertRun(server.db, 'alive', ago(forgetQuietMs / 3));
    await giveTo(server.db, account, run);
    const refused = await forget('alive');
    expect([refused.status, refused.body.error.code]).toEqual([409, 'INSTANCE_ALIVE']);
    expect(refused.body.error.message).toMatch(/^It has renewed its lease \d+ s ago/);
    expect(await listHeld()).toEqual([String(run)]);
    expect((await forget('alive', '?force=true')).body.data).toMatchObject({ accounts: 1 });
    expect(await names()).toEqual([]);
  });

  it('is not the one that answers, not even by force', async () => {
    const own = server.deps.instanceId;
    await insertRun(server.db, own, ago(forgetQuietMs));
    const refused = await forget(own, '?force=true');
    expect([refused.status, refused.body.error.code]).toEqual([409, 'INSTANCE_ALIVE']);
    expect(await names()).toEqual([own]);
  });

  it.each(['nobody', 'no%00body', 'n%C3%B6', `${'x'.repeat(255)}`])('is not found: %s', async (name) => {
    const { status, body } = await forget(name);
    expect([status, body.error.code]).toEqual([404, 'INSTANCE_NOT_FOUND']);
  });
});

it('/ready names an instance that may run no session, and answers 503', async () => {
  let run: number | undefined = 1;
  const lease = async () => {
    if (run === undefined) throw new Error('It lapsed.');
  };
  await using other = await openTestServer({ checks: { ...server.deps.checks, lease } });
  const ask = () => other.ask('GET', '//ready', { key: null });
  expect((await ask()).body.data.checks).toEqual({ database: 'ok', queue: 'ok', lease: 'ok' });
  run = undefined;
  const { status, body } = await ask();
  expect([status, body.error.code, body.error.message]).toEqual([503, 'UNAVAILABLE', 'Not ready: lease.']);
});
