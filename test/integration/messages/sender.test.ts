import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { saveImported } from '../../../src/db/account-import.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { findNextToSend } from '../../../src/db/outbox-store.ts';
import { doubtRestored } from '../../../src/db/restored-profile.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { makeDayTurn } from '../../../src/messages/day-turn.ts';
import type { MediaStore } from '../../../src/messages/media-store.ts';
import type { Ack } from '../../../src/messages/message.ts';
import type { MessageStep } from '../../../src/messages/message-step.ts';
import { makeOutbox } from '../../../src/messages/outbox.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import { makeOutboundProcessor, openSender, type Sender } from '../../../src/messages/sender.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession, type PageScript, type PageStore } from '../../support/fake-network.ts';
import { ackEvent, insertTestAccount, ownMessageEvent } from '../../support/inbound-events.ts';
import { openMedia } from '../../support/local-media.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';
const WAITS = 'The sender waits';
const FILE: SendRequest['content'] = {
  kind: 'media',
  source: { from: 'upload', mediaId: 'm' },
  caption: null,
  fileName: null,
  as: null,
};
const INSTANCE = parseInstanceId('one');
const RATE_LINE = 'The per-minute limit delays the next message';

let database: TestDatabase;
let opened: OpenDatabase;
let account: Account;
let network: FakeNetwork;
let clock: ManualClock;
let log: RecordingLogger;
let sender: Sender;
let onAck: () => void;
let openFile: MediaStore['openLocal'];
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
  openFile = openMedia;
  sender = open();
});
afterEach(() => stack.disposeAsync());

