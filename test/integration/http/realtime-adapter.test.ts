import { createHash, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import type { RealtimePayloads } from '../../../src/http/realtime-event.ts';
import { openRedis } from '../../../src/queue/connection.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  insertTestAccount,
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  T0,
  voteEvent,
} from '../../support/inbound-events.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { type HeardEvent, RealtimeClient } from '../../support/realtime-client.ts';
import {
  type InstancePlaces,
  openRealtimeInstance,
  type RealtimeInstance,
} from '../../support/realtime-instance.ts';
import { startRealtimeProcess } from '../../support/realtime-process.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTcpFront, type TcpFront } from '../../support/tcp-front.ts';

let stack: AsyncDisposableStack;
let database: TestDatabase;
let redis: OwnRedis;
let one: RealtimeInstance;
let two: RealtimeInstance;
let front: TcpFront;
let account: AccountId;
let ownerKey: string;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  database = stack.use(await openTestDatabase());
  redis = stack.use(await openOwnRedis());
  one = stack.use(await openRealtimeInstance(places('one'), new RecordingLogger()));
  two = stack.use(await openRealtimeInstance(places('two'), new RecordingLogger()));
  front = stack.use(await openTcpFront(one.port));
  account = await insertTestAccount(one.db);
  ownerKey = await insertOwnerKey();
});
afterEach(() => stack.disposeAsync());

function places(name: string): InstancePlaces {
  return {
    connection: database.connection,
    redis: { urls: [`redis://127.0.0.1:${redis.port}`] },
    prefix: 'test',
    name,
  };
}

async function insertOwnerKey(): Promise<string> {
  const key = `sb_${randomUUID()}${randomUUID()}`;
  const sha256 = createHash('sha256').update(key).digest('hex');
  const names = { name: 'test', prefix: key.slice(0, 6), sha256 };
  await one.db
    .insertInto('api_keys')
    .values({ id: randomUUID(), tenant_id: 'default', role: 'owner', ...names })
    .execute();
  return key;
}

async function dial({ url }: { readonly url: string }): Promise<RealtimeClient> {
  return stack.use(await RealtimeClient.open({ url, ownerKey }));
}

/** Messages with these texts come in, one transaction each, by way of that instance. */
async function receive({ db }: Pick<RealtimeInstance, 'db'>, ...texts: string[]): Promise<void> {
  for (const text of texts) await ingestEvents(db, account, [messageEvent(text, { text })], new Date());
}

/** Everything that lies in the stream. */
async function readStream(): Promise<string> {
  const location = { urls: [`redis://127.0.0.1:${redis.port}`] };
  await using open = await openRedis({ location, prefix: 'test', log: new RecordingLogger() });
  return JSON.stringify(await open.client.xrange(`${open.prefix}:realtime`, '-', '+'));
}

