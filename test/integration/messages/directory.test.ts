import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ChatListing, ContactGlimpse } from '../../../src/channels/channel.ts';
import { listChats } from '../../../src/db/chat-store.ts';
import { listContacts } from '../../../src/db/contact-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { makeLeaseFence } from '../../../src/db/lease-fence.ts';
import { type Directory, openDirectory } from '../../../src/messages/directory.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent, T0 } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedSession } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';

const ALICE = '491700000001@c.us';
const LID = '9900011@lid';
const ALL = { limit: 100, after: null };

const stack = new AsyncDisposableStack();
let db: Executor;
let session: ScriptedSession;
let directory: Directory;
let log: RecordingLogger;
let connected: AbortController;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  session = new ScriptedSession(await insertTestAccount(db));
  log = new RecordingLogger();
  connected = new AbortController();
  directory = openDirectory({ db, log, clock: new ManualClock(), pauseMs: 0 });
});
afterEach(() => directory[Symbol.asyncDispose]());

function person(id: string, over: Partial<ContactGlimpse> = {}): ContactGlimpse {
  const isLid = id.endsWith('@lid');
  const addresses = { lid: isLid ? id : null, phone: isLid ? null : id };
  const nameless = { name: null, pushName: null, isBusiness: false, isMe: false };
  return { pageContactId: id, ...addresses, ...nameless, ...over };
}

function chat(id: string, over: Partial<ChatListing> = {}): ChatListing {
  return { pageChatId: id, chatId: id, lastMessageAt: T0, name: null, unread: 0, ...over };
}

/** Calls of the page so far, and the next ones: two make one reading of a small page. */
class Calls {
  #count = 0;
  #waiting: { count: number; resolve: () => void }[] = [];

  add(): void {
    this.#count += 1;
    for (const { count, resolve } of this.#waiting) if (this.#count >= count) resolve();
  }

  async reached(count: number): Promise<void> {
    if (this.#count >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }
}

/** Connects, and resolves when the first reading is stored: then it waits for news and reads again. */
async function readOnce(): Promise<void> {
  const calls = new Calls();
  session.onDirectory = () => calls.add();
  void directory.run(session, connected.signal);
  directory.wake(session.accountId);
  await calls.reached(3);
}

const contacts = async () => (await listContacts(db, session.accountId, ALL)).items;
const chats = async () => (await listChats(db, session.accountId, ALL)).items;

it('stores names of people and groups, what is unread, and both addresses (A16)', async () => {
  session.contacts = [
    person(LID, { phone: ALICE, name: 'Alice', pushName: 'al' }),
    person('9900012@lid', { pushName: 'who' }),
    person('491700000000@c.us', { isMe: true, lid: '9900010@lid' }),
  ];
  session.chatList = [chat(LID, { name: 'Alice', unread: 2 }), chat('120363@g.us', { name: 'Team' })];
  await readOnce();
  expect(await contacts()).toMatchObject([
    { contactId: ALICE, phoneNumber: '+491700000001', lid: LID, name: 'Alice', pushName: 'al' },
    { contactId: '9900012@lid', phoneNumber: null, pushName: 'who' },
  ]);
  expect(await chats()).toMatchObject([
    { chatId: ALICE, name: 'Alice', unread: 2 },
    { chatId: '120363@g.us', name: 'Team', unread: 0 },
  ]);
});

it('moves a conversation by LID to the number that the page’s map tells (A16)', async () => {
  const key = { fromMe: false, chatId: LID, bareId: 'A1', participant: null };
  await ingestEvents(db, session.accountId, [messageEvent('A1', { key, chatId: LID })], new Date());
  session.contacts = [person(LID, { phone: ALICE })];
  await readOnce();
  const rows = await db.selectFrom('messages').select('chat_id').where('bare_id', '=', 'A1').execute();
  expect(rows).toEqual([{ chat_id: ALICE }]);
});

it('reads a large address book in parts, in order', async () => {
  const numbers = Array.from({ length: 1_201 }, (_, at) => `4917${String(at).padStart(8, '0')}@c.us`);
  session.contacts = numbers.toReversed().map((id) => person(id, { name: `n ${id}` }));
  const calls = new Calls();
  session.onDirectory = () => calls.add();
  void directory.run(session, connected.signal);
  directory.wake(session.accountId);
  await calls.reached(5);
  const { count } = await db
    .selectFrom('contacts')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('account_id', '=', session.accountId)
    .executeTakeFirstOrThrow();
  expect(Number(count)).toBe(1_201);
});

it('reads again when something was stored, and when the page did not answer', async () => {
  session.chatList = [chat(ALICE, { unread: 1 })];
  const calls = new Calls();
  session.onDirectory = () => {
    calls.add();
    session.onDirectory = () => calls.add();
    throw new Error('the page hangs');
  };
  void directory.run(session, connected.signal);
  await calls.reached(3);
  expect(log.lines.map(({ message }) => message)).toContain(
    'The contacts and chats of an account could not be read',
  );
  session.chatList = [chat(ALICE, { unread: 5 })];
  directory.wake(session.accountId);
  await calls.reached(5);
  directory.wake(session.accountId);
  await calls.reached(7);
  expect(await chats()).toMatchObject([{ unread: 5 }]);
});

it('writes nothing of a page once another instance has the account', async () => {
  session.contacts = [person(LID, { phone: ALICE, name: 'Alice' })];
  session.chatList = [chat(ALICE)];
  const fence = makeLeaseFence(() => undefined);
  await using late = openDirectory({ db, fence, log, clock: new ManualClock(), pauseMs: 0 });
  const failed = log.next('The contacts and chats of an account could not be read');
  void late.run(session, connected.signal);
  expect((await failed).level).toBe('warn');
  expect([await contacts(), await chats()]).toEqual([[], []]);
});

it('ends with the connection', async () => {
  const ended = directory.run(session, connected.signal);
  connected.abort();
  await ended;
});
