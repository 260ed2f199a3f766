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

/** What comes of a send over a page with these calls, when all deadlines have passed. */
async function send(content: OutgoingContent, page: Partial<Record<'evaluate' | 'evaluateHandle', unknown>>) {
  const calls = page as unknown as Page;
  const deps = { clock: new ManualClock(), timings: DEFAULT_TIMINGS };
  const session = new ConnectedPage('account' as AccountId, calls, deps);
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
