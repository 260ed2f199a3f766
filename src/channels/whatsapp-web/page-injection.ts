import { createRequire } from 'node:module';
import type { Page } from 'puppeteer';
import type { LinkedIdentity } from '../../accounts/account.ts';
import type { SessionTimings } from '../../config/session-timings.ts';
import { AppError, toError } from '../../lib/errors.ts';
import { chatIdToPhoneNumber, parseWid } from '../../messages/whatsapp-key.ts';
import { isDocumentGone } from './document-gone.ts';
import { awaitHookTargets, hookLate } from './library-hooks.ts';
import { UNCOUNTED_TYPES } from './message-conversion.ts';
import {
  acknowledgeNews,
  beginInjection,
  beginListening,
  hasPageCode,
  nameDevice,
  readIdentity,
  reportSocket,
  selfTest,
  softenLibrary,
} from './page-calls.ts';
import { watchLine } from './page-line.ts';
import { installLookUp } from './page-look-up.ts';
import { letLibraryTakeFiles } from './page-media.ts';
import type { SocketNews } from './page-model.ts';
import { installReadBack } from './page-read-back.ts';
import { installSeen } from './page-seen.ts';
import { watchSocket } from './page-socket.ts';

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
  readonly timings: Pick<
    SessionTimings,
    'pageLoadGraceMs' | 'modulesGraceMs' | 'hooksGraceMs' | 'syncGraceMs' | 'outboxGraceMs'
  >;
  /** What a phone that links shows among its linked devices. */
  readonly deviceName: string;
  /** There is a new document; WhatsApp's code may still have to come into it. */
  onDocument(): void;
  /** The page can receive and send: told once a document, after the self-test. */
  onReady(identity: LinkedIdentity): void;
  /** The document that was ready is gone; another may become ready (fault F3). */
  onLost(): void;
  /** Injection failed in a document that is still there. */
  onFailure(error: Error): void;
}

/** The page says by nothing but a variable that its code has come. */
const PAGE_CODE_POLL_MS = 50;

/**
 * Brings the library into each document of the page, once, and finds out when it is ready.
 *
 * One run at a time; a navigation or news of the socket that comes meanwhile is latched and looked at next. A run
 * whose document went away under it is simply begun again (facts A2, A4; faults F2, F5, F6, F22, F26). It waits for the
 * page's modules without a limit of its own: a page that never has them is ended by the deadline of its phase.
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

  /** True once the page has been at WhatsApp's address. */
  get hasBegun(): boolean {
    return this.#navigations > 0;
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

  /**
   * Has the page tell its socket's state again, in case a change of it was not told (fact A4); never rejects, since
   * a page that does not answer is ended by the deadline of its phase.
   */
  async checkLevel(): Promise<void> {
    await this.#page.evaluate(reportSocket).catch(() => undefined);
    // The browser's first document is none of WhatsApp's, and has no bridge.
    if (this.hasBegun) this.#look();
  }

  #look(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) await this.#lookOnce();
    } finally {
      // At once: what came between the last look and this would be latched, and nobody would run.
      this.#running = false;
    }
  }

  async #lookOnce(): Promise<void> {
    this.#again = false;
    const navigations = this.#navigations;
    try {
      await this.#inject();
      await this.#settle();
    } catch (thrown) {
      // A failure of a document that is gone says nothing: its successor is latched or about to be told of, and a
      // page that has none is ended by its own events or by the deadline of its phase (facts A2, A10).
      const error = toError(thrown);
      const isGone = navigations !== this.#navigations || isDocumentGone(error);
      if (!isGone) this.#handlers.onFailure(error);
    }
  }

  async #inject(): Promise<void> {
    if (!(await this.#page.evaluate(beginInjection))) return;
    this.#socket = undefined;
    this.#handlers.onDocument();
    if (this.#ready) {
      this.#ready = false;
      this.#handlers.onLost();
    }
    const { pageLoadGraceMs, syncGraceMs } = this.#handlers.timings;
    const wait = { timeout: 0, polling: PAGE_CODE_POLL_MS };
    await this.#page.waitForFunction(hasPageCode, wait, pageLoadGraceMs);
    // The wait goes on over a navigation; what follows must not, or the new document would be injected twice.
    if (!(await this.#page.evaluate(watchSocket, syncGraceMs))) return;
    await this.#page.evaluate(nameDevice, this.#handlers.deviceName);
    await this.#library.inject();
  }

  async #settle(): Promise<void> {
    const socket = this.#socket;
    const synced = socket?.state === 'CONNECTED' && socket.hasSynced && socket.hasIdentity;
    if (this.#ready || !synced) return;
    // From here on nobody else attaches listeners to this document, however long its modules take.
    if (!(await this.#page.evaluate(beginListening))) return;
    const { modulesGraceMs, hooksGraceMs, outboxGraceMs } = this.#handlers.timings;
    const missing = await this.#page.evaluate(selfTest, modulesGraceMs);
    if (missing.length > 0) {
      throw new AppError('SESSION_FAULT', {
        message: `The page lacks ${missing.join(', ')}.`,
        details: { missing },
      });
    }
    await awaitHookTargets(this.#page, hooksGraceMs);
    await this.#page.evaluate(installLookUp);
    await this.#page.evaluate(installReadBack);
    await this.#page.evaluate(watchLine, outboxGraceMs);
    await this.#page.evaluate(LoadUtils);
    await this.#page.evaluate(softenLibrary);
    await this.#page.evaluate(hookLate);
    await this.#page.evaluate(letLibraryTakeFiles);
    await this.#library.attachEventListeners();
    await this.#page.evaluate(installSeen, UNCOUNTED_TYPES);
    await this.#page.evaluate(acknowledgeNews);
    const identity = await this.#readIdentity();
    this.#ready = true;
    this.#handlers.onReady(identity);
  }

  async #readIdentity(): Promise<LinkedIdentity> {
    const raw = await this.#page.evaluate(readIdentity);
    const wid = parseWid(raw.wid);
    const phone = parseWid(raw.phone) ?? wid;
    if (wid === undefined || phone === undefined) {
      throw new AppError('SESSION_FAULT', { message: 'The page does not say who is linked.' });
    }
    return { wid, phoneNumber: chatIdToPhoneNumber(phone), profileName: raw.pushname };
  }
}
