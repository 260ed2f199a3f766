import type { Page } from 'puppeteer';
import { describe, expect, it } from 'vitest';
import {
  type LinkNews,
  LinkOffer,
  type PairingWish,
} from '../../../../src/channels/whatsapp-web/link-offer.ts';
import {
  refreshQr,
  requestPairingCode,
  showsPasskeyDialog,
  tellDocument,
} from '../../../../src/channels/whatsapp-web/page-calls.ts';
import { mentionsPasskey } from '../../../../src/channels/whatsapp-web/passkey-mention.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const LOGIN_SCREEN_MS = 10_000;

/** An offer over a page that answers by script. */
class OfferStage {
  readonly told: LinkNews[] = [];
  readonly refusals: string[] = [];
  readonly asked: unknown[][] = [];
  readonly clock = new ManualClock();
  dialog = false;
  /** Undefined where the document goes away under the question. */
  mention: boolean | undefined = false;
  /** Its documents, counted. */
  document = 1;
  qrRefreshed = 0;
  answerCode: (once: boolean) => Promise<string | null> = async () => `CODE${this.asked.length}`;
  readonly offer: LinkOffer;

  constructor(pairing: PairingWish = { kind: 'qr' }) {
    const evaluate = async (call: unknown, ...args: unknown[]): Promise<unknown> => {
      if (call === showsPasskeyDialog) return this.dialog;
      if (call === mentionsPasskey) {
        if (this.mention === undefined) throw new Error('Execution context was destroyed.');
        return this.mention;
      }
      if (call === tellDocument) return this.document;
      if (call === refreshQr) this.qrRefreshed += 1;
      if (call !== requestPairingCode) return undefined;
      this.asked.push(args);
      return this.answerCode(args[1] === true);
    };
    this.offer = new LinkOffer({ evaluate } as unknown as Page, {
      pairing,
      clock: this.clock,
      timings: { callDeadlineMs: 20, loginScreenMs: LOGIN_SCREEN_MS },
      tell: (news) => this.told.push(news),
      onRefused: (error) => this.refusals.push(error.message),
    });
  }
}

const BY_CODE: PairingWish = { kind: 'code', phoneNumber: '+491700000001' };

describe('a page that links by QR codes', () => {
  it('tells each code once, and no change to none', async () => {
    const { offer, told } = new OfferStage();
    for (const qr of ['one,k', 'one,k', 'undefined,k', 'null,k', ',k', null, 'two,k']) await offer.hearQr(qr);
    expect(told).toEqual([
      { kind: 'qr', text: 'one,k' },
      { kind: 'qr', text: 'two,k' },
    ]);
  });

  it('is asked for a new one', async () => {
    const stage = new OfferStage();
    await stage.offer.refresh();
    expect(stage.qrRefreshed).toBe(1);
  });
});

describe('a page that links by pairing codes', () => {
  it('tells no QR code, and asks for a code of the number in digits', async () => {
    const { offer, told, asked } = new OfferStage(BY_CODE);
    await offer.hearQr('one,k');
    expect(asked).toEqual([['491700000001', true]]);
    expect(told).toEqual([{ kind: 'pairing_code', code: 'CODE1' }]);
  });

  it('asks once a document, however its QR codes rotate', async () => {
    const stage = new OfferStage(BY_CODE);
    await stage.offer.hearQr('one,k');
    stage.answerCode = async (once) => (once ? null : 'NEW');
    await stage.offer.hearQr('two,k');
    expect(stage.told).toHaveLength(1);
    await stage.offer.refresh();
    expect(stage.told.at(-1)).toEqual({ kind: 'pairing_code', code: 'NEW' });
    expect(stage.refusals).toEqual([]);
  });

  it.each([
    ['refuses', () => Promise.reject(new Error('rate-overlimit')), 'rate-overlimit'],
    ['does not answer', () => new Promise<string>(() => undefined), 'Asking for a pairing code'],
  ])('tells it, and rejects nowhere, when WhatsApp %s', async (_title, answer, words) => {
    const stage = new OfferStage(BY_CODE);
    stage.answerCode = answer;
    await stage.offer.hearQr('one,k');
    await stage.offer.refresh();
    expect(stage.refusals).toEqual([expect.stringContaining(words), expect.stringContaining(words)]);
  });

  it('takes a document that goes away for no refusal', async () => {
    const stage = new OfferStage(BY_CODE);
    stage.answerCode = () => Promise.reject(new Error('Execution context was destroyed.'));
    await stage.offer.hearQr('one,k');
    expect([stage.told, stage.refusals]).toEqual([[], []]);
  });
});

