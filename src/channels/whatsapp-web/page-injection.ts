import { createRequire } from 'node:module';
import type { Page } from 'puppeteer';
import type { LinkedIdentity } from '../../accounts/account.ts';
import { AppError, toError } from '../../lib/errors.ts';
import { chatIdToPhoneNumber, parseWid } from '../../messages/whatsapp-key.ts';
import { watchSocket } from './page-bridge.ts';
import { acknowledgeNews, beginInjection, hasPageCode, readIdentity, selfTest } from './page-calls.ts';
import type { PageNews } from './page-model.ts';
import { PAGE_CODE_DEADLINE_MS } from './session-timings.ts';

/** What the library puts into the page so that its calls work there. It is not part of its index. */
const { LoadUtils } = createRequire(import.meta.url)('whatsapp-web.js/src/util/Injected/Utils.js') as {
  LoadUtils: () => void;
};

/** The parts of the library's Client that work on a page we launched ourselves; its typings keep them to itself. */
export interface LibraryClient {
  inject(): Promise<void>;
  attachEventListeners(): Promise<void>;
}

export interface InjectionHandlers {
  /** The page can receive and send: told once a document, after the self-test. */
  onReady(identity: LinkedIdentity): void;
  /** The document that was ready is gone; another may become ready (fault F3). */
  onLost(): void;
  /** Injection failed in a document that is still there. */
  onFailure(error: Error): void;
}

/** The page says by nothing but a variable that its code has come. */
const PAGE_CODE_POLL_MS = 50;

type SocketNews = Extract<PageNews, { kind: 'socket' }>;

/**
 * Brings the library into each document of the page, once, and finds out when it is ready.
 *
 * One run at a time; a navigation or news of the socket that comes meanwhile is latched and looked at next. A run
 * whose document went away under it is simply begun again (facts A2, A4; faults F2, F5, F6, F22, F26).
 */
export class PageInjection {
  readonly #page: Page;
  readonly #library: LibraryClient;
  readonly #handlers: InjectionHandlers;
  #navigations = 0;
  #socket: SocketNews | undefined;
  #ready = false;
  #running = false;
  #again = false;

  constructor(page: Page, library: LibraryClient, handlers: InjectionHandlers) {
    this.#page = page;
    this.#library = library;
    this.#handlers = handlers;
  }

  /** The main frame has navigated, perhaps only within its document. */
  navigated(): void {
    this.#navigations += 1;
    this.#look();
  }

  /** The page's socket has news. */
  heard(news: SocketNews): void {
    this.#socket = news;
    this.#look();
  }

  #look(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const navigations = this.#navigations;
      try {
        await this.#inject();
        await this.#settle();
      } catch (thrown) {
        // A failure of a document that is gone says nothing; the next one has been latched.
        if (navigations === this.#navigations) this.#handlers.onFailure(toError(thrown));
      }
    }
  }

  async #inject(): Promise<void> {
    if (!(await this.#page.evaluate(beginInjection))) return;
    this.#socket = undefined;
    if (this.#ready) {
      this.#ready = false;
      this.#handlers.onLost();
    }
    await this.#page.waitForFunction(hasPageCode, {
      timeout: PAGE_CODE_DEADLINE_MS,
      polling: PAGE_CODE_POLL_MS,
    });
    await this.#page.evaluate(watchSocket);
    await this.#library.inject();
  }

  async #settle(): Promise<void> {
    const socket = this.#socket;
    const synced = socket?.state === 'CONNECTED' && socket.hasSynced && socket.hasIdentity;
    if (this.#ready || !synced) return;
    await this.#page.evaluate(LoadUtils);
    await this.#library.attachEventListeners();
    const missing = await this.#page.evaluate(selfTest);
    if (missing.length > 0) {
      throw new AppError('SESSION_FAULT', {
        message: `The page lacks ${missing.join(', ')}.`,
        details: { missing },
      });
    }
    await this.#page.evaluate(acknowledgeNews);
    const identity = await this.#readIdentity();
    this.#ready = true;
    this.#handlers.onReady(identity);
  }

  async #readIdentity(): Promise<LinkedIdentity> {
    const raw = await this.#page.evaluate(readIdentity);
    const wid = parseWid(raw.wid);
    const phone = parseWid(raw.phone) ?? wid;
    const phoneNumber = phone === undefined ? null : chatIdToPhoneNumber(phone);
    if (wid === undefined || phoneNumber === null) {
      throw new AppError('SESSION_FAULT', { message: 'The page does not say which number is linked.' });
    }
    return { wid, phoneNumber, profileName: raw.pushname };
  }
}
