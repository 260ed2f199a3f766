import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type ChatFacts, saveChats } from '../../../src/db/chat-store.ts';
import { type ContactFacts, saveContacts } from '../../../src/db/contact-store.ts';
import { ingestAddresses } from '../../../src/db/ingest-store.ts';
import { chatSchema } from '../../../src/http/routes/chats.ts';
import { contactSchema } from '../../../src/http/routes/contacts.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import { T0 } from '../../support/inbound-events.ts';

let server: TestServer;
let id: AccountId;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  id = await server.makeAccount();
});

const ALICE = '491700000001@c.us';
const LID = '9900011@lid';
const GROUP = '120363000000000001@g.us';

function chat(chatId: string, over: Partial<ChatFacts> = {}): ChatFacts {
  return { chatId, name: null, unread: 0, lastMessageAt: null, ...over };
}

function contact(contactId: string, over: Partial<ContactFacts> = {}): ContactFacts {
  return { contactId, name: null, pushName: null, isBusiness: false, ...over };
}

const keepChats = (...chats: ChatFacts[]) => saveChats(server.db, id, chats, new Date());
const keepContacts = (...contacts: ContactFacts[]) => saveContacts(server.db, id, contacts, new Date());
const learn = () => ingestAddresses(server.db, id, [{ lid: LID, phone: ALICE }], new Date());
const list = async (what: string, query = '') =>
  (await server.ask('GET', `/accounts/${id}/${what}${query}`)).body;

/** Ids of all pages, one item a page. */
async function pageThrough(what: string): Promise<string[]> {
  const ids: string[] = [];
  for (let query = '?limit=1'; ; ) {
    const page = await list(what, query);
    expect(page.count).toBe(page.data.length);
    ids.push(...page.data.map((item: { id: string }) => item.id));
    if (page.nextCursor === null) return ids;
    query = `?limit=1&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

describe('chats', () => {
  it('show people and groups, the latest message first', async () => {
    await keepChats(
      chat(ALICE, { name: 'Alice', unread: 2, lastMessageAt: T0 }),
      chat(GROUP, { name: 'Team', lastMessageAt: T0 + 1 }),
    );
    const answer = await list('chats');
    expect(answer).toMatchObject({ success: true, count: 2, nextCursor: null });
    expect(answer.data.map((each: unknown) => chatSchema.strict().parse(each))).toEqual([
      {
        id: GROUP,
        phoneNumber: null,
        name: 'Team',
        isGroup: true,
        lastMessageAt: new Date(T0 + 1).toISOString(),
        unreadCount: 0,
      },
      {
        id: ALICE,
        phoneNumber: '+491700000001',
        name: 'Alice',
        isGroup: false,
        lastMessageAt: new Date(T0).toISOString(),
        unreadCount: 2,
      },
    ]);
  });

  it('come page by page, also those of one instant and those without a message', async () => {
    await keepChats(
      ...['1', '2'].map((n) => chat(`49170000000${n}@c.us`, { lastMessageAt: T0 })),
      ...['3', '4'].map((n) => chat(`49170000000${n}@c.us`)),
    );
    expect(await pageThrough('chats')).toEqual(['2', '1', '4', '3'].map((n) => `49170000000${n}@c.us`));
  });

  it('keep the latest message and a name that the page forgets, and take the count as it is', async () => {
    await keepChats(chat(ALICE, { name: 'Alice', unread: 2, lastMessageAt: T0 }));
    await keepChats(chat(ALICE, { lastMessageAt: T0 - 1 }));
    expect((await list('chats')).data).toMatchObject([
      { name: 'Alice', unreadCount: 0, lastMessageAt: new Date(T0).toISOString() },
    ]);
  });

  it('are one for both addresses of a person (A16)', async () => {
    await keepChats(chat(LID, { name: 'Alice', lastMessageAt: T0 }));
    await learn();
    await keepChats(chat(LID, { lastMessageAt: T0 + 1 }));
    expect((await list('chats')).data).toMatchObject([{ id: ALICE, name: 'Alice' }]);
  });
});

describe('contacts', () => {
  it('show both addresses and both names', async () => {
    await keepContacts(contact(ALICE, { name: 'Alice', pushName: 'al' }), contact('9900012@lid'));
    await learn();
    const answer = await list('contacts');
    expect(answer).toMatchObject({ success: true, count: 2, nextCursor: null });
    expect(answer.data.map((each: unknown) => contactSchema.strict().parse(each))).toEqual([
      { id: ALICE, phoneNumber: '+491700000001', lid: LID, name: 'Alice', pushName: 'al', isBusiness: false },
      {
        id: '9900012@lid',
        phoneNumber: null,
        lid: '9900012@lid',
        name: null,
        pushName: null,
        isBusiness: false,
      },
    ]);
  });

  it('come page by page', async () => {
    const ids = ['1', '2', '3'].map((n) => `49170000000${n}@c.us`);
    await keepContacts(...ids.map((each) => contact(each)));
    expect(await pageThrough('contacts')).toEqual(ids);
  });

  it('are one for both addresses of a person, in whatever order the page lists them (A16)', async () => {
    await learn();
    await keepContacts(contact(LID, { pushName: 'al' }), contact(ALICE, { name: 'Alice' }));
    expect((await list('contacts')).data).toMatchObject([{ id: ALICE, name: 'Alice', pushName: 'al' }]);
  });

  it('lose a name that is struck out, and keep what they call themselves', async () => {
    await keepContacts(contact(ALICE, { name: 'Alice', pushName: 'al' }));
    await keepContacts(contact(ALICE));
    expect((await list('contacts')).data).toMatchObject([{ name: null, pushName: 'al' }]);
  });
});

describe.each(['chats', 'contacts'])('%s', (what) => {
  it('are for those who may read the account, and refuse foreign cursors', async () => {
    const path = `/accounts/${id}/${what}`;
    expect((await server.ask('GET', path, { key: null })).status).toBe(401);
    const stranger = await server.makeKey('owner', 'elsewhere');
    expect((await server.ask('GET', path, { key: stranger })).body.error.code).toBe('ACCOUNT_NOT_FOUND');
    const foreign = Buffer.from('2026-01-01T00:00:00.000000Z 17').toString('base64url');
    const refused = await server.ask('GET', `${path}?cursor=${foreign}&name=x`);
    expect(refused.status).toBe(400);
    expect(refused.body.error.details.map(({ field }: { field: string }) => field).sort()).toEqual([
      'cursor',
      'name',
    ]);
  });
});
