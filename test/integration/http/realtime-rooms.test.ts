import { sql } from 'kysely';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { openAccessWatch } from '../../../src/db/access-watch.ts';
import { deleteGrant } from '../../../src/db/account-grant-store.ts';
import { findApiKey } from '../../../src/db/api-key-store.ts';
import { keyToHash } from '../../../src/http/credentials.ts';
import { type AnswerBody, openTestServer, type TestServer } from '../../support/http-server.ts';

let server: TestServer;
let stack: AsyncDisposableStack;
let granted: AccountId;
let other: AccountId;
let owner: Socket;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await openTestServer());
  granted = await server.makeAccount({ phoneNumber: '+491700000001' });
  other = await server.makeAccount({ phoneNumber: '+491700000002' });
  owner = await connect(server.key);
});
afterEach(() => stack.disposeAsync());

async function connect(token: string, url = server.url): Promise<Socket> {
  const client = io(url, {
    reconnection: false,
    forceNew: true,
    transports: ['websocket'],
    auth: { token },
  });
  stack.defer(() => void client.close());
  await next(client, 'connect');
  return client;
}

function next(client: Socket, name: string): Promise<AnswerBody> {
  return new Promise((resolve) => void client.once(name, resolve));
}

/** Resolves with the alert of this text, if the client is told of it at all. */
function alertOf(client: Socket, text: string): Promise<AnswerBody> {
  return new Promise((resolve) => {
    const listen = (payload: AnswerBody) => {
      if (payload.text !== text) return;
      client.off('account:alert', listen);
      resolve(payload);
    };
    client.on('account:alert', listen);
  });
}

let alerts = 0;

/** Tells of the account; resolves once the owner has heard it, and so it was sent to everyone. */
async function tell(id: AccountId): Promise<string> {
  alerts += 1;
  const text = `Alert ${alerts}`;
  const told = alertOf(owner, text);
  server.announcer.onAlert(id, { kind: 'needs_human', reason: 'banned', text });
  await told;
  return text;
}

/** True if the client is told of the account. It is told of `known` in any case, which comes after. */
async function hears(client: Socket, id: AccountId, known: AccountId): Promise<boolean> {
  const heard: string[] = [];
  const listen = ({ text }: AnswerBody) => void heard.push(text);
  client.on('account:alert', listen);
  const text = await tell(id);
  const marker = await tell(known);
  if (!heard.includes(marker)) await alertOf(client, marker);
  client.off('account:alert', listen);
  return heard.includes(text);
}

/** Asks until it is as expected; the test's own timeout bounds the wait. */
async function until(expected: boolean, ask: () => Promise<boolean>): Promise<void> {
  while ((await ask()) !== expected);
}

async function idOf(key: string): Promise<string> {
  return (await findApiKey(server.db, keyToHash(key)))?.id ?? '';
}

describe('a client that does not see all accounts', () => {
  it('hears of those that were granted to it, and of no other', async () => {
    const key = await server.makeKey('agent');
    await server.grant(granted, key);
    const agent = await connect(key);
    expect(await hears(agent, other, granted)).toBe(false);
    expect(await hears(agent, granted, granted)).toBe(true);
  });

  it('hears of an account from its grant on until that ends, on its open connection', async () => {
    const key = await server.makeKey('viewer');
    await server.grant(granted, key);
    const viewer = await connect(key);
    await server.grant(other, key);
    await until(true, () => hears(viewer, other, granted));
    await deleteGrant(server.db, other, await idOf(key));
    await until(false, () => hears(viewer, other, granted));
    expect(viewer.connected).toBe(true);
  });

  it("hears nothing of another tenant's account, even if it was granted to somebody of its name", async () => {
    const theirs = await server.makeAccount({ tenant: 'theirs', phoneNumber: '+491700000003' });
    const key = await server.makeKey('agent');
    await server.grant(granted, key);
    await server.grant(theirs, key);
    const agent = await connect(key);
    const heard: string[] = [];
    agent.on('account:alert', ({ accountId }: AnswerBody) => void heard.push(accountId));
    const theirOwner = await connect(await server.makeKey('owner', 'theirs'));
    const told = alertOf(theirOwner, 'Theirs');
    server.announcer.onAlert(theirs, { kind: 'needs_human', reason: 'banned', text: 'Theirs' });
    await told;
    expect(await hears(agent, granted, granted)).toBe(true);
    expect(new Set(heard)).toEqual(new Set([granted]));
  });
});

describe('a client whose key ends', () => {
  it('is sent away when the key is revoked', async () => {
    const key = await server.makeKey('admin');
    const admin = await connect(key);
    const gone = next(admin, 'disconnect');
    const id = await idOf(key);
    await server.db.updateTable('api_keys').set({ revoked_at: new Date() }).where('id', '=', id).execute();
    expect(await gone).toBe('io server disconnect');
    expect(owner.connected).toBe(true);
  });

  it('is sent away when the key expires', async () => {
    const key = await server.makeKey('admin');
    const id = await idOf(key);
    const expires_at = new Date(Date.now() + 2_000);
    await server.db.updateTable('api_keys').set({ expires_at }).where('id', '=', id).execute();
    const admin = await connect(key);
    expect(await next(admin, 'disconnect')).toBe('io server disconnect');
    expect((await server.ask('GET', '/accounts', { key })).status).toBe(401);
  });

  it('is sent away when the key may not read any more, and is not let in again', async () => {
    const key = await server.makeKey('admin');
    const admin = await connect(key);
    const gone = next(admin, 'disconnect');
    const id = await idOf(key);
    await server.db
      .updateTable('api_keys')
      .set({ scopes: ['whatsapp:send'] })
      .where('id', '=', id)
      .execute();
    await gone;
    admin.connect();
    expect((await next(admin, 'connect_error')).data.code).toBe('FORBIDDEN');
  });
});

describe('a client of another instance', () => {
  it('is sent away when its key is revoked over HTTP here', async () => {
    const { connection, db, log } = server;
    const accessChanges = stack.use(await openAccessWatch({ connection, log }));
    const other = stack.use(await openTestServer({ db, accessChanges }));
    const made = (await server.ask('POST', '/keys', { body: { name: 'A', role: 'admin' } })).body.data;
    const admin = await connect(made.key, other.url);
    const gone = next(admin, 'disconnect');
    await server.ask('DELETE', `/keys/${made.id}`);
    expect(await gone).toBe('io server disconnect');
    expect((await other.ask('GET', '/accounts', { key: made.key })).status).toBe(401);
  });
});

describe('the connection that hears of changes', () => {
  it('is made anew when it breaks, and what changed meanwhile holds', async () => {
    const key = await server.makeKey('admin');
    const admin = await connect(key);
    const gone = next(admin, 'disconnect');
    const id = await idOf(key);
    // As if the notification had been lost.
    await sql`alter table api_keys disable trigger api_keys_changed`.execute(server.db);
    await server.db.updateTable('api_keys').set({ revoked_at: new Date() }).where('id', '=', id).execute();
    expect(admin.connected).toBe(true);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like 'listen %'`.execute(server.db);
    expect(await gone).toBe('io server disconnect');
  });
});
