import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { findNextToSend } from '../../../src/db/outbox-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { makeDayTurn } from '../../../src/messages/day-turn.ts';
import type { Ack } from '../../../src/messages/message.ts';
import type { MessageStep } from '../../../src/messages/message-step.ts';
import { makeOutbox } from '../../../src/messages/outbox.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import { makeOutboundProcessor, openSender, type Sender } from '../../../src/messages/sender.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession, type PageScript } from '../../support/fake-network.ts';
import { ackEvent, insertTestAccount, ownMessageEvent } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';
/** Chats whose messages are cancelled when the sender asks for them: they leave no trace. */
const MARKS = ['first-mark@c.us', 'second-mark@c.us'];
const RATE_LINE = 'The per-minute limit delays the next message';

let database: TestDatabase;
let opened: OpenDatabase;
let account: Account;
let network: FakeNetwork;
let clock: ManualClock;
let log: RecordingLogger;
let sender: Sender;
let onAck: () => void;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: new RecordingLogger() });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  account = { id: await insertTestAccount(opened.db, 'Pacific/Auckland') } as Account;
  stack = new AsyncDisposableStack();
  network = new FakeNetwork();
  clock = new ManualClock();
  log = new RecordingLogger();
  onAck = () => undefined;
  sender = open();
});
afterEach(() => stack.disposeAsync());

function open(messageRateLimit = 0, onCounted: (id: AccountId) => void = () => undefined): Sender {
  const mediaPath = (sha256: string) => `/media/${sha256}`;
  const onStep = (step: MessageStep) => step === 'ack-written' && onAck();
  return stack.use(openSender({ db: opened.db, mediaPath, clock, log, messageRateLimit, onCounted, onStep }));
}

/** Resolves when so many more acks were written down. */
function acksWritten(count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  onAck = () => {
    left -= 1;
    if (left === 0) resolve();
  };
  return promise;
}

async function accept(body: string, given: Partial<SendRequest> = {}) {
  const outbox = makeOutbox({
    db: opened.db,
    takeMedia: async () => ({
      sha256: 'ab',
      mimeType: 'image/png',
      fileName: 'a.png',
      fileSize: 7,
      as: 'image',
    }),
    wake: (accountId) => sender.wake(accountId),
    enqueue: async (job) => makeOutboundProcessor(sender)(job),
    clock,
    log,
  });
  const request: SendRequest = {
    to: ALICE,
    content: { kind: 'text', text: body },
    replyTo: null,
    onLimit: 'reject',
    ...given,
  };
  return (await outbox.accept(account, request, { idempotencyKey: null, requestHash: '' })).messageId;
}

/** A connected session whose page refuses the mark and follows the script otherwise. */
function connect(script: PageScript = {}) {
  const session = new NetworkSession(
    account.id,
    { network, page: new Map() },
    {
      ...script,
      async onPrepare(to) {
        if (MARKS.includes(to)) await cancel(to);
        else await script.onPrepare?.(to);
      },
    },
  );
  const connection = new AbortController();
  const ended = sender.run(session, connection.signal);
  return { session, connection, ended };
}

/**
 * Resolves when everything that was accepted or fell due so far has been dealt with: a turn that was under way may
 * still have picked the first mark, the second comes after a whole look at all there is to do.
 */
async function settled(session: NetworkSession): Promise<void> {
  for (const to of MARKS) {
    const asked = session.asked(to);
    await accept('mark', { to });
    await asked;
  }
}

async function cancel(chatId: string): Promise<void> {
  await opened.db
    .updateTable('messages')
    .set({ status: 'cancelled' })
    .where('account_id', '=', account.id)
    .where('chat_id', '=', chatId)
    .where('status', '=', 'pending')
    .execute();
}

/** Moves the clock and lets the sender look at it. */
function advance(ms: number): void {
  clock.advance(ms);
  sender.wake(account.id);
}

function rows() {
  return opened.db
    .selectFrom('messages')
    .selectAll()
    .where('account_id', '=', account.id)
    .where('chat_id', 'not in', MARKS)
    .orderBy('seq')
    .execute();
}

