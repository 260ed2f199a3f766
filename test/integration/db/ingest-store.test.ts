import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { appendChanges } from '../../../src/db/change-log.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { NO_FIGURES } from '../../../src/db/ingest-figures.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { claimForSending } from '../../../src/db/send-claim.ts';
import type { InboundEvent } from '../../../src/messages/inbound-event.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  editEvent,
  insertTestAccount,
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  revokeEvent,
  storedMediaEvent,
  T0,
  targetOf,
  voteEvent,
} from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

const NOW = new Date(T0 + 60_000);
const IMAGE = { mimeType: 'image/jpeg', fileName: null, fileSize: 99 };

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
});

const ingest = (...events: InboundEvent[]) => ingestEvents(db, account, events, NOW);

const messages = () =>
  db.selectFrom('messages').selectAll().where('account_id', '=', account).orderBy('seq').execute();

async function onlyMessage() {
  const rows = await messages();
  expect(rows).toHaveLength(1);
  return rows[0] ?? expect.fail('no row');
}

async function waitingCount(): Promise<number> {
  const rows = await db
    .selectFrom('waiting_changes')
    .select('id')
    .where('account_id', '=', account)
    .execute();
  return rows.length;
}

/** A message as the sender leaves it just before it hands it to the page. */
async function insertHandedMessage(bareId: string): Promise<string> {
  const id = makeMessageId(T0 - 5_000);
  const { chatId, key } = targetOf(bareId, { fromMe: true });
  const message = {
    id,
    accountId: account,
    chatId,
    replyTo: null,
    type: 'text',
    text: 'ours',
    caption: null,
    payload: null,
    media: null,
  } as const;
  await insertOutgoing(db, { ...message, failure: null, at: new Date(T0 - 5_000) });
  const claim = { at: new Date(T0), perMinute: 0, instanceId: parseInstanceId('one'), epoch: 1 };
  expect(await claimForSending(db, message, { key, chatId }, claim)).toEqual({ kind: 'claimed' });
  return id;
}

describe('a new message', () => {
  it('is stored with everything it carries', async () => {
    const result = await ingest(
      messageEvent('A1', {
        type: 'image',
        nativeType: 'image',
        text: null,
        caption: 'look',
        media: { mimeType: 'image/png', fileName: 'a.png', fileSize: 12 },
        quoted: { bareId: 'Q1', text: 'before' },
        mentions: ['491700000002@c.us'],
        forwarded: true,
        recovered: true,
      }),
    );
    const row = await onlyMessage();
    expect(row).toMatchObject({
      id: result.added[0],
      chat_id: '491700000001@c.us',
      phone_number: '+491700000001',
      whatsapp_message_id: 'false_491700000001@c.us_A1',
      direction: 'incoming',
      status: 'delivered',
      type: 'image',
      caption: 'look',
      reply_to: 'Q1',
      payload: { quotedText: 'before', mentions: ['491700000002@c.us'], forwarded: true },
      media_status: 'pending',
      mime_type: 'image/png',
      file_name: 'a.png',
      file_size: 12,
      recovered: true,
      timestamp: new Date(T0),
      handed_at: null,
    });
  });

  it('is stored once, however often and in whatever batches it is told', async () => {
    await ingest(messageEvent('A1'), messageEvent('A1'), messageEvent('A2'));
    const again = await ingest(messageEvent('A2'), messageEvent('A1', { recovered: true }));
    expect(again.added).toEqual([]);
    expect((await messages()).map((row) => row.bare_id)).toEqual(['A1', 'A2']);
  });

  it('is one message in both address dialects', async () => {
    const { chatId } = targetOf('A1');
    const lid = { fromMe: false, chatId: '111222333@lid', bareId: 'A1', participant: null };
    await ingest(messageEvent('A1'), messageEvent('A1', { key: lid, chatId }));
    await ingest(messageEvent('A1', { key: lid, chatId }));
    expect((await onlyMessage()).whatsapp_message_id).toBe('false_491700000001@c.us_A1');
  });

  it('is another message in another chat or account', async () => {
    const other = { ...targetOf('A1'), chatId: '120363000@g.us' };
    const result = await ingest(messageEvent('A1'), messageEvent('A1', other));
    expect(result.added).toHaveLength(2);
    const elsewhere = await insertTestAccount(db);
    expect((await ingestEvents(db, elsewhere, [messageEvent('A1')], NOW)).added).toHaveLength(1);
  });

  it('has no phone number in a group', async () => {
    await ingest(messageEvent('A1', { ...targetOf('A1'), chatId: '120363000@g.us' }));
    expect((await onlyMessage()).phone_number).toBeNull();
  });

  it('that was written on the phone counts as sent and is not left to the sender', async () => {
    await ingest(ownMessageEvent('A1', { ack: 0 }));
    expect(await onlyMessage()).toMatchObject({
      direction: 'outgoing',
      status: 'sent',
      handed_at: new Date(T0),
      sent_at: new Date(T0),
    });
  });

  it('keeps its place in the order of the events', async () => {
    await ingest(...Array.from({ length: 50 }, (_, i) => messageEvent(`A${i}`)));
    expect((await messages()).map((row) => row.bare_id)).toEqual(
      Array.from({ length: 50 }, (_, i) => `A${i}`),
    );
  });

  it('that cannot be held as text keeps the rest of it', async () => {
    await ingest(messageEvent('A1', { text: 'a\0b\ud800c', authorName: 'N\0' }), editEvent('A2', 'x\0y', T0));
    expect(await onlyMessage()).toMatchObject({ text: 'a\uFFFDb\uFFFDc', author_name: 'N\uFFFD' });
    await ingest(messageEvent('A2'));
    expect((await messages())[1]?.text).toBe('x\uFFFDy');
  });

  it('of an absurd declared size is stored without it', async () => {
    await ingest(messageEvent('A1', { type: 'image', media: { ...IMAGE, fileSize: 1e15 } }));
    expect((await onlyMessage()).file_size).toBeNull();
  });

  it('does not come back once it was purged', async () => {
    await ingest(messageEvent('A1'));
    await db.deleteFrom('messages').where('account_id', '=', account).execute();
    const result = await ingest(messageEvent('A1', { recovered: true }), editEvent('A1', 'x', T0 + 1));
    expect(result).toEqual({
      added: [],
      statusChanged: [],
      waiting: 0,
      awaitingMedia: 0,
      awaitedAnew: 0,
      figures: NO_FIGURES,
    });
    expect(await messages()).toEqual([]);
  });
});

