import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import puppeteer, { type Browser as OpenBrowser, type Page } from 'puppeteer';
import { findMachineBrowser } from '../../scripts/machine-browser.ts';
import { type Browser, makeLaunchOptions } from '../../src/channels/whatsapp-web/browser.ts';

/** A page that does nothing but store, and one origin for it over any number of browsers. */
export class StoragePage implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<StoragePage> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<p>storage</p>');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new StoragePage(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Opens it in a browser over the profile. */
  async launch(
    profilePath: string,
    browser: Browser = findMachineBrowser(),
  ): Promise<{ readonly browser: OpenBrowser; readonly page: Page }> {
    const opened = await puppeteer.launch(
      makeLaunchOptions({
        browser,
        profilePath,
        accountId: 'storage',
        instanceId: 'test',
        extraArgs: [],
        isRoot: process.getuid?.() === 0,
        environment: process.env,
        timings: { launchDeadlineMs: 30_000 },
      }),
    );
    const [first] = await opened.pages();
    const page = first ?? (await opened.newPage());
    const { port } = this.#server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    return { browser: opened, page };
  }
}

/** Stores this many records more, of which the browser makes tables now and then; resolves when they are stored. */
export async function storeRecords(page: Page, count: number): Promise<void> {
  await page.evaluate(async (more: number) => {
    const opening = indexedDB.open('records');
    opening.onupgradeneeded = () => opening.result.createObjectStore('records', { autoIncrement: true });
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    for (let done = 0; done < more; done += 1) {
      const value = crypto.getRandomValues(new Uint8Array(60_000));
      // A request has succeeded before anything is written: only the end of its transaction says that.
      await new Promise<void>((resolve, reject) => {
        const transaction = db.transaction('records', 'readwrite');
        transaction.objectStore('records').put(value);
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      localStorage.setItem(`key ${done % 50}`, String(done).repeat(500));
    }
    db.close();
  }, count);
}

/** How many records a browser finds. */
export async function countRecords(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const opening = indexedDB.open('records');
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    if (!db.objectStoreNames.contains('records')) return 0;
    const counting = db.transaction('records').objectStore('records').count();
    return new Promise<number>((resolve, reject) => {
      counting.onsuccess = () => resolve(counting.result);
      counting.onerror = () => reject(counting.error);
    });
  });
}
