import type { Frame, HTTPResponse, Page } from 'puppeteer';
import wwebjs from 'whatsapp-web.js';
import type { LinkedIdentity } from '../../accounts/account.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import type { InboundEvent } from '../../messages/inbound-event.ts';
import { USER_AGENT } from './browser.ts';
import { BrowserRun, type BrowserRunDeps, type CloseOptions } from './browser-run.ts';
import { makeDeviceName } from './device-name.ts';
import { type LinkNews, LinkOffer, type PairingWish } from './link-offer.ts';
import { installBridge } from './page-bridge.ts';
import { acknowledgeNews, logOut, reconnectSocket, reportSocket } from './page-calls.ts';
import { type LibraryClient, PageInjection } from './page-injection.ts';
import type { PageNews } from './page-model.ts';
import { hearPageNews, type NewsHearers } from './page-news.ts';
import { installPicking } from './page-picking.ts';
import { watchStorage } from './storage-watch.ts';

const { Client, LocalAuth } = wwebjs;

const WHATSAPP_WEB = 'https://web.whatsapp.com/';

/** How puppeteer says that a page could not be loaded. */
const UNREACHABLE = /net::ERR_/;

/** What a client tells its session, in the order in which it happened. `ended` is the last and comes once. */
export type ClientEvent =
  | LinkNews
  | { readonly kind: 'document' }
  | { readonly kind: 'socket'; readonly state: string }
  | { readonly kind: 'ready'; readonly identity: LinkedIdentity; readonly page: Page }
  | { readonly kind: 'lost' }
  | { readonly kind: 'logged_out' }
  | { readonly kind: 'events'; readonly events: readonly InboundEvent[] }
  | { readonly kind: 'gap' }
  | { readonly kind: 'ended'; readonly reason: ReasonCode; readonly error: Error };

export interface ClientDeps extends BrowserRunDeps {
  /** What the user calls the account; null if nothing. */
  readonly displayName: string | null;
  /** How a phone that is not linked yet is linked. */
  readonly pairing: PairingWish;
  /** Resolves when more events may be told; never rejects. */
  readonly whenRoom: () => Promise<void>;
  readonly clock: Clock;
}

/**
 * The one place that knows whatsapp-web.js: a browser with WhatsApp Web in it, and the library in the page. It
 * launches and closes the browser itself and hears of its death, which the library does not (facts A5, A10, A11);
 * nothing the library throws leaves it (A3).
 */
export class WhatsAppClient {
  readonly #deps: ClientDeps;
  readonly #run: BrowserRun;
  readonly #onEvent: (event: ClientEvent) => void;
  #page: Page | undefined;
  #injection: PageInjection | undefined;
  #offer: LinkOffer | undefined;
  /** When a document was last ready, of the clock that never jumps. */
  #readyAt = Number.NEGATIVE_INFINITY;
  #over = false;

