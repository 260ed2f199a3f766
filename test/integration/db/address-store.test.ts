import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { canonicalChatOf } from '../../../src/db/address-store.ts';
import { listKnownMessages, toFiledPeople } from '../../../src/db/catch-up-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { listMessages } from '../../../src/db/message-store.ts';
import { claimForSending } from '../../../src/db/send-claim.ts';
import type { InboundEvent, MessageEvent, ReadMessage } from '../../../src/messages/inbound-event.ts';
import { learnRecipient } from '../../../src/messages/recipient.ts';
import { toMissedChanges } from '../../../src/messages/reconcile.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent, T0 } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

/** Rows bear the database's own time, by whose date they are counted. */
const NOW = new Date();
const LID = '9900011@lid';
const PHONE = '491700000001@c.us';
const PAIR = { lid: LID, phone: PHONE };
const OTHER = { lid: '9900022@lid', phone: '491700000022@c.us' };

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

/** How a page names the message: by LID alone, by LID with the number beside it, by number. */
const DIALECTS = {
  lid: (bareId: string) => ({ key: keyOf(LID, bareId), chatId: LID }),
  both: (bareId: string) => ({ key: keyOf(LID, bareId), chatId: PHONE }),
  phone: (bareId: string) => ({ key: keyOf(PHONE, bareId), chatId: PHONE }),
} as const;
type Dialect = keyof typeof DIALECTS;

function keyOf(chatId: string, bareId: string, fromMe = false) {
  return { fromMe, chatId, bareId, participant: null };
}

function messageIn(dialect: Dialect, bareId: string, over: Partial<MessageEvent> = {}): MessageEvent {
  const named = DIALECTS[dialect](bareId);
  return messageEvent(bareId, { ...named, author: named.chatId, ...over });
}

const rows = () =>
  db.selectFrom('messages').selectAll().where('account_id', '=', account).orderBy('seq').execute();
const keys = () =>
  db
    .selectFrom('message_keys')
    .select(['chat_id', 'bare_id'])
    .where('account_id', '=', account)
    .orderBy('bare_id')
    .execute();

async function received(): Promise<number | undefined> {
  const row = await db
    .selectFrom('account_usage')
    .select('received')
    .where('account_id', '=', account)
    .executeTakeFirst();
  return row?.received;
}

