/** What the log of changes tells of messages that are sent: each step once, in the transaction that takes it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AccountId,
  type MessageId,
  makeMessageId,
  parseInstanceId,
  parseMessageId,
} from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { appendChanges, rowToChange } from '../../../src/db/change-log.ts';
import type { Executor } from '../../../src/db/database.ts';
import { turnDay } from '../../../src/db/day-turn.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { listUnsettled } from '../../../src/db/outbox-store.ts';
import { claimAgain, claimForSending } from '../../../src/db/send-claim.ts';
import {
  applyPageAck,
  doubtHanded,
  markFailed,
  markNeverLeft,
  markUnknown,
} from '../../../src/db/send-result-store.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { ackEvent, messageEvent, ownMessageEvent, targetOf } from '../../support/inbound-events.ts';
import { findNextToSend } from '../../support/single-messages.ts';

const DAY_MS = 86_400_000;
const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';

let server: TestServer;
let account: AccountId;
let number = 491_700_300_000;
let names = 0;

beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  number += 1;
  account = await server.makeAccount({ phoneNumber: `+${number}` });
});

async function send(
  to = ALICE,
  given: object = {},
  headers: Record<string, string> = {},
): Promise<MessageId> {
  const { body } = await server.ask('POST', `/accounts/${account}/messages`, {
    body: { to, text: 'hello', ...given },
    headers,
  });
  return parseMessageId(body.data.messageId);
}

const claim = (at = new Date()) => ({ at, perMinute: 0, instanceId: parseInstanceId('one'), epoch: 1 });

/** Hands the message over that comes first, as the sender would; returns the name it has within WhatsApp. */
async function handOver(at = new Date()): Promise<string> {
  const message = await findNextToSend(server.db, account, [], { at });
  if (message === undefined) throw new Error('Nothing waits.');
  names += 1;
  const bareId = `SENT${names}`;
  const key = { fromMe: true, chatId: message.chatId, bareId, participant: null };
  const prepared = { key, chatId: message.chatId };
  expect(await claimForSending(server.db, message, prepared, claim(at))).toEqual({ kind: 'claimed' });
  return bareId;
}

const ref = (id: MessageId) => ({ id, accountId: account });
const failure = () => ({ code: 'SEND_REFUSED', reason: 'no', at: new Date() });

/** The log of a chat, as `kind` of the message that was sent first, second …; its numbers are checked. */
async function log(chatId: string, ...sent: readonly MessageId[]): Promise<readonly string[]> {
  const rows = await server.db
    .selectFrom('message_changes')
    .select(['chat_seq', 'message_id', 'kind'])
    .where('account_id', '=', account)
    .where('chat_id', '=', chatId)
    .orderBy('chat_seq')
    .execute();
  expect(rows.map(({ chat_seq }) => Number(chat_seq))).toEqual(rows.map((_, index) => index + 1));
  return rows.map(({ kind, message_id }) => `${kind} ${sent.indexOf(message_id as MessageId)}`);
}

