import puppeteer, { type Browser, type Frame, type HTTPResponse, type Page } from 'puppeteer';
import wwebjs from 'whatsapp-web.js';
import type { LinkedIdentity } from '../../accounts/account.ts';
import type { AccountId } from '../../accounts/ids.ts';
import type { ReasonCode } from '../../accounts/reason.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError, isAppError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { InboundEvent } from '../../messages/inbound-event.ts';
import { type LaunchDeps, makeLaunchOptions, USER_AGENT } from './browser.ts';
import {
  findBrowserProcesses,
  identifyProcess,
  type KnownProcess,
  killBrowserProcesses,
  removeProfileLocks,
} from './browser-process.ts';
import { makeDeviceName } from './device-name.ts';
import type { BrowserGuard } from './guard.ts';
import { type LinkNews, LinkOffer, type PairingWish } from './link-offer.ts';
import { newsToEvent } from './message-conversion.ts';
import { installBridge } from './page-bridge.ts';
import { acknowledgeNews, logOut, reconnectSocket, reportSocket } from './page-calls.ts';
import { type LibraryClient, PageInjection } from './page-injection.ts';
import type { PageNews } from './page-model.ts';
import { installPicking } from './page-picking.ts';
import type { ProcessFamilies } from './process-families.ts';
import { readTreeMemory } from './process-memory.ts';
import { profilePathOf, requireFreeBytes } from './profile.ts';
import { watchStorage } from './storage-watch.ts';
import { openTemporaryFolder } from './temporary-folder.ts';
import { cutTornLogs } from './torn-log.ts';

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

export interface ClientDeps extends Omit<LaunchDeps, 'profilePath' | 'accountId'> {
  readonly accountId: AccountId;
  /** What the user calls the account; null if nothing. */
  readonly displayName: string | null;
  /** How a phone that is not linked yet is linked. */
  readonly pairing: PairingWish;
  readonly livePath: string;
  /** @throws LeaseLostError once another instance may run a browser of the account. */
  readonly requireLease: () => void;
  /** @throws AppError SESSION_FAULT if the opened profile does not lie where it was opened any more. */
  readonly requireProfile: () => Promise<void>;
  /** Resolves when more events may be told; never rejects. */
  readonly whenRoom: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timings: SessionTimings;
  /** Looks after the browser should this process die, and after what of it cannot be killed. */
  readonly guard: BrowserGuard;
  /** Shared with all clients. */
  readonly families: ProcessFamilies;
}

/**
 * The one place that knows whatsapp-web.js: a browser with WhatsApp Web in it, and the library in the page. It
 * launches and closes the browser itself and hears of its death, which the library does not (facts A5, A10, A11);
 * nothing the library throws leaves it (A3).
 */
export class WhatsAppClient {
  readonly #deps: ClientDeps;
  readonly #profilePath: string;
  readonly #onEvent: (event: ClientEvent) => void;
  #launching: Promise<Browser> = Promise.reject(new Error('The browser was never launched.'));
  #temporary: AsyncDisposable | undefined;
  #page: Page | undefined;
  #injection: PageInjection | undefined;
  #offer: LinkOffer | undefined;
  /** The process that was launched, from then on. */
  #launched: KnownProcess | undefined;
  /** When a document was last ready, of the clock that never jumps. */
  #readyAt = Number.NEGATIVE_INFINITY;
  #over = false;

