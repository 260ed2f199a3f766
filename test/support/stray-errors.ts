/**
 * Loaded into a daemon (`--import`): makes the library leave errors that nobody catches, as it does at times of its own. An
 * incoming message with one of the texts below does it in its session; SIGUSR2 does it in no session.
 */
import type { Page } from 'puppeteer';
import wwebjs from 'whatsapp-web.js';

/** By the text of a message. */
const STRAYS: Readonly<Record<string, () => void>> = {
  'reject a string': () => void Promise.reject('auth timeout'),
  'reject an error': () => void Promise.reject(new TypeError('nothing to be read here')),
  'reject nothing': () => void Promise.reject(),
  'throw in the handler': () => {
    throw new Error('of a handler');
  },
  'throw null later': () => {
    setImmediate(() => {
      throw null;
    });
  },
  'reject since the page is gone': () =>
    void Promise.reject(new Error('Protocol error (Runtime.callFunctionOn): Target closed')),
};

/** The parts of the library's client that are touched here. */
interface Listening {
  attachEventListeners(this: Listening & { readonly pupPage: Page }): Promise<void>;
}

/** Runs in the page: has each message that is told to the daemon also told to `leaveStray`. */
function tellTexts(texts: readonly string[]): void {
  const page = window as unknown as {
    switchboardTell: (pack: unknown) => Promise<void>;
    leaveStray: (text: string) => Promise<void>;
  };
  const tell = page.switchboardTell;
  page.switchboardTell = async (pack) => {
    await tell(pack);
    for (const text of texts) if (JSON.stringify(pack).includes(`"${text}"`)) await page.leaveStray(text);
  };
}

const library = wwebjs.Client.prototype as unknown as Listening;
const attach = library.attachEventListeners;
library.attachEventListeners = async function () {
  await attach.call(this);
  await this.pupPage.exposeFunction('leaveStray', (text: string) => STRAYS[text]?.());
  await this.pupPage.evaluate(tellTexts, Object.keys(STRAYS));
};

process.on('SIGUSR2', () => void Promise.reject(new Error('a stray of nobody')));
