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