describe('one conversation for both dialects (A16)', () => {
  const told: Dialect[][] = [
    ['lid', 'both'],
    ['both', 'lid'],
    ['lid', 'phone', 'both'],
    ['phone', 'lid', 'both'],
    ['phone', 'both', 'lid'],
    ['both', 'phone', 'lid'],
    ['lid', 'both', 'phone'],
  ];
  it.each(told.map((order) => ({ order })))(
    'makes one row of a message told by $order',
    async ({ order }) => {
      for (const dialect of order) await ingest(messageIn(dialect, 'A1'));
      expect(await rows()).toMatchObject([
        { chat_id: PHONE, phone_number: '+491700000001', author: PHONE, bare_id: 'A1', text: 'text of A1' },
      ]);
      expect(await keys()).toEqual([{ chat_id: PHONE, bare_id: 'A1' }]);
      expect(await received()).toBe(1);
    },
  );

  it.each(told.map((order) => ({ order })))(
    'makes one chat of messages told by $order',
    async ({ order }) => {
      for (const [at, dialect] of order.entries()) await ingest(messageIn(dialect, `A${at}`));
      const stored = await rows();
      expect(stored).toHaveLength(order.length);
      expect(new Set(stored.map(({ chat_id }) => chat_id))).toEqual(new Set([PHONE]));
      expect(await received()).toBe(order.length);
    },
  );

  it('learns within one batch', async () => {
    await ingest(messageIn('lid', 'A1'), messageIn('both', 'A2'), messageIn('lid', 'A1'));
    expect((await rows()).map(({ chat_id, bare_id }) => [chat_id, bare_id])).toEqual([
      [PHONE, 'A1'],
      [PHONE, 'A2'],
    ]);
  });

  it('learns without a message, from the page’s own map', async () => {
    await ingest(messageIn('lid', 'A1'));
    await ingestAddresses(db, account, [PAIR], NOW);
    expect(await rows()).toMatchObject([{ chat_id: PHONE, phone_number: '+491700000001' }]);
    expect(await canonicalChatOf(db, account, LID)).toBe(PHONE);
    expect(await canonicalChatOf(db, account, '9900012@lid')).toBe('9900012@lid');
  });

  it('keeps what either of two rows knew, and the name of the first', async () => {
    await ingest(messageIn('lid', 'A1'));
    await ingest(messageIn('phone', 'A1'));
    const [first] = await rows();
    await ingest(
      { kind: 'ack', ...DIALECTS.phone('A1'), ack: 3, reason: null, at: T0 + 1_000 },
      { kind: 'edit', ...DIALECTS.phone('A1'), text: 'better', at: T0 + 2_000 },
      { kind: 'reaction', ...DIALECTS.phone('A1'), senderId: PHONE, emoji: '👍', at: T0 + 3_000 },
    );
    await ingestAddresses(db, account, [PAIR], NOW);
    expect(await rows()).toMatchObject([
      {
        id: first?.id,
        chat_id: PHONE,
        text: 'better',
        status: 'read',
        read_at: new Date(T0 + 1_000),
        edited_at: new Date(T0 + 2_000),
      },
    ]);
    const reactions = await db
      .selectFrom('message_reactions')
      .select(['message_id', 'sender_id', 'emoji'])
      .where('account_id', '=', account)
      .execute();
    expect(reactions).toEqual([{ message_id: first?.id, sender_id: PHONE, emoji: '👍' }]);
  });

  it.each([
    ['lid', 'phone'],
    ['phone', 'lid'],
  ] as const)('applies changes that wait by %s to their message by %s', async (waits, known) => {
    await ingest(messageIn(known, 'A1'));
    await ingest({ kind: 'edit', ...DIALECTS[waits]('A1'), text: 'better', at: T0 + 2_000 });
    await ingestAddresses(db, account, [PAIR], NOW);
    expect(await rows()).toMatchObject([{ text: 'better' }]);
    expect(
      await db.selectFrom('waiting_changes').selectAll().where('account_id', '=', account).execute(),
    ).toEqual([]);
  });

  it('lets changes wait on by the number', async () => {
    await ingest({ kind: 'edit', ...DIALECTS.lid('A1'), text: 'better', at: T0 + 2_000 });
    await ingestAddresses(db, account, [PAIR], NOW);
    await ingest(messageIn('phone', 'A1'));
    expect(await rows()).toMatchObject([{ text: 'better' }]);
  });

  it('merges chats, contacts and how far they are caught up', async () => {
    const at = (ms: number) => new Date(T0 + ms);
    const chat = { account_id: account, unread: 2, last_message_at: at(5), last_incoming_at: null };
    await db
      .insertInto('chats')
      .values([
        { ...chat, chat_id: LID, name: 'Alice', phone_number: null },
        {
          ...chat,
          chat_id: PHONE,
          name: null,
          phone_number: '+491700000001',
          unread: 0,
          last_message_at: at(3),
          last_incoming_at: at(3),
        },
      ])
      .execute();
    await db
      .insertInto('contacts')
      .values({ account_id: account, contact_id: LID, name: 'Alice', push_name: 'al', phone_number: null })
      .execute();
    await db
      .insertInto('chat_watermarks')
      .values([
        { account_id: account, chat_id: LID, at: at(1), mark: '' },
        { account_id: account, chat_id: PHONE, at: at(2), mark: '' },
      ])
      .execute();
    await ingestAddresses(db, account, [PAIR], NOW);
    const of = (table: 'chats' | 'contacts' | 'chat_watermarks') =>
      db.selectFrom(table).selectAll().where('account_id', '=', account).execute();
    expect(await of('chats')).toMatchObject([
      { chat_id: PHONE, name: 'Alice', unread: 2, last_message_at: at(5), last_incoming_at: at(3) },
    ]);
    expect(await of('contacts')).toMatchObject([
      { contact_id: PHONE, phone_number: '+491700000001', name: 'Alice', push_name: 'al' },
    ]);
    expect(await of('chat_watermarks')).toMatchObject([{ chat_id: PHONE, at: at(1) }]);
  });

  it('appends the log of the LID’s chat to that of the number', async () => {
    await ingest(messageIn('phone', 'A1'), messageIn('phone', 'A2'));
    await ingest(messageIn('lid', 'A3'), messageIn('lid', 'A1'));
    await ingestAddresses(db, account, [PAIR], NOW);
    await ingest(messageIn('lid', 'A4'));
    const log = await db
      .selectFrom('message_changes')
      .select(['chat_id', 'chat_seq', 'message_id'])
      .where('account_id', '=', account)
      .orderBy('chat_seq')
      .execute();
    expect(log.map(({ chat_id, chat_seq }) => [chat_id, chat_seq])).toEqual(
      ['1', '2', '3', '4', '5'].map((seq) => [PHONE, seq]),
    );
    const ids = (await rows()).map(({ id }) => id);
    expect(log.filter(({ message_id }) => !ids.includes(message_id))).toEqual([]);
  });

  it.each([
    ['all was', [2, 2], [2, 2], 4],
    ['some of the LID’s was not', [2, 2], [2, 1], 3],
    ['some of the number’s was not', [2, 1], [2, 2], 3],
    ['some of both was not', [2, 1], [2, 1], 2],
    ['the number had none', [0, 0], [2, 2], 2],
  ])(
    'tells nothing of either chat again where %s',
    async (_what, [phoneLast, phoneTold], [lidLast, lidTold], told) => {
      await db
        .insertInto('chats')
        .values([
          ...(phoneLast === 0
            ? []
            : [
                {
                  account_id: account,
                  chat_id: PHONE,
                  last_seq: Number(phoneLast),
                  told_seq: Number(phoneTold),
                },
              ]),
          { account_id: account, chat_id: LID, last_seq: Number(lidLast), told_seq: Number(lidTold) },
        ])
        .execute();
      await ingestAddresses(db, account, [PAIR], NOW);
      const chats = await db.selectFrom('chats').selectAll().where('account_id', '=', account).execute();
      expect(chats).toMatchObject([
        { chat_id: PHONE, last_seq: String(Number(phoneLast) + Number(lidLast)), told_seq: String(told) },
      ]);
    },
  );

  it('takes no reaction for gone that the page tells under the other address', async () => {
    const at = Date.now() - 3_600_000;
    await ingest(messageIn('both', 'A1'));
    await ingest({ kind: 'reaction', ...DIALECTS.both('A1'), senderId: OTHER.lid, emoji: '👍', at });
    await ingestAddresses(db, account, [OTHER], NOW);
    // Whatever the page lacks was taken back.
    const times = { nowMs: Date.now(), readAgoMs: Number.NEGATIVE_INFINITY };
    for (const senderId of [OTHER.lid, OTHER.phone]) {
      const told: ReadMessage = {
        ...messageIn('both', 'A1', { ack: 0 }),
        reactions: [{ kind: 'reaction', ...DIALECTS.both('A1'), senderId, emoji: '👍', at }],
      };
      const [read = told] = await toFiledPeople(db, account, [told]);
      const [known] = await listKnownMessages(db, account, [read]);
      expect(known && toMissedChanges(read, known, times)).toEqual([]);
    }
  });

  it('knows who writes in a group, and leaves the group’s chat alone', async () => {
    const group = '4912345-678@g.us';
    const inGroup = (bareId: string, author: string) =>
      messageEvent(bareId, {
        key: { fromMe: false, chatId: group, bareId, participant: LID },
        chatId: group,
        author,
      });
    await ingest(inGroup('G1', PHONE), inGroup('G2', LID));
    expect(await rows()).toMatchObject([
      { chat_id: group, author: PHONE },
      { chat_id: group, author: PHONE },
    ]);
  });

  it('finds what a page that knows the LID alone reads back', async () => {
    await ingest(messageIn('both', 'A1'));
    expect(await listKnownMessages(db, account, [messageIn('lid', 'A1')])).toHaveLength(1);
  });

  it('lists the conversation by either name', async () => {
    await ingest(messageIn('lid', 'A1'), messageIn('both', 'A2'));
    for (const chatId of [LID, PHONE]) {
      const page = await listMessages(db, account, { chatId }, { limit: 10, after: null });
      expect(page.items.map(({ chatId: filed }) => filed)).toEqual([PHONE, PHONE]);
    }
  });

  it('takes no number for a LID, and no LID for a number', async () => {
    await ingestAddresses(
      db,
      account,
      [
        { lid: PHONE, phone: PHONE },
        { lid: LID, phone: LID },
        { lid: '4912345-678@g.us', phone: PHONE },
      ],
      NOW,
    );
    expect(await db.selectFrom('addresses').selectAll().where('account_id', '=', account).execute()).toEqual(
      [],
    );
  });

  it('goes by the newest number of a LID, and leaves the older conversation where it was', async () => {
    await ingest(messageIn('both', 'A1'));
    const moved = '491799999999@c.us';
    await ingest(messageEvent('A2', { key: keyOf(LID, 'A2'), chatId: moved, author: moved }));
    await ingest(messageIn('lid', 'A3'));
    expect((await rows()).map(({ chat_id }) => chat_id)).toEqual([PHONE, moved, moved]);
  });
});

