import { createHash, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import type { Executor } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { openRedis } from '../../../src/queue/connection.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { type HeardEvent, RealtimeClient } from '../../support/realtime-client.ts';
import {
  type InstancePlaces,
  openRealtimeInstance,
  type RealtimeInstance,
  TOKEN_SECRET,
} from '../../support/realtime-instance.ts';
import { startRealtimeProcess } from '../../support/realtime-process.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTcpDoor } from '../../support/tcp-door.ts';
import { openTcpFront, type TcpFront } from '../../support/tcp-front.ts';

let stack: AsyncDisposableStack;
let database: TestDatabase;
let redis: OwnRedis;
let redisFront: TcpFront;
let one: RealtimeInstance;
let two: RealtimeInstance;
let front: TcpFront;
let account: AccountId;
let ownerKey: string;
let log: RecordingLogger;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  log = new RecordingLogger();
  database = stack.use(await openTestDatabase());
  redis = stack.use(await openOwnRedis());
  redisFront = stack.use(await openTcpFront(redis.port));
  one = stack.use(await openInstance('one', new URL(redisFront.url).port));
  two = stack.use(await openInstance('two', String(redis.port)));
  front = stack.use(await openTcpFront(one.port));
  account = await insertTestAccount(one.db);
  ownerKey = await insertOwnerKey('default');
});
afterEach(() => stack.disposeAsync());

function openInstance(
  name: string,
  redisPort: string,
  connection = database.connection,
): Promise<RealtimeInstance> {
  return openRealtimeInstance({ ...places(name, redisPort), connection }, log);
}

function places(name: string, redisPort = String(redis.port)): InstancePlaces {
  const location = { urls: [`redis://127.0.0.1:${redisPort}`] };
  return { connection: database.connection, redis: location, prefix: 'test', name };
}

async function insertOwnerKey(tenant: string): Promise<string> {
  const key = `sb_${randomUUID()}${randomUUID()}`;
  const sha256 = createHash('sha256').update(key).digest('hex');
  const names = { name: 'test', prefix: key.slice(0, 6), sha256 };
  await one.db
    .insertInto('api_keys')
    .values({ id: randomUUID(), tenant_id: tenant, role: 'owner', ...names })
    .execute();
  return key;
}

/** A token of one user of the tenant, which lasts so many seconds. */
function makeToken(seconds: number, role = 'owner'): Promise<string> {
  return new SignJWT({ sub: 'user', tenant: 'default', role })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode(TOKEN_SECRET));
}

async function dial({ url }: { readonly url: string }): Promise<RealtimeClient> {
  return stack.use(await RealtimeClient.open({ url, ownerKey }));
}

/** The user of the tokens, in this role. */
async function dialAs(role: string, { url }: { readonly url: string }): Promise<RealtimeClient> {
  return stack.use(await RealtimeClient.open({ url, ownerKey: await makeToken(600, role) }));
}

/** Lets the user of the tokens use the account. */
async function grant(to: AccountId): Promise<void> {
  const names = { user_id: 'user', granted_by: 'owner' };
  await one.db
    .insertInto('account_grants')
    .values({ account_id: to, ...names })
    .execute();
}

/** Messages with these texts come in, one transaction each, by way of that instance. */
async function receive({ db }: Pick<RealtimeInstance, 'db'>, ...texts: string[]): Promise<void> {
  for (const text of texts) await receiveFor(account, db, text);
}

async function receiveFor(whose: AccountId, db: Executor, text: string): Promise<void> {
  await ingestEvents(db, whose, [messageEvent(text, { text })], new Date());
}

