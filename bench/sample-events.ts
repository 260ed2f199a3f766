import { type AccountId, makeAccountId } from '../src/accounts/ids.ts';
import type { MessageEvent } from '../src/messages/inbound-event.ts';

const CHATS = 40;
/** As JSON an event has some 530 bytes with it, like a message of ordinary length. */
const TEXT =
  'Good morning, could you tell me whether the blue one is still in stock? I would come by today. ';

/** Messages of so many accounts, in turn; each in one of some chats, a second apart in time. */
export function* makeSampleEvents(count: number, accounts: readonly AccountId[], startMs: number) {
  for (let n = 0; n < count; n += 1) {
    const accountId = accounts[n % accounts.length];
    if (accountId !== undefined) yield { accountId, event: makeSampleEvent(n, startMs + n * 10) };
  }
}

export function makeAccounts(count: number): AccountId[] {
  return Array.from({ length: count }, () => makeAccountId());
}

function makeSampleEvent(n: number, at: number): MessageEvent {
  const chatId = `1555${String(1_000_000 + (n % CHATS)).padStart(7, '0')}@c.us`;
  const bareId = `3EB0${n.toString(16).toUpperCase().padStart(18, '0')}`;
  return {
    kind: 'message',
    chatId,
    key: { fromMe: false, chatId, bareId, participant: null },
    at,
    type: 'text',
    nativeType: 'chat',
    text: `${TEXT}${n}`,
    caption: null,
    author: chatId,
    authorName: 'Alice from the market',
    ack: 1,
    ackReason: null,
    media: null,
    location: null,
    contacts: null,
    poll: null,
    quoted: null,
    mentions: [],
    forwarded: false,
    editedAt: null,
    recovered: false,
  };
}