describe('a demand for a passkey (A24)', () => {
  it('is told once, whether it is heard or seen', async () => {
    const stage = new OfferStage();
    stage.dialog = true;
    await stage.offer.checkLevel();
    stage.offer.hearPasskey();
    await stage.offer.checkLevel();
    expect(stage.told).toEqual([{ kind: 'passkey' }]);
  });

  it('is seen in a mention that comes when the log-in screen has been seen without, and stands as long as it does', async () => {
    const stage = new OfferStage();
    await stage.offer.hearQr('one,k');
    stage.clock.advance(LOGIN_SCREEN_MS);
    await stage.offer.checkLevel();
    stage.mention = true;
    await stage.offer.checkLevel();
    await stage.offer.hearQr('two,k');
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr', 'passkey']);
    stage.mention = false;
    await stage.offer.hearQr('three,k');
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr', 'passkey', 'qr']);
  });

  it('is none in a page that speaks of passkeys from the first, or before there is a code', async () => {
    const stage = new OfferStage();
    stage.mention = true;
    await stage.offer.checkLevel();
    await stage.offer.hearQr('one,k');
    await stage.offer.checkLevel();
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr']);
  });

  it.each<[string, boolean | undefined, number]>([
    ['is drawn behind its code', false, LOGIN_SCREEN_MS - 1],
    ['is first seen late', undefined, 3 * LOGIN_SCREEN_MS],
  ])('is none in a log-in screen that speaks of them and %s', async (_title, before, afterMs) => {
    const stage = new OfferStage();
    stage.mention = before;
    await stage.offer.hearQr('one,k');
    await stage.offer.checkLevel();
    stage.clock.advance(afterMs);
    await stage.offer.checkLevel();
    stage.mention = true;
    await stage.offer.checkLevel();
    stage.clock.advance(LOGIN_SCREEN_MS);
    await stage.offer.checkLevel();
    await stage.offer.hearQr('two,k');
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr', 'qr']);
  });

  it.each([
    ['before its log-in screen was seen', LOGIN_SCREEN_MS - 1],
    ['when it was seen without a mention', LOGIN_SCREEN_MS],
  ])('is none in the log-in screen of a page that was loaded anew %s', async (_title, afterMs) => {
    const stage = new OfferStage();
    await stage.offer.hearQr('one,k');
    stage.clock.advance(afterMs);
    await stage.offer.checkLevel();
    stage.document += 1;
    stage.clock.advance(LOGIN_SCREEN_MS);
    await stage.offer.checkLevel();
    await stage.offer.hearQr('two,k');
    stage.mention = true;
    await stage.offer.checkLevel();
    await stage.offer.hearQr('three,k');
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr', 'qr', 'qr']);
  });

  it('is seen in a page that was loaded anew, once its log-in screen has been seen without', async () => {
    const stage = new OfferStage();
    await stage.offer.hearQr('one,k');
    stage.document += 1;
    await stage.offer.hearQr('two,k');
    stage.clock.advance(LOGIN_SCREEN_MS);
    await stage.offer.checkLevel();
    stage.mention = true;
    await stage.offer.checkLevel();
    expect(stage.told.map(({ kind }) => kind)).toEqual(['qr', 'qr', 'passkey']);
  });

  it('stands above the QR codes that rotate below it, until its dialog is gone', async () => {
    const stage = new OfferStage();
    stage.dialog = true;
    stage.offer.hearPasskey();
    await stage.offer.hearQr('one,k');
    expect(stage.told).toEqual([{ kind: 'passkey' }]);
    stage.dialog = false;
    await stage.offer.hearQr('one,k');
    stage.offer.hearPasskey();
    expect(stage.told.slice(1)).toEqual([{ kind: 'qr', text: 'one,k' }, { kind: 'passkey' }]);
  });

  it('that was declined is followed by a new pairing code', async () => {
    const stage = new OfferStage(BY_CODE);
    await stage.offer.hearQr('one,k');
    stage.offer.hearPasskey();
    await stage.offer.hearQr('two,k');
    expect(stage.asked.at(-1)).toEqual(['491700000001', false]);
    expect(stage.told.map(({ kind }) => kind)).toEqual(['pairing_code', 'passkey', 'pairing_code']);
  });

  it('is none of a page that is linked: it may ask for one to other ends', async () => {
    const stage = new OfferStage();
    stage.offer.hearReady();
    stage.dialog = true;
    stage.offer.hearPasskey();
    await stage.offer.checkLevel();
    expect(stage.told).toEqual([]);
  });
});