describe('a change', () => {
  it('that comes before its message waits for it', async () => {
    const early = await ingest(
      ackEvent('B1', 2, T0 + 2_000),
      editEvent('B1', 'edited', T0 + 3_000),
      reactionEvent('B1', '👍', T0 + 4_000),
    );
    expect(early).toMatchObject({ added: [], waiting: 3 });
    await ingest(storedMediaEvent('B1', T0 + 4_500), revokeEvent('B1', T0 + 5_000));
    expect(await waitingCount()).toBe(5);

    const { added } = await ingest(ownMessageEvent('B1', { type: 'image', media: IMAGE, caption: 'first' }));
    expect(await onlyMessage()).toMatchObject({
      id: added[0],
      status: 'delivered',
      delivered_at: new Date(T0 + 2_000),
      caption: 'edited',
      edited_at: new Date(T0 + 3_000),
      media_status: 'stored',
      media_sha256: 'ab'.repeat(32),
      mime_type: 'image/png',
      file_size: 1_234,
      revoked_at: new Date(T0 + 5_000),
    });
    const reactions = await db
      .selectFrom('message_reactions')
      .select(['message_id', 'emoji'])
      .where('account_id', '=', account)
      .execute();
    expect(reactions).toEqual([{ message_id: added[0], emoji: '👍' }]);
    expect(await waitingCount()).toBe(0);
  });

  it('that comes before its message within one batch waits there', async () => {
    await ingest(editEvent('B1', 'second', T0 + 2), editEvent('B1', 'first', T0 + 1), messageEvent('B1'));
    expect(await onlyMessage()).toMatchObject({ text: 'second', edited_at: new Date(T0 + 2) });
    expect(await waitingCount()).toBe(0);
  });

  it('that waits is not written twice when it is told again', async () => {
    await ingest(editEvent('B1', 'x', T0 + 1));
    await ingest(editEvent('B1', 'x', T0 + 1));
    expect(await waitingCount()).toBe(1);
  });

  it('that is older than what is known changes nothing', async () => {
    await ingest(messageEvent('B1'), editEvent('B1', 'new', T0 + 9), reactionEvent('B1', '👍', T0 + 9));
    await ingest(editEvent('B1', 'old', T0 + 5), reactionEvent('B1', '😢', T0 + 5));
    expect((await onlyMessage()).text).toBe('new');
    const reaction = await db
      .selectFrom('message_reactions')
      .select('emoji')
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow();
    expect(reaction.emoji).toBe('👍');
  });

  it('that takes a reaction back outlives the older reaction told later', async () => {
    await ingest(messageEvent('B1'), reactionEvent('B1', '', T0 + 9));
    await ingest(reactionEvent('B1', '👍', T0 + 5));
    const reactions = await db
      .selectFrom('message_reactions')
      .select('emoji')
      .where('account_id', '=', account)
      .where('emoji', '<>', '')
      .execute();
    expect(reactions).toEqual([]);
  });

  it('that revokes keeps what was said', async () => {
    await ingest(messageEvent('B1'));
    await ingest(revokeEvent('B1', T0 + 5));
    expect(await onlyMessage()).toMatchObject({
      type: 'text',
      text: 'text of B1',
      revoked_at: new Date(T0 + 5),
    });
  });
});