describe('sending', () => {
  it('hands messages over in the order in which they were accepted, and adopts the ack', async () => {
    for (const body of ['1', '2', '3']) await accept(body);
    const { session } = connect();
    await accept('4');
    await settled(session);
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    const stored = await rows();
    expect(stored.map((row) => row.status)).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(stored[0]).toMatchObject({
      bare_id: network.carried[0]?.bareId,
      whatsapp_message_id: `true_${ALICE}_${network.carried[0]?.bareId}`,
      handed_at: new Date(clock.now()),
      sent_at: new Date(clock.now()),
    });
  });

  it('counts what left and what failed on the date in the time zone of the account', async () => {
    for (const body of ['1', 'bad', '2']) await accept(body);
    const { session } = connect({
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'bad') throw new AppError('SEND_REFUSED');
      },
    });
    await settled(session);
    const usage = await opened.db
      .selectFrom('account_usage')
      .selectAll()
      .where('account_id', '=', account.id)
      .execute();
    expect(usage).toMatchObject([{ local_date: '2026-03-02', sent: 2, failed: 1 }]);
  });

  it('tells of each message that it counted', async () => {
    const counted: AccountId[] = [];
    sender = open(0, (id) => void counted.push(id));
    for (const body of ['first', 'second']) await accept(body);
    const { session } = connect();
    await settled(session);
    expect(counted).toEqual([account.id, account.id]);
  });

  it('sends media, location, contact and poll, and quotes the message that is answered', async () => {
    const first = await accept('first');
    await accept('', {
      content: {
        kind: 'media',
        source: { from: 'upload', mediaId: 'm' },
        caption: 'c',
        fileName: null,
        as: null,
      },
      replyTo: first,
    });
    await accept('', { content: { kind: 'location', latitude: 1, longitude: 2 } });
    await accept('', { content: { kind: 'contact', name: 'Bob', vcard: 'V' } });
    await accept('', {
      content: { kind: 'poll', question: '?', options: ['a', 'b'], multipleAnswers: false },
    });
    const { session } = connect();
    await settled(session);
    expect(network.carried.map(({ content }) => content)).toEqual([
      { kind: 'text', text: 'first' },
      {
        kind: 'media',
        path: '/media/ab',
        mimeType: 'image/png',
        fileName: 'a.png',
        caption: 'c',
        as: 'image',
      },
      { kind: 'location', latitude: 1, longitude: 2 },
      { kind: 'contact', name: 'Bob', vcard: 'V' },
      { kind: 'poll', question: '?', options: ['a', 'b'], multipleAnswers: false },
    ]);
    expect(network.carried[1]?.quoted?.bareId).toBe(network.carried[0]?.bareId);
  });

  it('fails what WhatsApp refuses, with the reason, and goes on', async () => {
    const script: PageScript = {
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'bad') {
          throw new AppError('SEND_REFUSED', { message: 'Not that.' });
        }
      },
    };
    await accept('to nobody', { to: BOB });
    await accept('bad');
    const refused = await accept('good');
    await accept('re', { replyTo: refused });
    const { session } = connect(script);
    await settled(session);
    expect(await rows()).toMatchObject([
      { status: 'failed', failed_code: 'NOT_ON_WHATSAPP', handed_at: null },
      { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: 'Not that.' },
      { status: 'sent' },
      { status: 'sent' },
    ]);
  });

  it('fails an answer to a message that never got a name', async () => {
    const lost = await accept('lost', { to: BOB });
    await accept('re', { replyTo: lost });
    const { session } = connect({
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await settled(session);
    expect((await rows()).map((row) => row.status)).toEqual(['failed', 'failed']);
    expect(network.given).toEqual([]);
  });

  it('fails a message whose ack is negative, and counts it once (fault F33)', async () => {
    await accept('1');
    const { session } = connect({ ack: -1, reason: '463' });
    await settled(session);
    expect(await rows()).toMatchObject([
      { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: '463' },
    ]);
  });

  it('leaves messages alone that were sent on the phone', async () => {
    await ingestEvents(opened.db, account.id, [ownMessageEvent('PHONE', { ack: 0 })], new Date());
    const { session } = connect();
    await settled(session);
    expect(network.given).toEqual([]);
  });

  it('does not send what was cancelled while its recipient was being looked up', async () => {
    await accept('1');
    const { session } = connect({
      onPrepare: cancel,
    });
    await settled(session);
    expect(network.given).toEqual([]);
    expect(await rows()).toMatchObject([{ status: 'cancelled', handed_at: null }]);
  });

  it('tries a recipient again that could not be resolved, and lets other chats go first', async () => {
    let faults = 1;
    await accept('1', { to: BOB });
    await accept('2', { to: BOB });
    await accept('3');
    const { session } = connect({
      onPrepare(to) {
        if (to === BOB && faults-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled(session);
    expect(network.carried.map(({ content }) => 'text' in content && content.text)).toEqual(['3']);
    advance(1_000);
    await settled(session);
    expect(network.textsOf(BOB)).toEqual(['1', '2']);
  });
});

describe('acks and echoes', () => {
  it('meets its own echo and an ack that come before the page has answered', async () => {
    await accept('1');
    const { session } = connect({
      ack: 0,
      async onSent(prepared) {
        const { key, chatId } = prepared;
        const at = clock.now();
        const echo = ownMessageEvent(key.bareId, { key, chatId, text: '1', at, ack: 0 });
        const delivered = ackEvent(key.bareId, 2, at, { key, chatId });
        await ingestEvents(opened.db, account.id, [echo, delivered], new Date(at));
      },
    });
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'delivered', text: '1' }]);
  });

  it('meets an echo in either address dialect (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    const { session } = connect({
      canonical: { [lid]: ALICE },
      async onSent({ key }) {
        const at = clock.now();
        const echoes = [ALICE, lid].map((chatId) =>
          ownMessageEvent(key.bareId, { key: { ...key, chatId }, chatId, at }),
        );
        for (const echo of echoes) await ingestEvents(opened.db, account.id, [echo], new Date(at));
      },
    });
    await settled(session);
    expect(await rows()).toMatchObject([{ chat_id: ALICE, phone_number: '+491700000001', status: 'sent' }]);
  });

  it('reads a message back that the server did not confirm within a minute (fact A15)', async () => {
    await accept('1');
    const { session } = connect({ ack: 0 });
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'pending', handed_at: expect.any(Date) }]);
    for (const [bareId] of session.page) session.page.set(bareId, 3);
    advance(59_999);
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'pending' }]);
    advance(1);
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'read', sent_at: expect.any(Date) }]);
  });

  it('does not hold a chat whose messages wait in the page for the server', async () => {
    const { session } = connect({ ack: 0 });
    for (const body of ['1', '2']) await accept(body);
    await settled(session);
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});