function open(messageRateLimit = 0, onCounted: (id: AccountId) => void = () => undefined): Sender {
  const onStep = (step: MessageStep) => step === 'ack-written' && onAck();
  const openMedia: MediaStore['openLocal'] = (...asked) => openFile(...asked);
  const deps = { db: opened.db, openMedia, instanceId: INSTANCE, clock, log, messageRateLimit, onCounted };
  return stack.use(openSender({ ...deps, onStep }));
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

async function accept(body: string, given: Partial<SendRequest> = {}, { wakes = true } = {}) {
  const outbox = makeOutbox({
    db: opened.db,
    instanceId: INSTANCE,
    takeMedia: async () => ({
      sha256: 'ab',
      mimeType: 'image/png',
      fileName: 'a.png',
      fileSize: 7,
      as: 'image',
    }),
    wake: (accountId) => void (wakes && sender.wake(accountId)),
    enqueue: async (job) => void (wakes && (await makeOutboundProcessor(sender)(job))),
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

/** A connected session; its page is empty unless one is given. */
function connect(script: PageScript = {}, { page = new Map() }: ConnectOptions = {}) {
  const session = new NetworkSession(account.id, { network, page }, script);
  const connection = new AbortController();
  const ended = sender.run(session, connection.signal);
  const leave = async () => {
    connection.abort();
    await ended;
  };
  return { session, leave, ended };
}

interface ConnectOptions {
  readonly page?: PageStore;
}

/** Resolves when everything that was accepted or fell due so far has been dealt with. */
async function settled(): Promise<void> {
  // A look that was under way may have missed it; the next one has not.
  for (let look = 0; look < 2; look += 1) {
    const idle = nextIdle();
    sender.wake(account.id);
    await idle;
  }
}

async function nextIdle(): Promise<void> {
  while ((await log.next(WAITS)).fields.underWay !== 0);
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
    .orderBy('seq')
    .execute();
}

describe('sending', () => {
  it('hands messages over in the order in which they were accepted, and adopts the ack', async () => {
    for (const body of ['1', '2', '3']) await accept(body);
    connect();
    await accept('4');
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    const stored = await rows();
    expect(stored.map((row) => row.status)).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(stored[0]).toMatchObject({
      bare_id: network.carried[0]?.bareId,
      whatsapp_message_id: `true_${ALICE}_${network.carried[0]?.bareId}`,
      handed_at: new Date(clock.now()),
      claimed_by: INSTANCE,
      claim_epoch: expect.stringMatching(/^\d+$/),
      sent_at: new Date(clock.now()),
    });
  });

  it('counts what left and what failed on the date in the time zone of the account', async () => {
    for (const body of ['1', 'bad', '2']) await accept(body);
    connect({
      onSend(_prepared, content) {
        if (content.kind === 'text' && content.text === 'bad') throw new AppError('SEND_REFUSED');
      },
    });
    await settled();
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
    connect();
    await settled();
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
    connect();
    await settled();
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
    connect(script);
    await settled();
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
    connect({
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await settled();
    expect((await rows()).map((row) => row.status)).toEqual(['failed', 'failed']);
    expect(network.given).toEqual([]);
  });

  it('fails a message whose ack is negative, and counts it once (fault F33)', async () => {
    await accept('1');
    connect({ ack: -1, reason: '463' });
    await settled();
    expect(await rows()).toMatchObject([
      { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: '463' },
    ]);
  });

  it('leaves messages alone that were sent on the phone', async () => {
    await ingestEvents(opened.db, account.id, [ownMessageEvent('PHONE', { ack: 0 })], new Date());
    connect();
    await settled();
    expect(network.given).toEqual([]);
  });

  it('does not send what was cancelled while its recipient was being looked up', async () => {
    await accept('1');
    connect({
      onPrepare: cancel,
    });
    await settled();
    expect(network.given).toEqual([]);
    expect(await rows()).toMatchObject([{ status: 'cancelled', handed_at: null }]);
  });

  it('tries a recipient again that could not be resolved, and lets other chats go first', async () => {
    let faults = 1;
    await accept('1', { to: BOB });
    await accept('2', { to: BOB });
    await accept('3');
    connect({
      onPrepare(to) {
        if (to === BOB && faults-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled();
    expect(network.carried.map(({ content }) => 'text' in content && content.text)).toEqual(['3']);
    advance(1_000);
    await settled();
    expect(network.textsOf(BOB)).toEqual(['1', '2']);
  });

  it('tries again what the page could not be given, and keeps its chat in order meanwhile', async () => {
    let withheld = 7;
    await accept('1');
    await accept('2');
    await accept('3', { to: BOB });
    connect({
      onSend({ chatId }) {
        if (chatId === ALICE && withheld-- > 0) throw new AppError('SEND_WITHHELD');
      },
    });
    await settled();
    expect(await rows()).toMatchObject([
      { status: 'pending', unknown_since: null },
      { status: 'pending', handed_at: null },
      { status: 'sent' },
    ]);
    const [first] = await rows();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 60_000]) {
      advance(pauseMs - 1);
      await settled();
      expect(network.textsOf(ALICE)).toEqual([]);
      advance(1);
      await settled();
    }
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
    expect(network.carried.find(({ chatId }) => chatId === ALICE)?.bareId).toBe(first?.bare_id);
    expect(network.given).toHaveLength(3);
    const { sent } = await opened.db
      .selectFrom('account_usage')
      .select('sent')
      .where('account_id', '=', account.id)
      .executeTakeFirstOrThrow();
    expect(sent).toBe(3);
  });

  it('gives the page at once what it could not be given, when its line is back (F1)', async () => {
    let isDown = true;
    await accept('1');
    await accept('2');
    connect({
      onSend() {
        if (isDown) throw new AppError('SEND_WITHHELD');
      },
    });
    await settled();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      advance(pauseMs);
      await settled();
    }
    isDown = false;
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    sender.hearLineBack(account.id);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('claims no message before its file is at hand, and keeps its chat in order meanwhile', async () => {
    openFile = async () => {
      throw new AppError('MEDIA_STORAGE_FAILED');
    };
    await accept('', { content: FILE });
    await accept('2');
    await accept('3', { to: BOB });
    connect();
    await settled();
    expect(network.carried.map(({ content }) => 'text' in content && content.text)).toEqual(['3']);
    expect(await rows()).toMatchObject([{ status: 'pending', handed_at: null }, {}, {}]);
    openFile = openMedia;
    advance(1_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['media', '2']);
  });

  it('fails a message whose file is no more, and goes on', async () => {
    openFile = async () => {
      throw new AppError('MEDIA_NOT_FOUND');
    };
    await accept('', { content: FILE });
    await accept('2');
    connect();
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
    expect(await rows()).toMatchObject([
      { status: 'failed', failed_code: 'MEDIA_NOT_FOUND', handed_at: null },
      { status: 'sent' },
    ]);
  });

  it('keeps a file for as long as it is being sent, and no longer', async () => {
    const done: string[] = [];
    openFile = async (sha256) => ({
      path: `/media/${sha256}`,
      async [Symbol.asyncDispose]() {
        done.push('given back');
      },
    });
    await accept('', { content: FILE });
    connect({ onSent: () => void done.push('sent') });
    await settled();
    expect(done).toEqual(['sent', 'given back']);
  });
});

describe('acks and echoes', () => {
  it('meets its own echo and an ack that come before the page has answered', async () => {
    await accept('1');
    connect({
      ack: 0,
      async onSent(prepared) {
        const { key, chatId } = prepared;
        const at = clock.now();
        const echo = ownMessageEvent(key.bareId, { key, chatId, text: '1', at, ack: 0 });
        const delivered = ackEvent(key.bareId, 2, at, { key, chatId });
        await ingestEvents(opened.db, account.id, [echo, delivered], new Date(at));
      },
    });
    await settled();
    expect(await rows()).toMatchObject([{ status: 'delivered', text: '1' }]);
  });

  it('meets an echo in either address dialect (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    connect({
      canonical: { [lid]: ALICE },
      async onSent({ key }) {
        const at = clock.now();
        const echoes = [ALICE, lid].map((chatId) =>
          ownMessageEvent(key.bareId, { key: { ...key, chatId }, chatId, at }),
        );
        for (const echo of echoes) await ingestEvents(opened.db, account.id, [echo], new Date(at));
      },
    });
    await settled();
    expect(await rows()).toMatchObject([{ chat_id: ALICE, phone_number: '+491700000001', status: 'sent' }]);
  });

  it('reads a message back that the server did not confirm within a minute (fact A15)', async () => {
    await accept('1');
    const { session } = connect({ ack: 0 });
    await settled();
    expect(await rows()).toMatchObject([{ status: 'pending', handed_at: expect.any(Date) }]);
    for (const [bareId] of session.page) session.page.set(bareId, 3);
    advance(59_999);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'pending' }]);
    advance(1);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'read', sent_at: expect.any(Date) }]);
  });

  it('has the page make its line anew, once, if the server has not confirmed by then (F36)', async () => {
    await accept('1');
    await accept('2', { to: BOB });
    let renewed = 0;
    const onRenewLine = () => {
      renewed += 1;
    };
    const { session } = connect({ ack: 0, onRenewLine });
    await settled();
    advance(59_999);
    await settled();
    expect(renewed).toBe(0);
    advance(1);
    await settled();
    expect(renewed).toBe(1);

    const [first] = await rows();
    session.page.set(first?.bare_id ?? '', 2);
    advance(10_000);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'delivered' }, { status: 'pending' }]);
    for (let hour = 0; hour < 3; hour += 1) {
      advance(3_600_000);
      await settled();
    }
    expect(renewed).toBe(1);
  });

  it('has the line made anew again for what went over the new one, also if the page does not do it (F36)', async () => {
    await accept('1');
    let renewed = 0;
    connect({
      ack: 0,
      onRenewLine() {
        renewed += 1;
        throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled();
    advance(60_000);
    await settled();
    await accept('2');
    await settled();
    expect(renewed).toBe(1);
    advance(60_000);
    await settled();
    expect(renewed).toBe(2);
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('takes the line of a new connection for a new one (F36)', async () => {
    await accept('1');
    const page: PageStore = new Map();
    const { leave } = connect({ ack: 0 }, { page });
    await settled();
    await leave();
    advance(60_000);
    connect({ onRenewLine: () => expect.unreachable() }, { page });
    await settled();
    expect(log.lines.filter(({ message }) => message.includes('line anew'))).toEqual([]);
  });

  it('does not hold a chat whose messages wait in the page for the server', async () => {
    connect({ ack: 0 });
    for (const body of ['1', '2']) await accept(body);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});

describe('the per-minute limit', () => {
  it('delays, without losing time, and also after a restart', async () => {
    await sender[Symbol.asyncDispose]();
    sender = open(2);
    for (const body of ['1', '2', '3', '4']) await accept(body);
    const limited = log.next(RATE_LINE);
    const { leave } = connect();
    expect((await limited).fields).toMatchObject({ delayMs: 60_000 });
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);

    await leave();
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
    const daemons = [new RecordingLogger(), new RecordingLogger()].map((own) => {
      log = own;
      return { log, sender: open(3) };
    });
    for (let nth = 0; nth < 10; nth += 1) await accept('x', { to: `4917000001${nth}0@c.us` });
    const limited = daemons.map((daemon) => daemon.log.next(RATE_LINE));
    const connection = new AbortController();
    const ended = daemons.map((daemon) => {
      const session = new NetworkSession(account.id, { network, page: new Map() });
      return daemon.sender.run(session, connection.signal);
    });
    await Promise.all(limited);
    for ({ log, sender } of daemons) await settled();
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

  it('lets messages go in order that waited for months, within the limit a minute', async () => {
    await sender[Symbol.asyncDispose]();
    sender = open(2);
    await accept('1');
    clock.advance(100 * DAY_MS);
    for (const body of ['2', '3']) await accept(body);
    clock.advance(100 * DAY_MS);
    const two = acksWritten(2);
    const limited = log.next(RATE_LINE);
    connect();
    await two;
    await limited;
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
    const third = acksWritten(1);
    advance(60_000);
    await third;
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3']);
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
    expect(await findNextToSend(opened.db, account.id, [], { at: new Date(clock.now()) })).toMatchObject({
      text: '3',
    });
  });

  it('lets no message pass by a deferred one of its chat under the other name (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    await accept('2');
    await opened.db
      .updateTable('messages')
      .set({ status: 'deferred', slot_date: null })
      .where('account_id', '=', account.id)
      .where('text', '=', '1')
      .execute();
    connect({ lids: { [ALICE]: lid } });
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
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
    connect(unknownOnce(true));
    await settled();
    expect(await rows()).toMatchObject([{ status: 'sent' }]);
    expect(network.given).toHaveLength(1);
  });

  it('holds its chat alone, for a minute, and the page that was given it is not given it again', async () => {
    await accept('1');
    await accept('2');
    await accept('3', { to: BOB });
    const { leave } = connect(unknownOnce(false));
    await settled();
    const since = new Date(clock.now());
    expect(await rows()).toMatchObject([
      { status: 'unknown', unknown_since: since },
      { status: 'pending' },
      { status: 'sent' },
    ]);
    advance(59_999);
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    advance(1);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
    for (let hour = 0; hour < 30; hour += 1) {
      advance(3_600_000);
      await settled();
    }
    expect(network.textsOf(ALICE)).toEqual(['2']);
    const [unknown] = await rows();
    expect(unknown).toMatchObject({ status: 'unknown', unknown_since: since });

    await leave();
    connect();
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2', '1']);
    const [sent] = await rows();
    expect(sent).toMatchObject({ status: 'sent', bare_id: unknown?.bare_id, unknown_since: null });
  });

  it('holds its chat for what is left of the minute after a restart', async () => {
    await accept('1');
    await accept('2');
    const { leave } = connect(unknownOnce(false));
    await settled();
    await leave();
    clock.advance(40_000);
    sender = open();
    connect({
      onFind() {
        throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled();
    advance(19_999);
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    advance(1);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
  });

  it('holds the chat under its other name too (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1');
    await accept('2', { to: lid });
    connect({ ...unknownOnce(false), canonical: { [lid]: ALICE } });
    await settled();
    expect(network.given).toEqual([]);
    advance(60_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
  });

  it('holds the chat under the name that somebody learns meanwhile (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    connect(unknownOnce(false));
    await settled();
    await ingestAddresses(opened.db, account.id, [{ lid, phone: ALICE }], new Date(clock.now()));
    await accept('2');
    await settled();
    expect(network.given).toEqual([]);
    advance(60_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
  });

  it('holds the chat under the name that the page tells with a later message (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    connect({ ...unknownOnce(false), lids: { [ALICE]: lid } });
    await settled();
    await accept('2');
    await settled();
    expect(network.given).toEqual([]);
    advance(60_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
  });

  it('ends as soon as an event tells of the message', async () => {
    await accept('1');
    await accept('2');
    connect(unknownOnce(false));
    await settled();
    const [row] = await rows();
    const ack = ackEvent(row?.bare_id ?? '', 1, clock.now(), { chatId: ALICE });
    await ingestEvents(opened.db, account.id, [ack], new Date(clock.now()));
    advance(1_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['2']);
    expect((await rows()).map((r) => r.status)).toEqual(['sent', 'sent']);
  });

  it('is handed over by five pages at most if none ever shows it, and looked up ever after', async () => {
    await accept('poison');
    await accept('2');
    let given = 0;
    const poisoned: PageScript = {
      onSend(_prepared, content) {
        if (content.kind !== 'text' || content.text !== 'poison') return;
        given += 1;
        throw new AppError('SESSION_FAULT');
      },
    };
    for (let page = 0; page < 6; page += 1) {
      const { leave } = connect(poisoned);
      await settled();
      await leave();
    }
    expect(given).toBe(5);
    const page: PageStore = new Map();
    connect(poisoned, { page });
    advance(60_000);
    await settled();
    const [poison, other] = await rows();
    expect(poison).toMatchObject({ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' });
    expect(other).toMatchObject({ status: 'sent' });
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(1);

    page.set(poison?.bare_id ?? '', 1);
    advance(3_600_000);
    await settled();
    expect((await rows())[0]).toMatchObject({ status: 'sent', failed_code: null, failed_reason: null });
  });

  it('stays open while the page does not answer, and the loop goes on', async () => {
    let deaf = 2;
    await accept('1');
    connect({
      ...unknownOnce(true),
      onFind() {
        if (deaf-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await settled();
    expect(await rows()).toMatchObject([{ status: 'unknown' }]);
    advance(1_000);
    await settled();
    advance(2_000);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'sent' }]);
  });
});

/** A message that left, over a page that is lost since. */
async function lose(): Promise<{ bareId: string; handedAt: Date }> {
  await accept('1');
  const looked = Promise.withResolvers<void>();
  const { leave } = connect({
    onSent() {
      throw new AppError('SESSION_FAULT');
    },
    onFind() {
      looked.resolve();
      return new Promise(() => undefined);
    },
  });
  await looked.promise;
  await leave();
  expect(network.textsOf(ALICE)).toEqual(['1']);
  const [row] = await rows();
  return { bareId: row?.bare_id ?? '', handedAt: row?.handed_at ?? new Date(0) };
}

describe('a page that was restored from an older copy', () => {
  /** The copy was taken so long before, or after, the instant. Returns how many messages were not in doubt yet. */
  const restore = (handedAt: Date, byMs: number) =>
    doubtRestored(opened.db, account.id, {
      takenAt: new Date(handedAt.getTime() + byMs),
      at: new Date(clock.now()),
    });

  it('proves nothing by what it lacks: the message is unknown until an ack tells', async () => {
    const { bareId, handedAt } = await lose();
    expect(await restore(handedAt, -1)).toBe(1);
    const { leave } = connect();
    await settled();
    expect(await rows()).toMatchObject([{ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' }]);
    await leave();
    // Nor does it later, when it is the page that the account used last.
    sender = open();
    connect();
    advance(60_000);
    await settled();
    expect(network.given).toHaveLength(1);

    const ack = ackEvent(bareId, 2, clock.now(), { chatId: ALICE });
    await ingestEvents(opened.db, account.id, [ack], new Date(clock.now()));
    advance(3_600_000);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'delivered', failed_code: null, failed_reason: null }]);
    expect(network.given).toHaveLength(1);
  });

  it('proves nothing either if it was restored again before it was used, from a copy of itself', async () => {
    const { handedAt } = await lose();
    expect(await restore(handedAt, -1)).toBe(1);
    expect(await restore(handedAt, -1)).toBe(0);
    expect(await restore(handedAt, 1)).toBe(0);
    connect();
    await settled();
    expect(network.given).toHaveLength(1);
  });

  it('lets the chat go on at once if the message has held it long enough', async () => {
    const { handedAt } = await lose();
    await accept('2');
    await restore(handedAt, -1);
    clock.advance(60_000);
    connect();
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('proves by what it lacks that the message did not leave, if the copy is younger', async () => {
    const { handedAt } = await lose();
    expect(await restore(handedAt, 1)).toBe(0);
    connect();
    await settled();
    expect(network.given).toHaveLength(2);
    expect(await rows()).toMatchObject([{ status: 'sent' }]);
  });

  it('proves it too of what was handed over since it was restored', async () => {
    await restore(new Date(clock.now()), -1);
    await lose();
    connect();
    await settled();
    expect(network.given).toHaveLength(2);
  });
});

describe('the page of an account that was linked anew', () => {
  /** Of a link that has ended, and the phone scanned again. */
  async function loseAndLink(by: 'scan' | 'import' = 'scan'): Promise<{ bareId: string }> {
    const accounts = makeAccountStore(opened.db);
    const identity = { wid: ALICE, phoneNumber: null, profileName: null };
    await accounts.saveLinked(account.id, identity);
    const lost = await lose();
    await accounts.saveRest(account.id, { reason: 'logged_out' });
    if (by === 'import') await saveImported(opened.db, account.id);
    await accounts.saveLinked(account.id, identity);
    return lost;
  }

  it.each(['scan', 'import'] as const)(
    'proves nothing by what it lacks of the time before the %s, after a restart neither',
    async (by) => {
      await loseAndLink(by);
      const { leave } = connect();
      await settled();
      expect(await rows()).toMatchObject([{ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' }]);
      await leave();
      sender = open();
      connect();
      advance(60_000);
      await settled();
      expect(network.given).toHaveLength(1);
    },
  );

  it("tells what became of a message that WhatsApp's history brings into it later", async () => {
    const { bareId } = await loseAndLink();
    const page: PageStore = new Map();
    connect({}, { page });
    await settled();
    page.set(bareId, 2);
    advance(3_600_000);
    await settled();
    expect(await rows()).toMatchObject([{ status: 'delivered', failed_code: null }]);
    expect(network.given).toHaveLength(1);
  });

  it('is believed after the next start, which makes no new link', async () => {
    const accounts = makeAccountStore(opened.db);
    const identity = { wid: ALICE, phoneNumber: null, profileName: null };
    await accounts.saveLinked(account.id, identity);
    await lose();
    await accounts.saveLinked(account.id, identity);
    connect();
    await settled();
    expect(network.given).toHaveLength(2);
  });

  it('is given what waits, and is believed of that', async () => {
    await loseAndLink();
    await accept('2', { to: BOB });
    const { leave } = connect({
      onSend() {
        throw new AppError('SESSION_FAULT');
      },
    });
    await nextIdle();
    await leave();
    expect(network.textsOf(BOB)).toEqual([]);
    connect();
    await settled();
    expect(network.textsOf(BOB)).toEqual(['2']);
  });
});

describe('chats side by side', () => {
  const hang = () => new Promise<never>(() => undefined);
  const chats = Array.from({ length: 10 }, (_, index) => `49170000001${index}@c.us`);

  it('do not wait for one that hangs, and each keeps its order', async () => {
    await accept('slow');
    for (const text of ['1', '2', '3']) for (const to of [...chats, ALICE]) await accept(text, { to });
    const last = Promise.withResolvers<void>();
    let sent = 0;
    connect({
      onSend: ({ chatId }) => (chatId === ALICE ? hang() : undefined),
      onSent() {
        sent += 1;
        if (sent === 3 * chats.length) last.resolve();
      },
    });
    await last.promise;
    for (const to of chats) expect(network.textsOf(to)).toEqual(['1', '2', '3']);
    expect(network.textsOf(ALICE)).toEqual([]);
  });

  it('are as many as the page can bear, each with one message', async () => {
    for (const to of chats) for (const text of ['1', '2']) await accept(text, { to });
    const asked: string[] = [];
    const full = Promise.withResolvers<void>();
    connect({
      onSend({ chatId }) {
        asked.push(chatId);
        if (asked.length === 8) full.resolve();
        return hang();
      },
    });
    await full.promise;
    const waits = log.next(WAITS);
    sender.wake(account.id);
    expect((await waits).fields).toMatchObject({ underWay: 8 });
    expect(asked.toSorted()).toEqual(chats.slice(0, 8));
  });

  it('send one file at a time, and texts meanwhile', async () => {
    const [first = '', second = '', third = ''] = chats;
    await accept('', { to: first, content: FILE });
    await accept('', { to: second, content: FILE });
    await accept('a text', { to: third });
    const upload = Promise.withResolvers<void>();
    const text = Promise.withResolvers<void>();
    const asked: string[] = [];
    connect({
      onPrepare: (to) => void asked.push(to),
      onSend: ({ chatId }) => (chatId === first ? upload.promise : undefined),
      onSent: ({ chatId }) => (chatId === third ? text.resolve() : undefined),
    });
    await text.promise;
    expect(asked).toEqual([first, third]);
    upload.resolve();
    await settled();
    expect(network.textsOf(second)).toEqual(['media']);
  });

  it('share the limit a minute exactly', async () => {
    await sender[Symbol.asyncDispose]();
    sender = open(3);
    for (const to of chats) await accept('1', { to });
    const limited = log.next(RATE_LINE);
    connect();
    await limited;
    await settled();
    expect(network.carried).toHaveLength(3);
    advance(60_000);
    await settled();
    expect(network.carried).toHaveLength(6);
  });

  it('do not wait for a LID that hangs where their own LIDs are known (fact A16)', async () => {
    const [inBook = '', inKey = ''] = chats;
    await accept('slow', { to: '777@lid' });
    await ingestAddresses(opened.db, account.id, [{ lid: '778@lid', phone: inBook }], new Date(clock.now()));
    for (const to of [inBook, inKey, '779@lid', '1@g.us']) await accept('1', { to });
    const all = Promise.withResolvers<void>();
    connect({
      lids: { [inKey]: '780@lid' },
      canonical: { '779@lid': ALICE },
      onPrepare: (to) => (to === '777@lid' ? hang() : undefined),
      onSent: () => void (network.carried.length === 4 && all.resolve()),
    });
    await all.promise;
  });

  it('are one where one of them turns out to be the other (fact A16)', async () => {
    const lid = '777@lid';
    await accept('1', { to: lid });
    await accept('2');
    const named = Promise.withResolvers<void>();
    connect({
      canonical: { [lid]: ALICE },
      onPrepare: (to) => (to === lid ? named.promise : named.resolve()),
    });
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});

describe('a row that nobody was told of', () => {
  it('is found by the sender itself', async () => {
    const sent = Promise.withResolvers<void>();
    const deps = { db: opened.db, openMedia, instanceId: INSTANCE, log, messageRateLimit: 0 };
    sender = stack.use(openSender({ ...deps, clock: systemClock, sweepIntervalMs: 5 }));
    connect({ onSent: () => sent.resolve() });
    await nextIdle();
    await accept('1', {}, { wakes: false });
    await sent.promise;
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });
});

describe('life cycle', () => {
  it('lets a newer connection take over', async () => {
    await accept('1');
    const hanging = Promise.withResolvers<void>();
    const first = connect({ onPrepare: () => hanging.promise });
    await first.session.asked(ALICE);
    connect();
    await first.ended;
    await settled();
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
    const sent = Promise.withResolvers<void>();
    connect({ ack, onSent: () => sent.resolve() });
    await sent.promise;
    expect(network.textsOf(BOB)).toEqual(['quick']);
  });
});
