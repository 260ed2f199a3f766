import { afterEach, expect, it } from 'vitest';
import {
  pageChatToListing,
  pageContactToGlimpse,
} from '../../../../src/channels/whatsapp-web/directory-conversion.ts';
import { readChatList, readContacts } from '../../../../src/channels/whatsapp-web/page-directory.ts';
import { closeStrangePage, openConnectedPage, WAWebWidFactory, Wid } from '../../../support/strange-page.ts';

afterEach(closeStrangePage);

function openPage({ contacts = [], chats = [] }: { contacts?: object[]; chats?: object[] }, modules = {}) {
  const collection = (models: object[]) => ({ getModelsArray: () => models });
  openConnectedPage({
    WAWebCollections: { Contact: collection(contacts), Chat: collection(chats) },
    WAWebWidFactory,
    ...modules,
  });
}

it('reads contacts after one another, and neither groups nor channels', () => {
  const ids = ['3@c.us', '1@g.us', '1@c.us', '5@newsletter', '2@lid', '4@c.us'];
  openPage({ contacts: ids.map((id) => ({ id: new Wid(id) })) });
  const first = readContacts(null, 2);
  expect(first.map(({ id }) => id)).toEqual(['1@c.us', '2@lid']);
  expect(readContacts('2@lid', 2).map(({ id }) => id)).toEqual(['3@c.us', '4@c.us']);
  expect(readContacts('4@c.us', 2)).toEqual([]);
});

it.each(['_serialized', '$1', 'none'] as const)(
  'knows both addresses where the page does, ids %s (A16)',
  (ids) => {
    const contacts = [
      { id: new Wid('2@lid', ids), phoneNumber: new Wid('49@c.us', ids), name: 'Alice', pushname: 'al' },
      { id: new Wid('50@c.us', ids), verifiedName: 'Shop', isBusiness: true },
      { id: new Wid('3@lid', ids), isMe: true },
    ];
    const WAWebApiContact = {
      getCurrentLid: ({ user }: Wid) => (user === '50' ? new Wid('4@lid', ids) : undefined),
    };
    openPage({ contacts }, { WAWebApiContact });
    const crossed = JSON.parse(JSON.stringify(readContacts(null, 10))).map(pageContactToGlimpse);
    const nobody = { name: null, pushName: null, isBusiness: false, isMe: false };
    expect(crossed).toEqual([
      { ...nobody, pageContactId: '2@lid', lid: '2@lid', phone: '49@c.us', name: 'Alice', pushName: 'al' },
      { ...nobody, pageContactId: '3@lid', lid: '3@lid', phone: null, isMe: true },
      {
        ...nobody,
        pageContactId: '50@c.us',
        lid: '4@lid',
        phone: '50@c.us',
        pushName: 'Shop',
        isBusiness: true,
      },
    ]);
  },
);

it.each<[string, object]>([
  ['a field', {}],
  ['a getter', { WAWebContactGetters: { getIsMe: ({ id }: { id: Wid }) => ['49', '9'].includes(id.user) } }],
  [
    'its own addresses',
    {
      WAWebUserPrefsMeUser: {
        getMaybeMePnUser: () => new Wid('49@c.us'),
        getMaybeMeLidUser: () => new Wid('9@lid'),
      },
    },
  ],
])('knows the account itself by %s of the page', (title, modules) => {
  const isMe = title === 'a field' ? { isMe: true } : {};
  const contacts = [
    { id: new Wid('49@c.us'), ...isMe },
    { id: new Wid('50@c.us') },
    { id: new Wid('9@lid'), ...isMe },
  ];
  openPage({ contacts }, modules);
  expect(readContacts(null, 10).map((each) => [each.id, each.isMe])).toEqual([
    ['49@c.us', true],
    ['50@c.us', false],
    ['9@lid', true],
  ]);
});

it('asks the getters of the page for names that are no fields', () => {
  const contacts = ['1@c.us', '2@c.us', '3@c.us'].map((id) => ({ id: new Wid(id) }));
  const WAWebContactGetters = {
    getName: ({ id }: { id: Wid }) => (id.user === '1' ? 'Alice' : undefined),
    getPushname: ({ id }: { id: Wid }) => (id.user === '1' ? 'al' : ''),
    getVerifiedName: ({ id }: { id: Wid }) => (id.user === '2' ? 'Shop' : undefined),
  };
  openPage({ contacts }, { WAWebContactGetters });
  expect(readContacts(null, 10).map(({ name, pushName }) => [name, pushName])).toEqual([
    ['Alice', 'al'],
    [null, 'Shop'],
    [null, null],
  ]);
});

it.each([
  [{ name: 'Alice', formattedTitle: 'al' }, 'Alice'],
  [{ formattedTitle: 'Alice' }, 'Alice'],
  [{ name: '', formattedTitle: 'Älice 2' }, 'Älice 2'],
  [{ formattedTitle: '+49 1511 1111' }, null],
  [{ formattedTitle: '+49 ∙∙∙∙∙∙∙ 11' }, null],
  [{}, null],
])('names a chat %j: %j', (chat, name) => {
  openPage({ chats: [{ id: new Wid('49@c.us'), ...chat }] });
  expect(readChatList(null, 10)).toMatchObject([{ name }]);
});

it('reads chats with names and what is unread', () => {
  const chats = [
    { id: new Wid('2@lid'), name: 'Alice', unreadCount: -1, t: 7 },
    { id: new Wid('1@g.us'), groupMetadata: { subject: 'Team' }, unreadCount: 3 },
    { id: new Wid('5@newsletter') },
  ];
  openPage({ chats }, { WAWebLidMigrationUtils: { toPn: () => new Wid('49@c.us') } });
  expect(readChatList(null, 10).map(pageChatToListing)).toEqual([
    { pageChatId: '1@g.us', chatId: '1@g.us', name: 'Team', unread: 3, lastMessageAt: 0 },
    { pageChatId: '2@lid', chatId: '49@c.us', name: 'Alice', unread: 0, lastMessageAt: 7_000 },
  ]);
});