describe('the per-minute limit', () => {
  it('delays, without losing time, and also after a restart', async () => {
    await sender[Symbol.asyncDispose]();
    sender = open(2);
    for (const body of ['1', '2', '3', '4']) await accept(body);
    const limited = log.next(RATE_LINE);
    const { connection, ended } = connect();
    expect((await limited).fields).toMatchObject({ delayMs: 60_000 });
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);

    connection.abort();
    await ended;
    clock.advance(20_000);
    await sender[Symbol.asyncDispose]();
    sender = open(2);
    const stillLimited = log.next(RATE_LINE);
    connect();
    expect((await stillLimited).fields).toMatchObject({ delayMs: 40_000 });
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);

    const limitedAgain = log.next(RATE_LINE);
    await accept('5');
    await limitedAgain;
    const full = log.next(RATE_LINE);
    advance(40_000);
    expect((await full).fields).toMatchObject({ delayMs: 60_000 });
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
  });
});

describe('two daemons that both hold the account', () => {
  it('hand no more over within a minute than one may', async () => {
    await sender[Symbol.asyncDispose]();
    const senders = [open(3), open(3)] as const;
    sender = senders[0];
    for (let nth = 0; nth < 10; nth += 1) await accept('x', { to: `4917000001${nth}0@c.us` });
    const both = [log.next(RATE_LINE), log.next(RATE_LINE)];
    const connection = new AbortController();
    const ended = senders.map((each) => {
      const session = new NetworkSession(account.id, { network, page: new Map() });
      return each.run(session, connection.signal);
    });
    await Promise.all(both);
    connection.abort();
    await Promise.all(ended);
    expect((await rows()).filter((row) => row.handed_at !== null)).toHaveLength(3);
  });
});