describe('a client that was cut off', () => {
  it.each([
    ['the same instance', () => one],
    ['another instance', () => two],
  ])('gets what it missed from %s, once and in order', async (_which, back) => {
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    await receive(one, '2', '3');
    await receive(two, '4');
    await steady.hears('4');
    const again = client.connected();
    front.turn(back().port);
    expect(await again).toBe(true);
    await receive(one, '5');
    await client.hears('5');
    expect(client.received).toEqual(['1', '2', '3', '4', '5']);
  });

  it('gets nothing more once its key was revoked', async () => {
    const client = await dial(front);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    await one.db.updateTable('api_keys').set({ revoked_at: new Date() }).execute();
    await receive(one, '2');
    const refused = refusal(client);
    front.turn(two.port);
    expect(await refused).toBe('UNAUTHENTICATED');
    expect(client.received).toEqual(['1']);
  });

  it('begins anew with the key of somebody else, and gets nothing of the former one', async () => {
    const client = await dial(one);
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    client.leave();
    await receive(one, 'secret');
    await steady.hears('secret');
    const again = client.connected();
    client.return(await insertOwnerKey('other'));
    expect(await again).toBe(false);
    await receive(one, '3');
    await steady.hears('3');
    const end = client.cutOff();
    await one[Symbol.asyncDispose]();
    await end;
    expect(client.received).toEqual(['1']);
  });

  it('goes on with a new token of the same user', async () => {
    const client = stack.use(await RealtimeClient.open({ url: one.url, ownerKey: await makeToken(60) }));
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    client.leave();
    await receive(one, '2');
    await steady.hears('2');
    const again = client.connected();
    client.return(await makeToken(120));
    expect(await again).toBe(true);
    await client.hears('2');
    expect(client.received).toEqual(['1', '2']);
  });

  it('gets nothing without a key, whatever session it names', async () => {
    const client = await dial(one);
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    const { session } = client;
    client.leave();
    await receive(one, 'secret');
    await steady.hears('secret');
    expect(await rawAnswer(one.url, session)).toMatch(/^44.*UNAUTHENTICATED/);
  });

  it('hears on where the instance still holds the connection that it lost', async () => {
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    const [gone, again] = [client.cutOff(), client.connected()];
    const end = front.strand();
    await gone;
    await receive(one, '2');
    await steady.hears('2');
    expect(await again).toBe(true);
    await client.hears('2');
    end();
    await receive(one, '3', '4');
    await client.hears('4');
    expect(client.received).toEqual(['1', '2', '3', '4']);
  });

  it('misses nothing of what is told while it is let in, or is told that it begins anew', async () => {
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, 'first');
    await client.hears('first');
    const done = new AbortController();
    const receiving = (async () => {
      for (let nth = 0; !done.signal.aborted; nth += 1) await receive(one, `message ${nth}`);
    })();
    // A machine that stands still for a second has it begin anew; what it hears from there on is whole again.
    const beginnings = [0];
    for (let round = 0; round < 15; round += 1) {
      const [gone, again] = [client.cutOff(), client.connected()];
      front.turn(one.port);
      await gone;
      if (!(await again)) beginnings.push(client.received.length);
    }
    done.abort();
    await receiving;
    await receive(one, 'last');
    await Promise.all([client.hears('last'), steady.hears('last')]);
    expect(beginnings.length).toBeLessThan(15);
    const stretches = beginnings.map((from, nth) => client.received.slice(from, beginnings[nth + 1]));
    for (const stretch of stretches) {
      const from = steady.received.indexOf(stretch[0]);
      expect(stretch).toEqual(steady.received.slice(from, from + stretch.length));
    }
    expect(stretches.flat().at(-1)).toBe('last');
  }, 60_000);

  it('comes again by itself where it cannot be let in now, and its session waits for it', async () => {
    await using door = await openTcpDoor(database.connection);
    const behind = { ...database.connection, host: '127.0.0.1', port: door.port };
    await using three = await openInstance('three', String(redis.port), behind);
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    await receive(two, '2');
    await steady.hears('2');
    await door.shut();
    const turnedAway = client.cutOff();
    front.turn(three.port);
    await turnedAway;
    const again = client.connected();
    await door.open();
    expect(await again).toBe(true);
    await client.hears('2');
    expect(client.received).toEqual(['1', '2']);
  }, 30_000);

  it('begins anew where something was told past the stream while it was away', async () => {
    const client = await dial(front);
    const [near, far] = [await dial(one), await dial(two)];
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    redisFront.turn(null);
    alert('told past the stream');
    await near.heard(isAlert('told past the stream'));
    redisFront.turn(redis.port);
    for (let nth = 0; !far.events.some(({ name }) => name === 'account:alert'); nth += 1) {
      alert(`again ${nth}`);
      await near.heard(isAlert(`again ${nth}`));
    }
    const again = client.connected();
    front.turn(one.port);
    expect(await again).toBe(false);
  }, 30_000);

  it('begins anew elsewhere while an instance is cut off from Redis that told its own clients something', async () => {
    const client = await dial(front);
    const near = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    redisFront.turn(null);
    alert('told past the stream');
    await near.heard(isAlert('told past the stream'));
    const again = client.connected();
    front.turn(two.port);
    expect(await again).toBe(false);
  }, 30_000);

  it('begins anew where messages could not be read that were to be told while it was away', async () => {
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    const steadyAgain = steady.connected();
    const failed = log.next('What has happened could not be told');
    await sql`alter table message_reactions rename to unreadable`.execute(one.db);
    await receive(one, '2');
    await failed;
    await sql`alter table unreadable rename to message_reactions`.execute(one.db);
    expect(await steadyAgain).toBe(false);
    await receive(one, '3');
    await steady.hears('3');
    const again = client.connected();
    front.turn(two.port);
    expect(await again).toBe(false);
  }, 30_000);

  it('gets the code that it missed while that can be scanned, and none that has run out', async () => {
    const client = await dial(front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    const gone = client.cutOff();
    front.turn(null);
    await gone;
    await showQr('2@run-out', -1_000);
    await showQr('2@valid', 60_000);
    await steady.heard(({ payload }) => payload.qr === '2@valid');
    const again = client.connected();
    front.turn(two.port);
    expect(await again).toBe(true);
    await client.heard(({ payload }) => payload.qr === '2@valid');
    expect(client.events.map(({ payload }) => payload.qr)).not.toContain('2@run-out');
  });
});