  constructor(deps: ClientDeps, onEvent: (event: ClientEvent) => void) {
    this.#deps = deps;
    this.#profilePath = profilePathOf(deps.livePath, deps.accountId);
    this.#onEvent = onEvent;
    this.#launching.catch(() => undefined);
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
    this.#launching = this.#launch();
    const browser = await this.#launching;
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
  async measureMemory(): Promise<number> {
    return this.#launched ? await readTreeMemory(this.#deps.families.find(this.#launched)) : 0;
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

  /**
   * Closes the browser, by force if it does not listen, which is not waited for long if it does not answer anyway;
   * resolves when none of its processes is left.
   */
  async close({ isUnresponsive = false }: { readonly isUnresponsive?: boolean } = {}): Promise<void> {
    this.#over = true;
    const { timings } = this.#deps;
    const closeDeadlineMs = isUnresponsive ? timings.closeUnresponsiveMs : timings.closeDeadlineMs;
    let pid: number | undefined;
    try {
      // A browser that is still being launched would otherwise be missed, and stay (fault F27).
      const browser = await withDeadline(this.#launching, closeDeadlineMs, 'Launching the browser');
      pid = browser.process()?.pid;
      if (browser.connected) await withDeadline(browser.close(), closeDeadlineMs, 'Closing the browser');
    } catch (thrown) {
      const error = toError(thrown).message;
      // Why a launch failed is told where it did.
      if (pid === undefined && !isAppError(thrown, 'SESSION_DEADLINE'))
        this.#deps.log.debug('There is no browser to close', { error });
      else this.#deps.log.warn('The browser did not close and is killed', { error });
    } finally {
      await this.#clearUp();
    }
  }

  /** What cannot be removed is removed by the next start. */
  async #clearUp(): Promise<void> {
    const { log } = this.#deps;
    try {
      await killBrowserProcesses(this.#profilePath, { known: this.#launched, log });
      const pids = findBrowserProcesses(this.#profilePath, this.#launched);
      if (pids.length > 0) {
        log.error('Processes of a browser could not be killed', { pids });
        return this.#deps.guard.withholdGoodbye();
      }
      if (this.#launched) this.#deps.guard.forget(this.#launched.pid);
      removeProfileLocks(this.#profilePath);
      await this.#temporary?.[Symbol.asyncDispose]();
    } catch (thrown) {
      log.warn('What a browser has left could not be cleared up', { error: toError(thrown).message });
    }
  }

  async #launch(): Promise<Browser> {
    // An orphan of an earlier run goes on taking messages and holds the profile (faults F28 to F31).
    await killBrowserProcesses(this.#profilePath, { log: this.#deps.log });
    if (findBrowserProcesses(this.#profilePath).length > 0)
      throw new AppError('SESSION_FAULT', { message: 'Processes of an earlier browser cannot be killed.' });
    removeProfileLocks(this.#profilePath);
    this.#requireWanted();
    // Before anything is mended in it, and once more before it is used: in an empty folder a page asks for a scan, and that
    // would be taken for a link that is over.
    await this.#deps.requireProfile();
    await this.#requireRoom();
    const torn = await cutTornLogs(this.#profilePath);
    if (torn.length > 0) this.#deps.log.warn('Torn logs of the profile were mended', { torn });
    await this.#deps.requireProfile();
    const temporary = await openTemporaryFolder(this.#deps.environment);
    this.#temporary = temporary;
    const environment = { ...this.#deps.environment, TMPDIR: temporary.path };
    const options = makeLaunchOptions({ ...this.#deps, profilePath: this.#profilePath, environment });
    if (this.#over) await temporary[Symbol.asyncDispose]();
    // Nothing is waited for from here to the launch: a close that did not wait for it has looked for processes already.
    this.#requireWanted();
    // The driver's own limit begins once the browser has answered.
    const { launchDeadlineMs } = this.#deps.timings;
    const browser = await withDeadline(puppeteer.launch(options), launchDeadlineMs, 'Launching the browser');
    this.#launched = identifyProcess(browser.process()?.pid ?? 0);
    // Puppeteer starts each browser as the leader of a group.
    if (this.#launched) this.#deps.guard.watch(this.#launched.pid);
    // This process may have stood still at any moment of it.
    this.#deps.requireLease();
    return browser;
  }

  #requireWanted(): void {
    this.#deps.requireLease();
    if (!this.#over) return;
    throw new AppError('SESSION_FAULT', { message: 'The session was closed before its launch.' });
  }

  /** On a full disk Chromium throws away the storage that it cannot open, and the link with it (fault F43). */
  async #requireRoom(): Promise<void> {
    const { livePath, timings } = this.#deps;
    await requireFreeBytes(livePath, timings.freeDiskBytes).catch((thrown: unknown) => {
      if (isAppError(thrown, 'DISK_FULL')) this.#end('disk_full', thrown);
      throw thrown;
    });
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
    await page.exposeFunction('switchboardTell', (news: PageNews[]) => this.#heard(news, injection, offer));
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

  /**
   * Page news of one pack; resolves when there is room for the next. One that cannot be read is left out, not thrown back
   * into the page with its neighbours.
   */
  async #heard(pack: readonly PageNews[], injection: PageInjection, offer: LinkOffer): Promise<void> {
    const now = this.#deps.clock.now();
    const events: InboundEvent[] = [];
    const tellEvents = () => {
      if (events.length > 0) this.#tell({ kind: 'events', events: events.splice(0) });
    };
    for (const news of pack) {
      if (news.kind === 'socket') {
        injection.heard(news);
        this.#tell({ kind: 'socket', state: news.state });
      } else if (news.kind === 'passkey') {
        offer.hearPasskey();
      } else if (news.kind === 'logout') {
        this.#tell({ kind: 'logged_out' });
      } else if (news.kind === 'storage-closed') {
        this.#end('storage_failed', new Error('The browser closed the storage of the page.'));
      } else if (news.kind === 'overflow') {
        tellEvents();
        this.#tell({ kind: 'gap' });
      } else {
        const event = this.#toEvent(news, now);
        if (event) events.push(event);
      }
    }
    if (events.length === 0) return;
    tellEvents();
    await this.#deps.whenRoom();
  }

  #toEvent(news: PageNews, now: number): InboundEvent | undefined {
    try {
      return newsToEvent(news, now);
    } catch (thrown) {
      this.#deps.log.error('News of the page could not be read', {
        kind: news.kind,
        error: toError(thrown).message,
      });
      return undefined;
    }
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