describe('an ack of a message that we sent', () => {
  it('finds the row that the sender wrote, and its echo adds no row', async () => {
    const id = await insertHandedMessage('C1');
    const result = await ingest(ownMessageEvent('C1'), ackEvent('C1', 1, T0 + 1_000));
    expect(result).toMatchObject({ added: [], statusChanged: [{ messageId: id, status: 'sent' }] });
    expect(await onlyMessage()).toMatchObject({
      id,
      text: 'ours',
      whatsapp_message_id: 'true_491700000001@c.us_C1',
      sent_at: new Date(T0 + 1_000),
    });
  });

  it('never moves it back and fills the steps below', async () => {
    await insertHandedMessage('C1');
    await ingest(ackEvent('C1', 3, T0 + 3_000));
    await ingest(ackEvent('C1', 1, T0 + 1_000), ackEvent('C1', -1, T0 + 4_000));
    expect(await onlyMessage()).toMatchObject({
      status: 'read',
      sent_at: new Date(T0 + 1_000),
      delivered_at: new Date(T0 + 3_000),
      read_at: new Date(T0 + 3_000),
      failed_code: null,
    });
  });

  it('of -1 fails it with its reason and counts it', async () => {
    await insertHandedMessage('C1');
    await ingest(ackEvent('C1', -1, T0 + 1_000, { reason: 'error 463' }));
    expect(await onlyMessage()).toMatchObject({
      status: 'failed',
      failed_code: 'SEND_REFUSED',
      failed_reason: 'error 463',
    });
    const usage = await db
      .selectFrom('account_usage')
      .selectAll()
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow();
    expect(usage).toMatchObject({ failed: 1, received: 0 });
  });

  it('that proves it went out lifts it from failed and unknown', async () => {
    const ids = [await insertHandedMessage('C1'), await insertHandedMessage('C2')];
    await db
      .updateTable('messages')
      .set({ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' })
      .where('id', 'in', ids)
      .execute();
    await ingest(ackEvent('C1', 1, T0 + 1_000), ackEvent('C2', -1, T0 + 1_000));
    await ingest(ackEvent('C2', 2, T0 + 2_000));
    for (const row of await messages()) expect(row.failed_code).toBeNull();
    expect((await messages()).map((row) => row.status)).toEqual(['sent', 'delivered']);
  });
});

describe('the counter of the day', () => {
  it('counts each new incoming message once, on the local date of the account', async () => {
    account = await insertTestAccount(db, 'Pacific/Kiritimati');
    await ingest(messageEvent('D1'), messageEvent('D2'), ownMessageEvent('D3'));
    await ingest(messageEvent('D2'), messageEvent('D4'));
    const usage = await db
      .selectFrom('account_usage')
      .selectAll()
      .where('account_id', '=', account)
      .execute();
    expect(usage).toMatchObject([
      { account_id: account, local_date: '2026-03-02', sent: 0, received: 3, failed: 0 },
    ]);
  });
});

describe('two ingests of one account at the same time', () => {
  it('store overlapping batches once', async () => {
    const batch = (from: number) => Array.from({ length: 60 }, (_, i) => messageEvent(`E${from + i}`));
    const results = await Promise.all(
      [0, 30, 60, 15].map((from) => ingestEvents(db, account, batch(from), NOW)),
    );
    expect(results.flatMap((result) => result.added)).toHaveLength(120);
    expect(await messages()).toHaveLength(120);
  });

  it('do not let a change and its message miss each other', async () => {
    const count = 40;
    await Promise.all(
      Array.from({ length: count }, (_, i) => [
        ingestEvents(db, account, [editEvent(`F${i}`, 'edited', T0 + 1)], NOW),
        ingestEvents(db, account, [messageEvent(`F${i}`)], NOW),
      ]).flat(),
    );
    expect((await messages()).filter((row) => row.text === 'edited')).toHaveLength(count);
    expect(await waitingCount()).toBe(0);
  });
});

describe('an event that is none', () => {
  it.each([
    ['no time', { at: Number.NaN }],
    ['no name', { chatId: '' }],
  ])('with %s is refused and nothing of its batch is stored', async (_, given) => {
    await expect(ingest(messageEvent('G1'), messageEvent('G2', given))).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(await messages()).toEqual([]);
  });
});

describe('the log of changes', () => {
  const OTHER = '491700000002@c.us';
  const changes = async () => {
    const rows = await db
      .selectFrom('message_changes as c')
      .innerJoin('message_keys as k', 'k.message_id', 'c.message_id')
      .select(['c.chat_id', 'c.chat_seq', 'k.bare_id', 'c.kind'])
      .where('c.account_id', '=', account)
      .orderBy('c.id')
      .execute();
    return rows.map(
      (row) => `${row.chat_id === OTHER ? 'other' : 'alice'} ${row.chat_seq} ${row.kind} ${row.bare_id}`,
    );
  };
  const inOther = (bareId: string, given = {}) =>
    messageEvent(bareId, { ...targetOf(bareId), chatId: OTHER, ...given });

  it('has what is new, in the order of the events, numbered within each chat', async () => {
    await ingest(messageEvent('H1'), inOther('H2'), ownMessageEvent('H3'));
    await ingest(
      ackEvent('H3', 2, T0 + 1),
      messageEvent('H4'),
      editEvent('H1', 'x', T0 + 2),
      inOther('H5'),
      revokeEvent('H1', T0 + 3),
    );
    expect(await changes()).toEqual([
      'alice 1 message H1',
      'other 1 message H2',
      'alice 2 message H3',
      'alice 3 status H3',
      'alice 4 message H4',
      'alice 5 edit H1',
      'other 2 message H5',
      'alice 6 revoke H1',
    ]);
  });

  it('has nothing of what is told again, whatever has the message in hand', async () => {
    const events = [
      ownMessageEvent('H1'),
      ackEvent('H1', 2, T0 + 1),
      editEvent('H1', 'x', T0 + 2),
      revokeEvent('H1', T0 + 3),
    ];
    await ingest(...events);
    const before = await changes();
    await ingest(...events, ...events);
    await ingest(ownMessageEvent('H1', { recovered: true, ack: 2, editedAt: T0 + 2, text: 'x' }));
    expect(await changes()).toEqual(before);
    expect(before).toHaveLength(4);
  });

  it('has one entry of a message whose changes came before it', async () => {
    await ingest(editEvent('H1', 'x', T0 + 2));
    await ingest(messageEvent('H1'));
    expect(await changes()).toEqual(['alice 1 message H1']);
  });

  it('tells of a reaction each time that another is seen, in its place among the changes', async () => {
    await ingest(messageEvent('H1'), messageEvent('H2'));
    await ingest(
      editEvent('H1', 'x', T0 + 1),
      reactionEvent('H1', '👍', T0 + 2),
      { ...reactionEvent('H1', '🎉', T0 + 2), senderId: OTHER },
      revokeEvent('H2', T0 + 3),
    );
    await ingest(reactionEvent('H1', '❤️', T0 + 4));
    await ingest(reactionEvent('H1', '', T0 + 5));
    expect((await changes()).slice(2)).toEqual([
      'alice 3 edit H1',
      'alice 4 reaction H1',
      'alice 5 reaction H1',
      'alice 6 revoke H2',
      'alice 7 reaction H1',
      'alice 8 reaction H1',
    ]);
  });

  it.each<[string, InboundEvent[]]>([
    ['is told again', [reactionEvent('H1', '👍', T0 + 2)]],
    ['is told again with another time', [reactionEvent('H1', '👍', T0 + 9)]],
    ['is older than the one that is there', [reactionEvent('H1', '❤️', T0 + 1)]],
    ['comes and goes at once', [reactionEvent('H1', '❤️', T0 + 3), reactionEvent('H1', '👍', T0 + 4)]],
    ['takes back what was not there', [{ ...reactionEvent('H1', '', T0 + 3), senderId: OTHER }]],
  ])('has nothing of a reaction that %s', async (_what, events) => {
    await ingest(messageEvent('H1'));
    await ingest(reactionEvent('H1', '👍', T0 + 2));
    const before = await changes();
    await ingest(...events);
    await ingest(...events);
    expect(await changes()).toEqual(before);
    expect(before).toEqual(['alice 1 message H1', 'alice 2 reaction H1']);
  });

  it('takes a person for one under both addresses: what is taken back under the number was seen under the LID', async () => {
    const lid = '9900011@lid';
    await ingest(messageEvent('H1'), { ...reactionEvent('H1', '👍', T0 + 2), senderId: lid });
    await ingestAddresses(db, account, [{ lid, phone: OTHER }], NOW);
    const of = { senderId: OTHER };
    await ingest({ ...reactionEvent('H1', '❤️', T0 + 1), ...of });
    await ingest({ ...reactionEvent('H1', '👍', T0 + 3), ...of });
    await ingest({ ...reactionEvent('H1', '', T0 + 4), ...of });
    expect(await changes()).toEqual(['alice 1 message H1', 'alice 2 reaction H1', 'alice 3 reaction H1']);
  });

  it('tells of a vote each time that it is another', async () => {
    const poll = { question: 'When?', options: ['now', 'later', 'never'], multipleAnswers: true };
    await ingest(messageEvent('H1', { type: 'poll', poll }));
    for (const choices of [[0, 2], [2, 0], [2], [2], [], []])
      for (const _again of [1, 2]) await ingest(voteEvent('H1', choices, T0 + 9 - choices.length));
    await ingest({ ...voteEvent('H1', [], T0 + 1), voterId: OTHER });
    expect(await changes()).toEqual([
      'alice 1 message H1',
      'alice 2 vote H1',
      'alice 3 vote H1',
      'alice 4 vote H1',
    ]);
  });

  it.each([
    ['is there', storedMediaEvent('H1', T0 + 1)],
    ['is given up', { ...storedMediaEvent('H1', T0 + 1), result: { status: 'failed' as const } }],
  ])('tells once that media which was awaited %s', async (_what, event) => {
    await ingest(messageEvent('H1', { type: 'image', media: IMAGE }));
    await ingest(event);
    await ingest(event);
    expect(await changes()).toEqual(['alice 1 message H1', 'alice 2 media H1']);
  });

  it('numbers the changes of each chat in their order, however they are mixed', async () => {
    const mixed = ['alice', OTHER, 'alice', 'alice', OTHER].map((chat_id) => ({
      ...changeOf(chat_id),
      chat_id,
    }));
    for (let time = 0; time < 2; time += 1)
      await db.transaction().execute((trx) => appendChanges(trx, account, mixed));
    const rows = await db
      .selectFrom('message_changes')
      .select(['chat_id', 'chat_seq', 'message_id'])
      .where('account_id', '=', account)
      .orderBy('id')
      .execute();
    const numbers = [1, 1, 2, 3, 2, 4, 3, 5, 6, 4];
    expect(rows).toEqual(
      [...mixed, ...mixed].map(({ chat_id, message_id }, place) => ({
        chat_id,
        message_id,
        chat_seq: `${numbers[place]}`,
      })),
    );
  });

  it('has no number twice and leaves out none, however many write at a time', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        db.transaction().execute((trx) =>
          appendChanges(trx, account, [
            { ...changeOf(`${n}`), chat_id: OTHER },
            { ...changeOf(`${n}`), chat_id: 'alice' },
          ]),
        ),
      ),
    );
    const rows = await db
      .selectFrom('message_changes')
      .select('chat_seq')
      .where('account_id', '=', account)
      .where('chat_id', '=', OTHER)
      .orderBy('id')
      .execute();
    expect(rows.map((row) => Number(row.chat_seq)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  });

  const changeOf = (_: string) => ({
    message_id: makeMessageId(T0),
    phone_number: null,
    kind: 'status' as const,
    message_at: null,
    is_incoming: true,
  });
});

describe('the row of a chat', () => {
  const chat = () =>
    db.selectFrom('chats').selectAll().where('account_id', '=', account).executeTakeFirstOrThrow();

  it('follows its messages: the latest, and the latest that came in', async () => {
    await ingest(messageEvent('I1', { at: T0 }), ownMessageEvent('I2', { at: T0 + 9_000 }));
    await ingest(messageEvent('I3', { at: T0 - 9_000, recovered: true }));
    expect(await chat()).toMatchObject({
      chat_id: '491700000001@c.us',
      phone_number: '+491700000001',
      last_message_at: new Date(T0 + 9_000),
      last_incoming_at: new Date(T0),
      last_seq: '3',
    });
  });

  it('follows what the sender hands over, of which the echo is no change', async () => {
    await insertHandedMessage('I1');
    const handed = await chat();
    expect(handed).toMatchObject({ last_message_at: new Date(T0), last_incoming_at: null, last_seq: '1' });
    await ingest(ownMessageEvent('I1'));
    expect(await chat()).toEqual(handed);
  });
});