describe('the log of changes tells of a message that is sent', () => {
  it('that it was accepted, handed over, and each further status once', async () => {
    const id = await send();
    expect(await log(ALICE, id)).toEqual(['message 0']);
    await handOver();
    expect(await log(ALICE, id)).toEqual(['message 0', 'status 0']);
    for (const ack of [1, 1, 2, 1, 3] as const)
      await applyPageAck(server.db, ref(id), { ack, reason: null }, new Date());
    expect(await log(ALICE, id)).toEqual(['message 0', ...Array(4).fill('status 0')]);
  });

  it('nothing again when its echo and its acks come by both ways', async () => {
    const id = await send();
    const bareId = await handOver();
    await applyPageAck(server.db, ref(id), { ack: 1, reason: null }, new Date());
    const echo = ownMessageEvent(bareId, { ack: 1, at: Date.now() });
    for (let times = 0; times < 2; times += 1) await ingestEvents(server.db, account, [echo], new Date());
    expect(await log(ALICE, id)).toEqual(['message 0', 'status 0', 'status 0']);
  });

  it('once, however often the request is repeated under its key', async () => {
    const headers = { 'idempotency-key': 'k' };
    const id = await send(ALICE, {}, headers);
    expect(await send(ALICE, {}, headers)).toBe(id);
    expect(await log(ALICE, id)).toEqual(['message 0']);
  });

  it('that it failed, once', async () => {
    const [lost, stopped] = [await send(), await send(BOB)];
    await handOver();
    for (let times = 0; times < 2; times += 1) {
      await markFailed(server.db, ref(lost), failure());
      await markNeverLeft(server.db, ref(stopped), failure());
    }
    expect(await log(ALICE, lost)).toEqual(['message 0', 'status 0', 'status 0']);
    expect(await log(BOB, stopped)).toEqual(['message 0', 'status 0']);
  });

  it('that its outcome is not known, and that it is known again', async () => {
    const id = await send();
    await handOver();
    for (let times = 0; times < 2; times += 1) await markUnknown(server.db, ref(id), new Date());
    const age = { now: Date.now(), minAgeMs: 0 };
    const {
      messages: [handed],
    } = await listUnsettled(server.db, account, age, { after: null, limit: 1 });
    if (handed === undefined) return expect.fail('nothing is open');
    expect(await claimAgain(server.db, handed, claim())).toEqual({ kind: 'claimed' });
    expect(await log(ALICE, id)).toEqual(['message 0', 'status 0', 'status 0']);
    for (let times = 0; times < 2; times += 1)
      await applyPageAck(server.db, ref(id), { ack: 0, reason: null }, new Date());
    expect(await log(ALICE, id)).toEqual(['message 0', ...Array(3).fill('status 0')]);
    expect(await doubtHanded(server.db, account, failure())).toBe(1);
    expect(await doubtHanded(server.db, account, failure())).toBe(0);
    expect(await log(ALICE, id)).toEqual(['message 0', ...Array(4).fill('status 0')]);
  });

  it('that it was cancelled, and what that frees', async () => {
    await updateAccount(server.db, account, { dailyLimit: 1 }, new Date());
    const first = await send();
    const second = await send(BOB, { onLimit: 'defer' });
    expect((await server.ask('POST', `/messages/${first}/cancel`)).status).toBe(200);
    expect((await server.ask('POST', `/messages/${first}/cancel`)).status).toBe(409);
    expect(await log(ALICE, first)).toEqual(['message 0', 'status 0']);
    expect(await log(BOB, second)).toEqual(['message 0', 'status 0']);
  });

  it('that it was put off and released, in the order of acceptance, if it really was', async () => {
    const now = new Date();
    const ids = [await send(), await send(), await send()];
    const accepted = ['message 0', 'message 1', 'message 2'];
    await updateAccount(server.db, account, { dailyLimit: 1 }, now);
    expect(await log(ALICE, ...ids)).toEqual([...accepted, 'status 1', 'status 2']);
    await updateAccount(server.db, account, { dailyLimit: 1 }, now);
    await turnDay(server.db, account, now);
    expect(await log(ALICE, ...ids)).toEqual([...accepted, 'status 1', 'status 2']);
    await updateAccount(server.db, account, { dailyLimit: 3 }, now);
    const put = ['status 1', 'status 2'];
    expect(await log(ALICE, ...ids)).toEqual([...accepted, ...put, ...put]);
    // The slots of the new date go to those that had one: nothing became of them.
    await turnDay(server.db, account, new Date(now.getTime() + DAY_MS));
    expect(await log(ALICE, ...ids)).toEqual([...accepted, ...put, ...put]);
  });

  it('without gaps, while messages come in and go out in the same chats at the same time', async () => {
    await updateAccount(server.db, account, { dailyLimit: 5 }, new Date());
    const chats = [BOB, ALICE];
    const work = Array.from({ length: 24 }, async (_, index) => {
      const chatId = chats[index % 2] ?? ALICE;
      const theirs = chats.map((each) =>
        messageEvent(`${number}-${index}-${each}`, { chatId: each, at: Date.now() }),
      );
      await Promise.all([
        send(chatId, { onLimit: 'defer' }),
        ingestEvents(server.db, account, index % 3 ? theirs : theirs.toReversed(), new Date()),
        updateAccount(server.db, account, { dailyLimit: 1 + (index % 9) }, new Date()),
      ]);
    });
    await Promise.all(work);
    const told = [...(await log(ALICE)), ...(await log(BOB))].filter((each) => each.startsWith('message'));
    expect(told).toHaveLength(24 + 48);
  });
});

it('goes on without gaps when the number behind a chat becomes known while the sender writes to it', async () => {
  const lid = '99000000000077@lid';
  const theirs = { chatId: lid, key: { fromMe: false, chatId: lid, bareId: 'L1', participant: null } };
  await ingestEvents(server.db, account, [messageEvent('L1', theirs)], new Date());
  let learnt: Promise<void> | undefined;
  let id: MessageId | undefined;
  await server.db.transaction().execute(async (trx) => {
    id = makeMessageId(Date.now());
    await appendChanges(trx, account, [rowToChange({ id, chat_id: ALICE, phone_number: null }, 'message')]);
    learnt = ingestAddresses(server.db, account, [{ lid, phone: ALICE }], new Date());
    await untilSomeoneWaits(trx);
  });
  await learnt;
  expect(await log(ALICE, id ?? expect.fail('no id'))).toEqual(['message 0', 'message -1']);
  expect(await log(lid)).toEqual([]);
});

it('is written by those who send and those who store without one waiting for the other for ever', async () => {
  const lid = '99000000000078@lid';
  const keyOf = (bareId: string) => ({ fromMe: false, chatId: lid, bareId, participant: null });
  await ingestEvents(server.db, account, [messageEvent('L1', { chatId: lid, key: keyOf('L1') })], new Date());
  const id = await send();
  const bareId = await handOver();
  let stored: Promise<unknown> | undefined;
  await server.db.transaction().execute(async (trx) => {
    await sql`select from messages where account_id = ${account} and bare_id = ${bareId} for update`.execute(
      trx,
    );
    // Tells the number behind the LID, and of the message whose row is locked.
    const both = messageEvent('L2', { chatId: ALICE, key: keyOf('L2') });
    const ack = ackEvent(bareId, 2, Date.now(), targetOf(bareId, { fromMe: true }));
    stored = ingestEvents(server.db, account, [both, ack], new Date());
    await untilSomeoneWaits(trx);
    await appendChanges(trx, account, [rowToChange({ id, chat_id: ALICE, phone_number: null }, 'status')]);
  });
  await stored;
  expect(await log(ALICE, id)).toHaveLength(6);
});

/** Resolves once a transaction waits for another's rows. */
async function untilSomeoneWaits(trx: Executor): Promise<void> {
  let waiting = 0;
  while (waiting === 0) {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      trx,
    );
    waiting = rows.length;
  }
}

describe('a message that was accepted and has not left', () => {
  it('leaves the latest times of its chat as they were', async () => {
    await send();
    const rows = await server.db
      .selectFrom('chats')
      .select(['last_message_at', 'last_incoming_at'])
      .where('account_id', '=', account)
      .execute();
    expect(rows).toEqual([{ last_message_at: null, last_incoming_at: null }]);
  });
});
