import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'puppeteer';
import type { LinkedIdentity } from '../../src/accounts/account.ts';
import type { AccountId } from '../../src/accounts/ids.ts';
import { readChatList, readContacts } from '../../src/channels/whatsapp-web/page-directory.ts';
import { readLimits } from '../../src/channels/whatsapp-web/page-limits.ts';
import { listChats, readChat } from '../../src/channels/whatsapp-web/page-reading.ts';
import {
  findMessage,
  type PageSend,
  prepareSend,
  sendPrepared,
} from '../../src/channels/whatsapp-web/page-sends.ts';
import { profilePathOf } from '../../src/channels/whatsapp-web/profile.ts';
import type { SessionClient } from '../../src/channels/whatsapp-web/session-life.ts';
import type { MakeClient } from '../../src/channels/whatsapp-web/session-runs.ts';

/** What a page of no weight keeps. */
const PROFILE_BYTES = 16_384;
const STORAGE = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb';
/** As a browser with the page in it is found to take. */
const MEMORY_BYTES = 100 * 1024 ** 2;

/**
 * A session without a browser: linked at once, connected at once, and from then on it answers whatever it is asked at no
 * cost. Everything that it is asked through is the real thing.
 */
export const makeLightClient: MakeClient = ({ accountId, livePath }, onEvent) => {
  const client: SessionClient = {
    async open() {
      await writeProfile(profilePathOf(livePath, accountId));
      onEvent({ kind: 'socket', state: 'CONNECTED' });
      onEvent({ kind: 'ready', identity: identityOf(accountId), page: makeLightPage() });
    },
    close: async () => undefined,
    probe: async () => undefined,
    checkLevel: async () => undefined,
    reconnectSocket: async () => undefined,
    refreshCode: async () => undefined,
    measureMemory: async () => MEMORY_BYTES,
    logOut: async () => undefined,
  };
  return client;
};

/** A profile that passes for one that holds a link. One that was there is as good. */
async function writeProfile(path: string): Promise<void> {
  await mkdir(join(path, `${STORAGE}.leveldb`), { recursive: true, mode: 0o700 });
  await mkdir(join(path, `${STORAGE}.blob`), { recursive: true, mode: 0o700 });
  await writeFile(join(path, `${STORAGE}.blob`, '1'), randomBytes(PROFILE_BYTES));
}

/** A number of its own for each account. */
function identityOf(accountId: AccountId): LinkedIdentity {
  const digits = `1${String(BigInt(`0x${accountId.replaceAll('-', '').slice(-16)}`) % 10n ** 13n).padStart(13, '0')}`;
  return { wid: `${digits}@c.us`, phoneNumber: `+${digits}`, profileName: 'Light' };
}

/** Nothing is to be read back from it; what it is given is on its server at once. */
function makeLightPage(): Page {
  const answers = new Map<unknown, (...args: never[]) => unknown>([
    [prepareSend, (to: string) => ({ missing: false, id: makeKey(to), phone: to })],
    [sendPrepared, ({ key, pageChatId }: PageSend) => ({ glimpse: glimpseOf(pageChatId, key.bareId) })],
    [findMessage, () => undefined],
    [readLimits, () => ({ capping: null, timelock: null })],
    [listChats, () => []],
    [readChat, () => []],
    [readContacts, () => []],
    [readChatList, () => []],
  ]);
  const evaluate = async (asked: unknown, ...args: never[]) => {
    const answer = answers.get(asked);
    if (answer === undefined) throw new Error('A light page was asked what it does not know.');
    return answer(...args);
  };
  return { evaluate } as Partial<Page> as Page;
}

function makeKey(chatId: string) {
  return { fromMe: true, remote: chatId, id: `3EB0${randomBytes(9).toString('hex').toUpperCase()}` };
}

function glimpseOf(chatId: string, bareId: string) {
  return { id: { fromMe: true, remote: chatId, id: bareId }, ack: 1 };
}