describe('a send by number that the page resolves to a LID', () => {
  it('stays in the chat of the number, and its echo finds it', async () => {
    const id = makeMessageId(T0);
    const message = {
      id,
      accountId: account,
      chatId: PHONE,
      replyTo: null,
      type: 'text',
      text: 'hello',
      caption: null,
      payload: null,
      media: null,
    } as const;
    await insertOutgoing(db, { ...message, failure: null, at: new Date(T0) });
    const key = keyOf(LID, 'S1', true);
    const prepared = await learnRecipient(db, message, { key, chatId: LID }, NOW);
    expect(prepared).toEqual({ key, chatId: PHONE });
    const claim = { instanceId: parseInstanceId('one'), epoch: 1, at: NOW, perMinute: 0 };
    expect(await claimForSending(db, message, prepared, claim)).toEqual({ kind: 'claimed' });
    await ingest(messageEvent('S1', { key, chatId: LID, author: null, ack: 1 }), messageIn('lid', 'A1'));
    expect(await rows()).toMatchObject([
      { id, chat_id: PHONE, status: 'sent' },
      { chat_id: PHONE, bare_id: 'A1' },
    ]);
  });
});

it('an older number does not come back with a job that is stored already', async () => {
  const place = (n: number) => ({ run: 'r', n });
  const told = (bareId: string, phone: string) =>
    messageEvent(bareId, {
      chatId: phone,
      key: { fromMe: false, chatId: LID, bareId, participant: null },
    });
  const first = told('P1', PHONE);
  await ingestEvents(db, account, [first], new Date(T0), place(0));
  await ingestEvents(db, account, [told('P2', OTHER.phone)], new Date(T0), place(1));
  await ingestEvents(db, account, [first], new Date(T0), place(0));
  expect(await canonicalChatOf(db, account, LID)).toBe(OTHER.phone);
});