describe('clients of several instances', () => {
  it('hear of each message once and in order, whichever instance stored it', async () => {
    const clients = [await dial(one), await dial(two)];
    await receive(two, '1', '2');
    await receive(one, '3', '4');
    for (const client of clients) await client.hears('4');
    for (const client of clients) expect(client.received).toEqual(['1', '2', '3', '4']);
  });

  it('hear of each message once and in order, two hundred of them', async () => {
    const clients = await Promise.all(
      Array.from({ length: 200 }, (_each, nth) => dial(nth % 2 === 0 ? one : two)),
    );
    const texts = Array.from({ length: 40 }, (_each, nth) => `message ${nth}`);
    await receive(one, ...texts.slice(0, 20));
    await receive(two, ...texts.slice(20));
    await Promise.all(clients.map((client) => client.hears('message 39')));
    for (const client of clients) expect(client.received).toEqual(texts);
  }, 60_000);

  it('hear of the steps of a message', async () => {
    const client = await dial(two);
    await ingestEvents(one.db, account, [ownMessageEvent('own')], new Date());
    await ingestEvents(one.db, account, [ackEvent('own', 2, T0 + 1_000)], new Date());
    const told = await client.heard(
      ({ name, payload }) => name === 'message:status' && payload.status === 'delivered',
    );
    expect(told.payload).toMatchObject({
      accountId: account,
      chatId: '491700000001@c.us',
      direction: 'outgoing',
      failedReason: null,
      deliveredAt: new Date(T0 + 1_000).toISOString(),
      readAt: null,
    });
    expect(Object.keys(told.payload)).not.toContain('text');
  });

  it('hear of each reaction and vote once, with those that the message has then, also as they are taken back', async () => {
    const clients = [await dial(one), await dial(two)];
    const poll = { question: 'When?', options: ['now', 'later'], multipleAnswers: true };
    await ingestEvents(one.db, account, [messageEvent('when', { type: 'poll', poll })], new Date());
    const steps = [
      [reactionEvent('when', '👍', T0 + 1), { emojis: ['👍'], options: [] }],
      [voteEvent('when', [1], T0 + 2), { emojis: ['👍'], options: ['later'] }],
      [reactionEvent('when', '', T0 + 3), { emojis: [], options: ['later'] }],
      [voteEvent('when', [], T0 + 4), { emojis: [], options: [] }],
    ] as const;
    const additionsOf = ({ payload }: HeardEvent) => {
      const { reactions, votes } = payload as RealtimePayloads['message:status'];
      return {
        emojis: reactions.map(({ emoji }) => emoji),
        options: votes?.flatMap(({ options }) => options),
      };
    };
    const told = (client: RealtimeClient) => client.events.filter(({ name }) => name === 'message:status');
    for (const [nth, [event]] of steps.entries()) {
      await ingestEvents(one.db, account, [event], new Date());
      await ingestEvents(two.db, account, [event], new Date());
      for (const client of clients) await client.heard(() => told(client).length > nth);
    }
    for (const client of clients)
      expect(told(client).map(additionsOf)).toEqual(steps.map(([, expected]) => expected));
  });

  it('are sent codes to scan and to type, which lie sealed in Redis', async () => {
    const clients = [await dial(one), await dial(two)];
    const store = makeAccountStore(one.db);
    await store.saveQr(account, { text: '2@code', expiresAt: new Date(Date.now() + 60_000) });
    const row = await store.getAccount(account);
    one.announcer.onQr(row, '2@code');
    one.announcer.onPairingCode(row, 'ABCD1234');
    for (const client of clients) {
      await client.heard(({ payload }) => payload.qr === '2@code');
      await client.heard(({ payload }) => payload.code === 'ABCD1234');
    }
    await receive(one, 'plain');
    for (const client of clients) await client.hears('plain');
    const stored = await readStream();
    expect(stored).toContain('plain');
    for (const secret of ['2@code', 'ABCD1234', 'data:image']) expect(stored).not.toContain(secret);
  });

  it('hear of each change of an account once', async () => {
    const clients = [await dial(one), await dial(two)];
    const change = { state: 'needs_human', reason: 'logged_out' } as const;
    await makeAccountStore(one.db).saveState(account, change);
    one.announcer.onState(account, change);
    two.announcer.reviewHealth(account);
    for (const client of clients) await client.heard(({ name }) => name === 'account:health');
    for (const client of clients) await client.heard(({ name }) => name === 'account:status');
    await receive(one, 'last');
    for (const client of clients) {
      await client.hears('last');
      expect(client.events.map(({ name }) => name).toSorted()).toEqual([
        'account:health',
        'account:status',
        'message:received',
      ]);
    }
  });
});

describe('while Redis is away', () => {
  it('clients stay and hear of what their instance reads, and all of everything when it is back', async () => {
    const [near, far] = [await dial(one), await dial(two)];
    const clients = [near, far];
    await receive(one, '1');
    for (const client of clients) await client.hears('1');
    await redis.kill();
    await receive(one, '2');
    await receive(two, '3');
    await near.hears('3');
    for (const client of clients) expect(client.isConnected).toBe(true);
    const again = far.connected();
    await redis.start();
    expect(await again).toBe(false);
    await untilBoth(clients);
    await receive(two, 'end');
    for (const client of clients) await client.hears('end');
    for (const client of clients) expect(client.isConnected).toBe(true);
    expect(near.received.slice(0, 3)).toEqual(['1', '2', '3']);
    for (const client of clients) expect(new Set(client.received).size).toBe(client.received.length);
  });
});

/** Messages come in until one of them has reached all. */
async function untilBoth(clients: readonly RealtimeClient[]): Promise<void> {
  const isBack = (client: RealtimeClient) => client.received.some((text) => String(text).startsWith('again'));
  for (let nth = 0; !clients.every(isBack); nth += 1) {
    await receive(one, `again ${nth}`);
    await Promise.race(clients.map((client) => client.hears(`again ${nth}`)));
  }
}

it('what was committed and not told when the reading instance was killed is told by the next one, once', async () => {
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  const { port, child } = stack.use(await startRealtimeProcess(places('killed')));
  front.turn(port);
  await using next = await openRealtimeInstance(places('next'), new RecordingLogger());
  const client = await dial(front);
  const steady = await dial(next);
  await receive(next, '1');
  await client.hears('1');

  await vi.waitFor(async () => {
    const { rows } = await sql`select from change_feed where taken > told`.execute(next.db);
    expect(rows).toEqual([]);
  });
  child.kill('SIGSTOP');
  await receive(next, '2', '3');
  const [gone, again] = [client.cutOff(), client.connected()];
  child.kill('SIGKILL');
  await gone;
  front.turn(next.port);
  expect(await again).toBe(true);
  for (const each of [client, steady]) await each.hears('3');
  await receive(next, '4');
  for (const each of [client, steady]) {
    await each.hears('4');
    expect(each.received).toEqual(['1', '2', '3', '4']);
  }
});