describe('a client that is connected', () => {
  it('is cut off and begins anew, on any instance, where messages could not be read that were to be told', async () => {
    const clients = [await dial(one), await dial(two)];
    await receive(one, '1');
    for (const client of clients) await client.hears('1');
    const again = clients.map((client) => client.connected());
    await sql`alter table message_reactions rename to unreadable`.execute(one.db);
    const failed = log.next('What has happened could not be told');
    await receive(one, '2');
    await failed;
    await sql`alter table unreadable rename to message_reactions`.execute(one.db);
    expect(await Promise.all(again)).toEqual([false, false]);
    await receive(one, '3');
    for (const client of clients) await client.hears('3');
  }, 30_000);

  it('is cut off and begins anew where its instance hears that another told something past the stream', async () => {
    const [near, far] = [await dial(one), await dial(two)];
    await receive(one, '1');
    for (const client of [near, far]) await client.hears('1');
    const again = far.connected();
    redisFront.turn(null);
    alert('told past the stream');
    await near.heard(isAlert('told past the stream'));
    redisFront.turn(redis.port);
    expect(await again).toBe(false);
    expect(near.isConnected).toBe(true);
  }, 30_000);

  it('is cut off and begins anew where the instance that read is gone, and had taken what it did not tell', async () => {
    const reading = await dial(one);
    const client = await dial(two);
    await receive(one, '1');
    for (const each of [reading, client]) await each.hears('1');
    const again = client.connected();
    await sql`update change_feed set taken = taken + 1`.execute(two.db);
    await one[Symbol.asyncDispose]();
    expect(await again).toBe(false);
    await receive(two, '2');
    await client.hears('2');
  }, 30_000);
});