describe('the daily limit', () => {
  const DAY_MS = 86_400_000;

  function setLimit(dailyLimit: number) {
    return updateAccount(opened.db, account.id, { dailyLimit }, new Date(clock.now()));
  }

  async function statuses() {
    return (await rows()).map(({ text, status, slot_date }) => [text, status, slot_date]);
  }

  it('lets a message that waited over midnight go with a slot of the new date', async () => {
    await accept('1');
    clock.advance(DAY_MS);
    const written = acksWritten(1);
    connect();
    await written;
    expect(await statuses()).toEqual([['1', 'sent', '2026-03-03']]);
    const usage = await opened.db
      .selectFrom('account_usage')
      .select(['local_date', 'taken', 'sent'])
      .where('account_id', '=', account.id)
      .orderBy('local_date')
      .execute();
    expect(usage).toEqual([
      { local_date: '2026-03-02', taken: 0, sent: 0 },
      { local_date: '2026-03-03', taken: 1, sent: 1 },
    ]);
  });

  it('defers what finds the new date full, and lets it go when the next one has begun', async () => {
    await setLimit(2);
    for (const body of ['1', '2']) await accept(body);
    for (const body of ['3', '4', '5']) await accept(body, { onLimit: 'defer' });
    clock.advance(DAY_MS);
    const two = acksWritten(2);
    connect();
    await two;
    expect((await statuses()).map(([, status]) => status)).toEqual([
      'sent',
      'sent',
      'deferred',
      'deferred',
      'deferred',
    ]);
    clock.advance(DAY_MS);
    const turnDays = makeDayTurn({
      db: opened.db,
      instanceId: parseInstanceId('test'),
      clock,
      log,
      onTurned: (id) => sender.wake(id),
    });
    const four = acksWritten(2);
    expect(await turnDays()).toBeGreaterThanOrEqual(1);
    await four;
    expect(await turnDays()).toBe(0);
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    expect((await statuses()).at(-1)).toEqual(['5', 'deferred', null]);
  });

  it('chooses nothing of a chat that would pass by a deferred message of it', async () => {
    for (const body of ['1', '2']) await accept(body);
    await accept('3', { to: BOB });
    await opened.db
      .updateTable('messages')
      .set({ status: 'deferred', slot_date: null })
      .where('account_id', '=', account.id)
      .where('text', '=', '1')
      .execute();
    expect(await findNextToSend(opened.db, account.id, [], new Date(clock.now()))).toMatchObject({
      text: '3',
    });
  });

  it('gives the place of a message that never left to the next one', async () => {
    await setLimit(1);
    await accept('to nobody', { to: BOB });
    await accept('next', { onLimit: 'defer' });
    const written = acksWritten(1);
    connect({
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await written;
    expect(await statuses()).toEqual([
      ['to nobody', 'failed', null],
      ['next', 'sent', '2026-03-02'],
    ]);
  });

  it('keeps the place of a message that left and was refused', async () => {
    await setLimit(1);
    await accept('refused');
    await accept('next', { onLimit: 'defer' });
    const written = acksWritten(1);
    connect({ ack: -1, reason: '463' });
    await written;
    expect(await statuses()).toEqual([
      ['refused', 'failed', '2026-03-02'],
      ['next', 'deferred', null],
    ]);
  });
});

describe('an outcome that is not known', () => {
  const unknownOnce = (left: boolean) => {
    let times = 1;
    return {
      [left ? 'onSent' : 'onSend']() {
        if (times-- > 0) throw new AppError('SEND_OUTCOME_UNKNOWN');
      },
    } satisfies PageScript;
  };

  it('is read from the page, and the message is not handed over again', async () => {
    await accept('1');
    const { session } = connect(unknownOnce(true));
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'sent' }]);
    expect(network.given).toHaveLength(1);
  });

  it('holds its chat alone; after a minute of absence the same id is handed over again', async () => {
    await accept('1');
    await accept('2');
    await accept('3', { to: BOB });
    const { session } = connect(unknownOnce(false));
    await settled(session);
    expect((await rows()).map((row) => row.status)).toEqual(['unknown', 'pending', 'sent']);
    for (const seconds of [1, 2, 4, 8, 16]) {
      advance(seconds * 1_000);
      await settled(session);
    }
    expect(network.textsOf(ALICE)).toEqual([]);
    advance(30_000);
    await settled(session);
    const [first] = await rows();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
    expect(network.carried.find(({ chatId }) => chatId === ALICE)?.bareId).toBe(first?.bare_id);
    expect((await rows()).map((row) => row.status)).toEqual(['sent', 'sent', 'sent']);
  });

  it('holds the chat under its other name too (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1');
    await accept('2', { to: lid });
    const { session } = connect({ ...unknownOnce(false), canonical: { [lid]: ALICE } });
    await settled(session);
    expect(network.given).toEqual([]);
    for (const seconds of [1, 2, 4, 8, 16, 30]) {
      advance(seconds * 1_000);
      await settled(session);
    }
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('ends as soon as an event tells of the message', async () => {
    await accept('1');
    await accept('2');
    const { session } = connect(unknownOnce(false));
    await settled(session);
    const [row] = await rows();
    const ack = ackEvent(row?.bare_id ?? '', 1, clock.now(), { chatId: ALICE });
    await ingestEvents(opened.db, account.id, [ack], new Date(clock.now()));
    advance(1_000);
    await settled(session);
    expect(network.textsOf(ALICE)).toEqual(['2']);
    expect((await rows()).map((r) => r.status)).toEqual(['sent', 'sent']);
  });

  it('is given up after five hand-overs, and the chat goes on', async () => {
    await accept('poison');
    await accept('2');
    const script: PageScript = {
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'poison') throw new AppError('SESSION_FAULT');
      },
    };
    const { session } = connect(script);
    const gaveUp = log.next('A message was given up: whether it left is not known');
    await settled(session);
    for (let cycle = 0; cycle < 5; cycle += 1) {
      for (const seconds of [1, 2, 4, 8, 16, 30]) {
        advance(seconds * 1_000);
        await settled(session);
      }
    }
    await gaveUp;
    await settled(session);
    expect(await rows()).toMatchObject([
      { status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' },
      { status: 'sent' },
    ]);
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(1);
  });

  it('stays open while the page does not answer, and the loop goes on', async () => {
    let deaf = 2;
    await accept('1');
    const { session } = connect({
      ...unknownOnce(true),
      onFind() {
        if (deaf-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'unknown' }]);
    advance(1_000);
    await settled(session);
    advance(2_000);
    await settled(session);
    expect(await rows()).toMatchObject([{ status: 'sent' }]);
  });
});

describe('life cycle', () => {
  it('lets a newer connection take over', async () => {
    await accept('1');
    const hanging = Promise.withResolvers<void>();
    const first = connect({ onPrepare: () => hanging.promise });
    await first.session.asked(ALICE);
    const second = connect();
    await first.ended;
    await settled(second.session);
    hanging.resolve();
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });

  it('ends every loop when it is disposed, also one that hangs in the page', async () => {
    await accept('1');
    const { session, ended } = connect({ onPrepare: () => new Promise(() => undefined) });
    await session.asked(ALICE);
    await sender[Symbol.asyncDispose]();
    await ended;
    await expect(connect().ended).resolves.toBeUndefined();
    expect(network.given).toEqual([]);
  });

  it('sends for accounts side by side', async () => {
    const ack: Ack = 1;
    const other = { id: await insertTestAccount(opened.db) } as Account;
    const slow = connect({ ack, onSend: () => new Promise(() => undefined) });
    await accept('slow');
    await slow.session.asked(ALICE);
    account = other;
    await accept('quick', { to: BOB });
    const quick = connect({ ack });
    await settled(quick.session);
    expect(network.textsOf(BOB)).toEqual(['quick']);
  });
});
