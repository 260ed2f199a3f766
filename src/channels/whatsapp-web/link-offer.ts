import type { Page } from 'puppeteer';
import type { SessionTimings } from '../../config/session-timings.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import { isDocumentGone } from './document-gone.ts';
import { refreshQr, requestPairingCode, showsPasskeyDialog, tellDocument } from './page-calls.ts';
import { mentionsPasskey } from './passkey-mention.ts';

/** How a phone that is not linked yet is linked: it scans, or its user types a code. The number is E.164. */
export type PairingWish = { readonly kind: 'qr' } | { readonly kind: 'code'; readonly phoneNumber: string };

/** What a page that is not linked asks of the phone. */
export type LinkNews =
  | { readonly kind: 'qr'; readonly text: string }
  | { readonly kind: 'pairing_code'; readonly code: string }
  | { readonly kind: 'passkey' };

export interface LinkOfferDeps {
  readonly pairing: PairingWish;
  readonly clock: Clock;
  readonly timings: Pick<SessionTimings, 'callDeadlineMs' | 'loginScreenMs'>;
  tell(news: LinkNews): void;
  /** WhatsApp gave no pairing code: an error, or no answer in time. */
  onRefused(error: Error): void;
}

/**
 * How one page is linked: by the QR codes that it shows, or by the pairing codes that it is asked for (the library
 * asks where nobody catches, fact A3), and by a passkey that WhatsApp may demand in between (A24). While such a demand
 * stands, the QR codes that go on rotating below it are no news.
 */
export class LinkOffer {
  readonly #page: Page;
  readonly #deps: LinkOfferDeps;
  #lastQr: string | undefined;
  #passkey: 'not_demanded' | 'demanded' | 'moot' = 'not_demanded';
  /**
   * The document that shows codes, and when it showed its first, of the clock that never jumps: its log-in screen is drawn from
   * then on.
   */
  #screen: { readonly document: number; readonly firstCodeAt: number } | undefined;
  /** Whether the page speaks of passkeys without demanding one; undefined while that is still to be seen. */
  #alwaysMentions: boolean | undefined;

  constructor(page: Page, deps: LinkOfferDeps) {
    this.#page = page;
    this.#deps = deps;
  }

  /**
   * Hears each QR text that the library tells. It tells any change of the reference, also to none (fault table,
   * section 1), and each several times after a navigation (F5). Never rejects.
   */
  async hearQr(qr: unknown): Promise<void> {
    if (typeof qr !== 'string' || /^(null|undefined|),/.test(qr) || qr === this.#lastQr) return;
    if (this.#passkey === 'demanded') {
      if (await this.#showsDemand()) return;
      this.#passkey = 'not_demanded';
      await this.#show(qr, 'anew');
    } else {
      await this.#show(qr, 'once');
    }
  }

  /** The page has asked the browser for a passkey. One that is linked may do so for other ends. */
  hearPasskey(): void {
    if (this.#passkey !== 'not_demanded') return;
    this.#passkey = 'demanded';
    this.#deps.tell({ kind: 'passkey' });
  }

  /** The page is linked: what it asks from now on is not for the link. */
  hearReady(): void {
    this.#passkey = 'moot';
  }

  /** Looks whether the page shows a demand that it was not heard to make. */
  async checkLevel(): Promise<void> {
    if (this.#passkey === 'not_demanded' && (await this.#showsDemand())) this.hearPasskey();
  }

  /** Has the page show a new QR code, or asks WhatsApp for a new pairing code; a refusal of one is told. */
  async refresh(): Promise<void> {
    if (this.#deps.pairing.kind === 'code') {
      await this.#requestCode(this.#deps.pairing.phoneNumber, 'anew');
      return;
    }
    const { callDeadlineMs } = this.#deps.timings;
    await withDeadline(this.#page.evaluate(refreshQr), callDeadlineMs, 'Refreshing the QR code');
  }

  async #show(qr: string, ask: 'once' | 'anew'): Promise<void> {
    this.#lastQr = qr;
    await this.#hearScreen();
    await this.#mentions();
    const { pairing } = this.#deps;
    if (pairing.kind === 'qr') this.#deps.tell({ kind: 'qr', text: qr });
    // The page shows a QR code in any case, which says that it is ready to be asked for a code.
    else await this.#requestCode(pairing.phoneNumber, ask);
  }

  /** Of a document that is new it is still to be seen whether it speaks of passkeys, unless the ones before did. */
  async #hearScreen(): Promise<void> {
    const firstCodeAt = this.#deps.clock.monotonic();
    const document = await this.#ask(tellDocument);
    if (document === undefined || document === this.#screen?.document) return;
    this.#screen = { document, firstCodeAt };
    if (this.#alwaysMentions === false) this.#alwaysMentions = undefined;
  }

  /** `once`: unless this document was asked already. */
  async #requestCode(phoneNumber: string, ask: 'once' | 'anew'): Promise<void> {
    const asking = this.#page.evaluate(requestPairingCode, phoneNumber.replace(/\D/g, ''), ask === 'once');
    try {
      const { callDeadlineMs } = this.#deps.timings;
      const code = await withDeadline(asking, callDeadlineMs, 'Asking for a pairing code');
      if (code !== null) this.#deps.tell({ kind: 'pairing_code', code });
    } catch (thrown) {
      const error = toError(thrown);
      // The next document shows a QR code again, and a page that is no more tells that itself.
      if (!isDocumentGone(error)) this.#deps.onRefused(error);
    }
  }

  /** A dialog; or a mention that came when the log-in screen was there, without one. */
  async #showsDemand(): Promise<boolean> {
    if (await this.#ask(showsPasskeyDialog)) return true;
    return this.#alwaysMentions !== true && (await this.#mentions()) && this.#alwaysMentions === false;
  }

  /**
   * Whether a document that shows codes speaks of passkeys now. A mention in the time in which the log-in screen is drawn is
   * part of it: a demand that is missed shows on the phone all the same, one that is none would keep the account from being
   * linked.
   */
  async #mentions(): Promise<boolean> {
    const mentions = await this.#ask(mentionsPasskey);
    // Asked behind the mention: one of a document that has come since is not taken for one of the screen.
    const document = await this.#ask(tellDocument);
    if (mentions === undefined || document === undefined || document !== this.#screen?.document) return false;
    const { clock, timings } = this.#deps;
    const isDrawn = clock.monotonic() >= this.#screen.firstCodeAt + timings.loginScreenMs;
    if (mentions) this.#alwaysMentions ??= true;
    else if (isDrawn) this.#alwaysMentions ??= false;
    return mentions;
  }

  /** Undefined if the page cannot tell, since its document has gone. */
  async #ask<T>(question: () => T): Promise<T | undefined> {
    return await this.#page.evaluate(question).catch(() => undefined);
  }
}