describe('a client that may hear of others than when it was cut off', () => {
  it.each([
    ['agent', 'admin'],
    ['admin', 'agent'],
  ])('begins anew, from %s to %s', async (before, after) => {
    await grant(account);
    const client = await dialAs(before, one);
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    client.leave();
    await receive(one, '2');
    await steady.hears('2');
    const again = client.connected();
    client.return(await makeToken(600, after));
    expect(await again).toBe(false);
  });

  it('begins anew where an account was granted meanwhile', async () => {
    const other = await insertTestAccount(one.db);
    await grant(account);
    const client = await dialAs('agent', one);
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    client.leave();
    await grant(other);
    await receiveFor(other, one.db, '2');
    await steady.hears('2');
    const again = client.connected();
    client.return(await makeToken(600, 'agent'));
    expect(await again).toBe(false);
  });

  it('goes on where a grant ended meanwhile, with what it may still hear', async () => {
    const other = await insertTestAccount(one.db);
    for (const each of [account, other]) await grant(each);
    const client = await dialAs('agent', one);
    const steady = await dial(one);
    await receive(one, '1');
    await client.hears('1');
    client.leave();
    await receiveFor(other, one.db, 'of the other');
    await receive(one, '2');
    await steady.hears('2');
    await one.db.deleteFrom('account_grants').where('account_id', '=', other).execute();
    const again = client.connected();
    client.return(await makeToken(600, 'agent'));
    expect(await again).toBe(true);
    await client.hears('2');
    expect(client.received).toEqual(['1', '2']);
  });

  it('gets what it missed of an account that was granted before its instance was killed', async () => {
    const other = await insertTestAccount(one.db);
    await grant(account);
    const { port, child } = stack.use(await startRealtimeProcess(places('killed')));
    front.turn(port);
    const client = await dialAs('agent', front);
    const steady = await dial(two);
    await receive(one, '1');
    await client.hears('1');
    await grant(other);
    await vi.waitFor(async () => expect(await findKept(client)).toContain(other));
    const gone = client.cutOff();
    front.turn(null);
    child.kill('SIGKILL');
    await gone;
    await receiveFor(other, one.db, 'missed');
    await steady.hears('missed');
    const again = client.connected();
    front.turn(two.port);
    expect(await again).toBe(true);
    await client.hears('missed');
    expect(client.received).toEqual(['1', 'missed']);
  }, 60_000);
});

/** What is kept of the client in Redis. */
async function findKept({ session }: RealtimeClient): Promise<string | null> {
  const { redis: location, prefix } = places('test');
  await using open = await openRedis({ location, prefix, log });
  return open.client.get(`${open.prefix}:realtime:session:${session.pid}`);
}

/** Instance one shows this code for the account. */
async function showQr(text: string, leftMs: number): Promise<void> {
  const store = makeAccountStore(one.db);
  await store.saveQr(account, { text, expiresAt: new Date(Date.now() + leftMs) });
  const shown = (await dial(one)).heard(({ payload }) => payload.qr === text);
  one.announcer.onQr(await store.getAccount(account), text);
  await shown;
}

/** Instance one tells of the account. */
function alert(text: string): void {
  one.announcer.onAlert(account, { kind: 'needs_human', reason: 'banned', text });
}

function isAlert(text: string) {
  return ({ payload }: HeardEvent) => payload.text === text;
}

/** What the server says first to a WebSocket that opens the namespace so: one packet of Socket.IO. */
function rawAnswer(url: string, auth: object): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  stack.defer(() => socket.close());
  return new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      if (String(data).startsWith('0')) socket.send(`40${JSON.stringify(auth)}`);
      else if (String(data).startsWith('4')) resolve(String(data));
    });
  });
}

/** The first refusal that the server itself gives; before it there may be those of the closed front. */
async function refusal(client: RealtimeClient): Promise<string> {
  for (;;) {
    const code = await client.refused();
    if (/^[A-Z_]+$/.test(code)) return code;
  }
}
