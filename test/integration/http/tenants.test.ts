/** Every operation of the OpenAPI document, for every kind of asker. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import {
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLES,
  type Role,
} from '../../../src/accounts/permissions.ts';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import {
  BODY_OF,
  documentToOperations,
  fillPath,
  OPERATOR_ONLY,
  type Operation,
  PERMISSION_OF,
} from '../../support/access-table.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { messageEvent } from '../../support/inbound-events.ts';

let server: TestServer;
let operations: readonly Operation[];
let theirs: AccountId;
let theirMessage: string;
let theirKeyId: string;
let theirCampaign: string;
let theirWebhook: string;
let theirDelivery: string;
beforeAll(async () => {
  server = await openTestServer();
  operations = documentToOperations((await server.ask('GET', '//openapi.json')).body);
  theirs = await server.makeAccount({ tenant: 'theirs', phoneNumber: '+491700000001' });
  await ingestEvents(server.db, theirs, [messageEvent('A')], new Date());
  const key = await server.makeKey('owner', 'theirs');
  theirMessage = (await server.ask('GET', `/accounts/${theirs}/messages`, { key })).body.data[0].messageId;
  const created = await server.ask('POST', `/accounts/${theirs}/campaigns`, {
    key,
    body: BODY_OF.createCampaign,
  });
  theirCampaign = created.body.data.campaignId;
  const hook = { url: 'https://shop.example/hooks', events: ['message.status'], accountId: theirs };
  theirWebhook = (await server.ask('POST', '/webhooks', { key, body: hook })).body.data.id;
  // Disabled, so that nobody is asked on the Internet.
  await server.db.updateTable('webhooks').set({ status: 'disabled' }).execute();
  theirDelivery = await insertDelivery(theirWebhook);
  theirKeyId = (await findApiKey(server.db, keyToHash(key)))?.id ?? '';
});
afterAll(() => server[Symbol.asyncDispose]());

/** A dead letter, which nobody tries. */
async function insertDelivery(webhookId: string): Promise<string> {
  const { id } = await server.db
    .insertInto('webhook_deliveries')
    .values({
      webhook_id: webhookId,
      event_id: crypto.randomUUID(),
      type: 'message.status',
      lane: 'lane',
      payload: '{}',
      status: 'dead',
      account_id: null,
      last_status: null,
      last_error: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** What names something of a tenant, and how it is not found. */
const CODES: readonly (readonly [string, string])[] = [
  ['{accountId}', 'ACCOUNT_NOT_FOUND'],
  ['{messageId}', 'MESSAGE_NOT_FOUND'],
  ['{keyId}', 'KEY_NOT_FOUND'],
  ['{campaignId}', 'CAMPAIGN_NOT_FOUND'],
  ['{webhookId}', 'WEBHOOK_NOT_FOUND'],
];

interface Asker {
  readonly name: string;
  readonly key: string;
  readonly permissions: ReadonlySet<Permission>;
}

function theirHook() {
  return { webhookId: theirWebhook, deliveryId: theirDelivery };
}

/** Every role, and every single scope of an owner. */
async function makeAskers(tenant: string): Promise<readonly Asker[]> {
  const roles = (Object.keys(ROLES) as Role[]).map((role) => ({ role, scopes: null }));
  const scopes = PERMISSIONS.map((permission) => ({ role: 'owner' as const, scopes: [permission] }));
  const askers: Asker[] = [];
  for (const { role, scopes: narrowed } of [...roles, ...scopes]) {
    const key = await server.makeKey(role, tenant, narrowed ?? undefined);
    const name = narrowed === null ? role : `${role} with ${narrowed}`;
    askers.push({ name, key, permissions: permissionsOf(role, narrowed) });
  }
  return askers;
}

/** All rows of all tables; when keys were last used aside. */
async function dump(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace`.execute(
    server.db,
  );
  const dumped: Record<string, readonly string[]> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`
      select (to_jsonb(r) - 'last_used_at')::text as row from ${sql.table(name)} r order by 1`.execute(
      server.db,
    );
    dumped[name] = rows.map(({ row }) => row);
  }
  return dumped;
}

const demanded = ({ id }: Operation) => {
  const permission = PERMISSION_OF[id];
  if (permission === undefined) throw new TypeError(`Operation ${id} has no line in PERMISSION_OF.`);
  return permission;
};

describe('every operation', () => {
  it('has a known permission, and no other has', () => {
    expect(operations.map(({ id }) => id).toSorted()).toEqual(Object.keys(PERMISSION_OF).toSorted());
  });

  it("does not find another tenant's accounts, messages, campaigns and keys, and changes nothing", async () => {
    const askers = await makeAskers('ours');
    // A grant to somebody of another tenant is worth nothing there.
    for (const { key } of askers) await server.grant(theirs, key);
    const before = await dump();
    expect([before.accounts?.length, before.messages?.length]).toEqual([1, 1]);
    const ids = {
      accountId: theirs,
      messageId: theirMessage,
      keyId: theirKeyId,
      campaignId: theirCampaign,
      userId: 'ada',
      ...theirHook(),
    };
    const wrong: string[] = [];
    let asked = 0;
    for (const operation of operations) {
      const code = CODES.find(([name]) => operation.path.includes(name))?.[1];
      if (code === undefined) continue;
      for (const { name, key, permissions } of askers) {
        asked += 1;
        const body = BODY_OF[operation.id];
        const { status, body: answer } = await server.ask(operation.method, fillPath(operation, ids), {
          key,
          body,
        });
        const expected = permissions.has(demanded(operation) as Permission) ? `404 ${code}` : '403 FORBIDDEN';
        const got = `${status} ${answer.error?.code}`;
        if (got !== expected) wrong.push(`${operation.id} as ${name}: ${got} instead of ${expected}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(20 * askers.length);
    expect(server.channel.calls).toEqual([]);
    expect(await dump()).toEqual(before);
  });

  it('names no account of another tenant in its body either', async () => {
    const [{ key }] = (await makeAskers('ours')) as [Asker];
    for (const work of ['verify', 'rotate']) {
      const answer = await server.ask('POST', `/vault/${work}`, { key, body: { accountId: theirs } });
      expect([answer.status, answer.body.error.code]).toEqual([404, 'ACCOUNT_NOT_FOUND']);
    }
  });

  it('subscribes nobody to an account of another tenant', async () => {
    const [{ key }] = (await makeAskers('ours')) as [Asker];
    const body = { ...(BODY_OF.createWebhook as object), accountId: theirs };
    const answer = await server.ask('POST', '/webhooks', { key, body });
    expect([answer.status, answer.body.error.code]).toEqual([404, 'ACCOUNT_NOT_FOUND']);
  });

  it('is done for whom its permission allows it, and is 403 for everybody else', async () => {
    const askers = await makeAskers('roles');
    const ids = new Proxy({}, { get: () => crypto.randomUUID() });
    const wrong: string[] = [];
    for (const operation of operations) {
      const permission = demanded(operation);
      for (const { name, key, permissions } of askers) {
        const body = BODY_OF[operation.id];
        const { status } = await server.ask(operation.method, fillPath(operation, ids), { key, body });
        const isOpen = permission === 'open';
        const mayPass = isOpen || (permissions.has(permission) && !OPERATOR_ONLY.has(operation.id));
        const isRight = mayPass ? ![401, 403].includes(status) && status < 500 : status === 403;
        if (!isRight) wrong.push(`${operation.id} as ${name}: ${status}`);
      }
    }
    // A key makes none that may do more than itself, whatever its permission.
    expect(wrong).toEqual(['createKey as owner with whatsapp:manage: 403']);
  });
});

it('lists only the accounts of the tenant', async () => {
  const key = await server.makeKey('owner', 'ours');
  expect((await server.ask('GET', '/accounts', { key })).body.data).toEqual([]);
});