  constructor(deps: ClientDeps, onEvent: (event: ClientEvent) => void) {
    this.#deps = deps;
    this.#run = new BrowserRun(deps, {
      isOver: () => this.#over,
      onDiskFull: (error) => this.#end('disk_full', error),
    });
    this.#onEvent = onEvent;
  }

  /** Launches the browser and loads the page; what follows comes as events. Call it once, then `close`. */
  async open(): Promise<void> {
    try {
      await this.#open();
    } catch (thrown) {
      // The network and WhatsApp's server are told from the browser itself.
      const error = toError(thrown);
      this.#end(UNREACHABLE.test(error.message) ? 'page_unreachable' : 'launch_failed', error);
      throw error;
    }
  }

  async #open(): Promise<void> {
    const browser = await this.#run.launch();
    browser.on('disconnected', () => this.#end('browser_died', new Error('The browser ended.')));
    if (!browser.connected) this.#end('browser_died', new Error('The browser ended at once.'));
    const page = (await browser.pages())[0] ?? (await browser.newPage());
    this.#page = page;
    page.on('error', (error) => this.#end('page_crashed', error));
    page.on('close', () => this.#end('page_crashed', new Error('The page was closed.')));
    await page.setUserAgent({ userAgent: USER_AGENT });
    await this.#load(page, Object.assign(this.#makeLibrary(), { pupBrowser: browser, pupPage: page }));
  }

  /**
   * Resolves if the page answers in time; it tells the state of its socket on the way, should that have been missed, and a
   * "What's new" dialog that came up since is acknowledged (fact A8).
   */
  async probe(): Promise<void> {
    const { probeDeadlineMs } = this.#deps.timings;
    await withDeadline(this.#probe(), probeDeadlineMs, 'The probe of the page');
  }

  async #probe(): Promise<void> {
    const { clock, timings } = this.#deps;
    const page = this.#livePage();
    await page.evaluate(reportSocket);
    if (clock.monotonic() < this.#readyAt + timings.freshLinkMs) await page.evaluate(acknowledgeNews);
  }

  /** Has a page whose line is down try again at once; never rejects. */
  async reconnectSocket(): Promise<void> {
    const { callDeadlineMs } = this.#deps.timings;
    try {
      const asking = this.#livePage().evaluate(reconnectSocket);
      await withDeadline(asking, callDeadlineMs, 'Reconnecting the socket');
    } catch (thrown) {
      this.#deps.log.debug('The page did not reconnect its socket', { error: toError(thrown).message });
    }
  }

  /**
   * Looks whether the page is ready by now.
   * @throws AppError SESSION_DEADLINE if it did not answer several times in a row
   */
  async checkLevel(): Promise<void> {
    const { probeDeadlineMs, looksInVain } = this.#deps.timings;
    // A browser answers nothing while it waits for its first document, however long the server takes.
    if (!this.#injection?.hasBegun) return;
    for (let looks = 1; ; looks += 1) {
      try {
        return await withDeadline(this.#checkLevel(), probeDeadlineMs, 'Looking at the page');
      } catch (thrown) {
        // A document that is being loaded has nothing to look at.
        if (!isAppError(thrown, 'SESSION_DEADLINE')) return;
        if (looks === looksInVain) throw thrown;
      }
    }
  }

  async #checkLevel(): Promise<void> {
    await this.#offer?.checkLevel();
    await this.#injection?.checkLevel();
  }

  /** Reads how much memory the browser's processes take, in bytes. */
  measureMemory(): Promise<number> {
    return this.#run.measureMemory();
  }

  /** Has the page show a new QR code, or asks WhatsApp for a new pairing code. @throws AppError SESSION_DEADLINE */
  async refreshCode(): Promise<void> {
    try {
      this.#livePage();
      await this.#offer?.refresh();
    } catch (thrown) {
      if (isAppError(thrown, 'SESSION_DEADLINE')) throw thrown;
      this.#deps.log.debug('The page could not be asked for a new code', { error: toError(thrown).message });
    }
  }

  /** Ends the link on WhatsApp's side, as far as the page can still say so. */
  async logOut(): Promise<void> {
    const page = this.#livePage();
    // What the page does from now on (it navigates, its socket closes) is no news.
    this.#over = true;
    await withDeadline(page.evaluate(logOut), this.#deps.timings.logoutDeadlineMs, 'Logging out');
  }

  /** Closes the browser; nothing is told any more. Resolves when none of its processes is left (see BrowserRun). */
  async close(options: CloseOptions = {}): Promise<void> {
    this.#over = true;
    await this.#run.close(options);
  }

  #makeLibrary(): LibraryClient {
    const client = new Client({
      authStrategy: new LocalAuth({ clientId: this.#deps.accountId, dataPath: this.#deps.livePath }),
      // A cache of its own would be written into the working directory between link and ready (fact A21).
      webVersionCache: { type: 'none' },
      userAgent: USER_AGENT,
    });
    client.on('auth_failure', (message) => this.#end('auth_failed', new Error(String(message))));
    return client as unknown as LibraryClient;
  }

  async #load(page: Page, library: LibraryClient): Promise<void> {
    const { timings, pairing, displayName, clock } = this.#deps;
    const offer = new LinkOffer(page, {
      pairing,
      clock,
      timings,
      tell: (news) => this.#tell(news),
      onRefused: (error) =>
        this.#end(
          isAppError(error, 'SESSION_DEADLINE') ? 'page_unresponsive' : 'pairing_code_refused',
          error,
        ),
    });
    this.#offer = offer;
    const injection = new PageInjection(page, library, {
      timings,
      deviceName: makeDeviceName(displayName),
      onDocument: () => this.#tell({ kind: 'document' }),
      onReady: (identity) => {
        this.#readyAt = clock.monotonic();
        offer.hearReady();
        this.#tell({ kind: 'ready', identity, page });
      },
      onLost: () => this.#tell({ kind: 'lost' }),
      onFailure: (error) =>
        this.#end(isAppError(error, 'SESSION_FAULT') ? 'self_test_failed' : 'launch_failed', error),
    });
    this.#injection = injection;
    const hearers = this.#makeNewsHearers(injection, offer);
    await page.exposeFunction('switchboardTell', (pack: PageNews[]) => hearPageNews(pack, hearers));
    // Not waited for: the page's own code goes on meanwhile.
    await page.exposeFunction('onQRChangedEvent', (qr: unknown) => void offer.hearQr(qr));
    await page.evaluateOnNewDocument(installBridge);
    await page.evaluateOnNewDocument(installPicking);
    await page.evaluateOnNewDocument(watchStorage);
    page.on('framenavigated', (frame) => this.#navigated(page, frame, injection));
    page.on('response', (response) => this.#answered(page, response));
    // It has the time that a start has: whoever watches that closes the browser.
    await page.goto(WHATSAPP_WEB, {
      waitUntil: 'domcontentloaded',
      timeout: 0,
      referer: 'https://whatsapp.com/',
    });
  }

  /** What a server shows instead of the page that it cannot give never becomes WhatsApp Web. */
  #answered(page: Page, response: HTTPResponse): void {
    const status = response.status();
    if (status < 400 || response.frame() !== page.mainFrame()) return;
    if (!response.request().isNavigationRequest()) return;
    this.#end('launch_failed', new Error(`The server of WhatsApp Web answers with status ${status}.`));
  }

  #navigated(page: Page, frame: Frame, injection: PageInjection): void {
    if (frame !== page.mainFrame()) return;
    const url = frame.url();
    if (url.includes('post_logout=1')) this.#tell({ kind: 'logged_out' });
    else if (url.startsWith(WHATSAPP_WEB)) injection.navigated();
    else if (url.startsWith('chrome-error:'))
      this.#end('page_unreachable', new Error('The browser shows an error page instead of WhatsApp Web.'));
    else if (url !== 'about:blank' || injection.hasBegun)
      this.#end('launch_failed', new Error(`The page went to ${url}.`));
  }

  #makeNewsHearers(injection: PageInjection, offer: LinkOffer): NewsHearers {
    const { clock, log, whenRoom } = this.#deps;
    return {
      clock,
      log,
      whenRoom,
      onEvents: (events) => this.#tell({ kind: 'events', events }),
      onGap: () => this.#tell({ kind: 'gap' }),
      onSocket: (news) => {
        injection.heard(news);
        this.#tell({ kind: 'socket', state: news.state });
      },
      onPasskey: () => offer.hearPasskey(),
      onLogout: () => this.#tell({ kind: 'logged_out' }),
      onStorageClosed: () =>
        this.#end('storage_failed', new Error('The browser closed the storage of the page.')),
    };
  }

  #livePage(): Page {
    if (!this.#page || this.#over) throw new AppError('SESSION_FAULT', { message: 'The page is gone.' });
    return this.#page;
  }

  #tell(event: ClientEvent): void {
    if (!this.#over) this.#onEvent(event);
  }

  #end(reason: ReasonCode, error: Error): void {
    if (this.#over) return;
    this.#onEvent({ kind: 'ended', reason, error });
    this.#over = true;
  }
}
