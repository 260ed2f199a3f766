import type { Page } from 'puppeteer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { OutgoingContent } from '../../../../src/channels/channel.ts';
import { ConnectedPage } from '../../../../src/channels/whatsapp-web/connected-page.ts';
import { DEFAULT_TIMINGS } from '../../../../src/config/session-timings.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const PREPARED = {
  key: { fromMe: true, chatId: '111@lid', bareId: 'AB12', participant: null },
  chatId: '49@c.us',
};
const TEXT: OutgoingContent = { kind: 'text', text: 'hi' };
const FILE: OutgoingContent = {
  kind: 'media',
  path: '/tmp/plan.pdf',
  mimeType: 'application/pdf',
  fileName: null,
  caption: null,
  as: 'document',
};

const hang = () => new Promise<never>(() => undefined);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openSession(page: Page, signal = new AbortController().signal): ConnectedPage {
  const deps = { clock: new ManualClock(), timings: DEFAULT_TIMINGS, signal };
  return new ConnectedPage('account' as AccountId, page, deps);
}

/** What comes of a send over a page with these calls, when all deadlines have passed. */
async function send(content: OutgoingContent, page: Partial<Record<'evaluate' | 'evaluateHandle', unknown>>) {
  const session = openSession(page as unknown as Page);
  const outcome = session.send(PREPARED, content, {}).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(2 * DEFAULT_TIMINGS.heavyCallDeadlineMs);
  return outcome;
}

describe('a send that fails before the page has the message', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['does not take its file in time', hang],
    ['fails to take its file', () => Promise.reject(new Error('gone'))],
  ])('may be tried again where the page %s (A18)', async (_title, evaluateHandle) => {
    const evaluate = () => expect.unreachable();
    expect(await send(FILE, { evaluate, evaluateHandle })).toMatchObject({ code: 'SEND_WITHHELD' });
  });

  it('may be tried again where the page says so', async () => {
    const evaluate = async () => ({ withheld: 'not ready' });
    expect(await send(TEXT, { evaluate })).toMatchObject({ code: 'SEND_WITHHELD', message: 'not ready' });
  });
});

describe('a send that fails afterwards', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['does not answer', hang],
    ['is gone', () => Promise.reject(new Error('Target closed'))],
    ['shows nothing', async () => ({ glimpse: undefined, refusal: undefined })],
  ])('has an unknown outcome where the page %s (F35)', async (_title, evaluate) => {
    expect(await send(TEXT, { evaluate })).toMatchObject({ code: 'SEND_OUTCOME_UNKNOWN' });
  });
});

it('says in plain words that the page opens no such chat, which may pass', async () => {
  const session = openSession({ evaluate: async () => ({ unopened: 'No LID for user' }) } as unknown as Page);
  const message = 'WhatsApp Web opens no such chat: No LID for user';
  await expect(session.prepareSend('111@lid')).rejects.toMatchObject({ code: 'SEND_REFUSED', message });
});

describe('a file that hangs', () => {
  it.each<[string, (session: ConnectedPage) => Promise<unknown>]>([
    ['chats that are read back', (session) => session.readChat('49@c.us', { offset: 0, limit: 10 })],
    ['contacts', (session) => session.readContacts({ after: null, limit: 10 })],
    ['the list of chats', (session) => session.readChatList({ after: null, limit: 10 })],
  ])('does not keep %s waiting (A18)', async (_title, ask) => {
    const page = { evaluate: async () => [], evaluateHandle: hang } as unknown as Page;
    const session = openSession(page);
    const file = session.send(PREPARED, FILE, {}).catch((error: unknown) => error);
    expect(await ask(session)).toEqual([]);
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.heavyCallDeadlineMs);
    expect(await file).toMatchObject({ code: 'SEND_WITHHELD' });
  });

  it('keeps other files waiting for their turn', async () => {
    let asked = 0;
    const evaluateHandle = () => {
      asked += 1;
      return hang();
    };
    const session = openSession({ evaluateHandle } as unknown as Page);
    const files = [session.send(PREPARED, FILE, {}), session.downloadMedia(PREPARED.key)];
    const settled = Promise.allSettled(files);
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.heavyCallDeadlineMs - 1);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(DEFAULT_TIMINGS.heavyCallDeadlineMs);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    await settled;
  });
});

describe('a connection that is over', () => {
  let connection: AbortController;

  beforeEach(() => {
    connection = new AbortController();
  });

  const open = (page: Partial<Record<'evaluate' | 'evaluateHandle', unknown>>) =>
    openSession(page as unknown as Page, connection.signal);

  it('does nothing more in the page', async () => {
    const session = open({
      evaluate: () => expect.unreachable(),
      evaluateHandle: () => expect.unreachable(),
    });
    connection.abort();
    const calls = await Promise.allSettled([
      session.send(PREPARED, TEXT, {}),
      session.send(PREPARED, FILE, {}),
      session.prepareSend('49@c.us'),
      session.downloadMedia(PREPARED.key),
      session.listChats(),
    ]);
    expect(calls).toMatchObject([
      { reason: { code: 'SEND_WITHHELD' } },
      { reason: { code: 'SEND_WITHHELD' } },
      { reason: { code: 'SESSION_FAULT' } },
      { reason: { code: 'SESSION_FAULT' } },
      { reason: { code: 'SESSION_FAULT' } },
    ]);
  });

  it('leaves alone what was waiting for its turn', async () => {
    const begun = Promise.withResolvers<void>();
    const download = Promise.withResolvers<never>();
    let asked = 0;
    const session = open({
      evaluate: () => expect.unreachable(),
      evaluateHandle() {
        asked += 1;
        begun.resolve();
        return download.promise;
      },
    });
    const calls = [session.downloadMedia(PREPARED.key), session.send(PREPARED, FILE, {})];
    const settled = Promise.allSettled(calls);
    await begun.promise;
    connection.abort();
    download.reject(new Error('Execution context was destroyed.'));
    expect(await settled).toMatchObject([
      { reason: { code: 'SESSION_FAULT' } },
      { reason: { code: 'SEND_WITHHELD' } },
    ]);
    expect(asked).toBe(1);
  });

  it('does not send a file that the page has only by then', async () => {
    const begun = Promise.withResolvers<void>();
    const file = Promise.withResolvers<unknown>();
    const session = open({
      evaluate: () => expect.unreachable(),
      evaluateHandle() {
        begun.resolve();
        return file.promise;
      },
    });
    const sending = session.send(PREPARED, FILE, {});
    await begun.promise;
    connection.abort();
    file.resolve({ uploadFile: async () => undefined, dispose: async () => undefined });
    await expect(sending).rejects.toMatchObject({ code: 'SEND_WITHHELD' });
  });
});
