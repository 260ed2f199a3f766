import puppeteer, { type Browser, type Page } from 'puppeteer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findMachineBrowser } from '../../../../scripts/machine-browser.ts';
import { installBridge } from '../../../../src/channels/whatsapp-web/page-bridge.ts';
import {
  hasPageCode,
  nameDevice,
  showsPasskeyDialog,
} from '../../../../src/channels/whatsapp-web/page-calls.ts';
import type { PageNews } from '../../../../src/channels/whatsapp-web/page-model.ts';
import { installPicking } from '../../../../src/channels/whatsapp-web/page-picking.ts';
import { mentionsPasskey } from '../../../../src/channels/whatsapp-web/passkey-mention.ts';

let browser: Browser;
let page: Page;
let news: PageNews[];
let packs: PageNews[][];

beforeAll(async () => {
  browser = await puppeteer.launch({ ...findMachineBrowser(), args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser.close();
});

beforeEach(async () => {
  page = await browser.newPage();
  news = [];
  packs = [];
  await page.exposeFunction('switchboardTell', (pack: PageNews[]) => {
    packs.push(pack);
    news.push(...pack);
  });
});

afterEach(async () => {
  await page.close();
});

/** A document whose own script runs after the bridge was put in. */
async function load(script = '', body = ''): Promise<void> {
  await page.evaluateOnNewDocument(installBridge);
  await page.evaluateOnNewDocument(installPicking);
  const html = `<!doctype html><script>${script}</script><body>${body}</body>`;
  await page.goto(`data:text/html,${encodeURIComponent(html)}`);
  // What the page tells comes in its order: this last.
  await page.evaluate(() => window.switchboard?.tell({ kind: 'logout' }));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 0)));
}

/** A page in which the browser's credentials are these, before the bridge looks at them. */
async function giveCredentials(expression: string): Promise<void> {
  await page.evaluateOnNewDocument(
    `Object.defineProperty(navigator, 'credentials', { value: ${expression}, configurable: true });`,
  );
}

describe('the bridge', () => {
  const FAKE = `{
    get(wish) { return Promise.resolve([this === navigator.credentials, wish]); },
    create(wish) { return Promise.reject(new Error('cancelled')); },
  }`;

  it.each([
    ['get({ publicKey: {} })', ['passkey', 'logout']],
    ['create({ publicKey: {} }).catch(() => undefined)', ['passkey', 'logout']],
    ['get({ publicKey: {}, mediation: "conditional" })', ['logout']],
    ['get({ password: true })', ['logout']],
    ['get()', ['logout']],
  ])('hears of the browser being asked for a passkey, and of nothing else: %s (A24)', async (call, kinds) => {
    await giveCredentials(FAKE);
    await load(`navigator.credentials.${call};`);
    expect(news.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('passes the answer on, or the error', async () => {
    await giveCredentials(FAKE);
    await load();
    const answers = await page.evaluate(`Promise.all([
      navigator.credentials.get({ publicKey: { rpId: 'x' } }),
      navigator.credentials.create({ publicKey: {} }).catch((error) => error.message),
    ])`);
    expect(answers).toEqual([[true, { publicKey: { rpId: 'x' } }], 'cancelled']);
  });

  it.each([
    ['no such thing', 'undefined'],
    ['one without its calls', '{}'],
    ['one that cannot be changed', 'Object.freeze({ get() {}, create() {} })'],
  ])('leaves a page alone that has %s', async (_title, expression) => {
    await giveCredentials(expression);
    await load('window.ran = true;');
    expect(await page.evaluate('window.ran')).toBe(true);
    expect(news.map(({ kind }) => kind)).toEqual(['logout']);
  });
});

describe('what happens to messages', () => {
  const kinds = () => packs.map((pack) => pack.map(({ kind }) => kind));

  /** Tells of messages and acks, one after another: 'ours', 'theirs', or the ack of ours. */
  async function tell(...what: readonly ('ours' | 'theirs' | number)[]): Promise<void> {
    await page.evaluate((each) => {
      for (const one of each) {
        const message = { id: { id: 'A1', fromMe: one !== 'theirs' }, type: 'chat' };
        window.switchboard?.tell(
          typeof one === 'number' ? { kind: 'ack', message, ack: one } : { kind: 'message', message },
        );
      }
    }, what);
  }

  beforeEach(async () => {
    await load();
    packs = [];
  });

  it('is told together where it becomes of a message of ours', async () => {
    // Each in a task of its own, and all within the page: on a busy machine a trip from here takes longer than it waits.
    await page.evaluate(async () => {
      const message = { id: { id: 'A1', fromMe: true }, type: 'chat' };
      const happenings = [{ kind: 'message' }, { kind: 'ack', ack: 1 }, { kind: 'ack', ack: 2 }] as const;
      for (const happening of happenings) {
        window.switchboard?.tell({ ...happening, message });
        await new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = resolve;
          port2.postMessage(null);
        });
      }
    });
    await expect.poll(kinds).toEqual([['message', 'ack', 'ack']]);
  });

  it('is told at once where somebody else says something, behind what was before it', async () => {
    await tell('ours', 1, 'theirs');
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 0)));
    expect(kinds()).toEqual([['message', 'ack', 'message']]);
  });

  it('is told at once where it is as much as one pack holds', async () => {
    await tell(...Array<number>(100).fill(1));
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 0)));
    expect(packs.map(({ length }) => length)).toEqual([100]);
  });
});

describe('a dialog that speaks of a passkey (A24)', () => {
  it.each([
    ['<div role="dialog">Use your passkey to link this device</div>', true],
    ['<dialog open>Confirm with a Pass-Key</dialog>', true],
    ['<div role="alertdialog" data-testid="confirm-passkey">Bestätigen</div>', true],
    ['<div aria-modal="true" id="link-PassKey-popup">Bestätigen</div>', true],
    ['<div role="dialog" aria-label="Passkey">…</div>', true],
    ['<div role="dialog" style="display:none">Use your passkey</div>', false],
    ['<dialog>Use your passkey</dialog>', false],
    ['<div role="dialog">What’s new on WhatsApp Web</div>', false],
    ['<p>Passkeys are safer</p><button data-testid="passkey-settings">Passkey</button>', false],
  ])('is seen in %s: %s', async (body, seen) => {
    await load('', body);
    expect(await page.evaluate(showsPasskeyDialog)).toBe(seen);
  });
});

describe('a page that speaks of a passkey (A24)', () => {
  it.each([
    ['<p>Use your Passkey to link</p>', true],
    ['<section><h2>Use sua chave de acesso</h2></section>', true],
    ['<meta charset="utf-8"><p>パスキーを使用してください</p>', true],
    ['<button data-testid="link-passkey-confirm">Bestätigen</button>', true],
    ['<a href="https://faq.whatsapp.com/webauthn">?</a>', true],
    ['<p hidden>Use your passkey</p><i hidden data-icon="passkey">x</i>', false],
    ['<script>const passkey = 1;</script><p>Log in with your key</p>', false],
  ])('is seen in %s: %s', async (body, seen) => {
    await load('', body);
    expect(await page.evaluate(mentionsPasskey)).toBe(seen);
  });
});

describe('the code of the page (A1)', () => {
  const NAMES = [
    'WAWebConnModel',
    'WAWebOfflineHandler',
    'WAWebAltDeviceLinkingApi',
    'WABase64',
    'WAWebCompanionRegClientUtils',
    'WAWebAdvSignatureApi',
    'WAWebUserPrefsInfoStore',
    'WAWebSignalStoreApi',
    'WAWebUserPrefsMultiDevice',
  ];
  const VERSION = "window.Debug = { VERSION: '2.3000.1' };";
  const REQUIRE = `
    const on = () => undefined;
    const modules = { WAWebSocketModel: { Socket: { on } }, WAWebCmd: { Cmd: { on } } };
    window.asked = 0;
    window.require = (name) => {
      window.asked += 1;
      if (name in modules) return modules[name];
      throw new Error('Requiring unknown module "' + name + '"');
    };
    window.register = (name) => Object.assign(modules, { [name]: { Conn: {} } });`;
  const isThere = (graceMs = 60_000) => page.evaluate(hasPageCode, graceMs);
  const register = (...names: string[]) => page.evaluate(`${JSON.stringify(names)}.forEach(window.register)`);

  it('is not there before its version, and a way to ask for modules', async () => {
    await load(REQUIRE);
    await register(...NAMES);
    expect(await isThere()).toBe(false);
    await page.evaluate(VERSION);
    expect(await isThere()).toBe(true);
    await page.evaluate('delete window.require');
    expect(await isThere()).toBe(false);
  });

  it.each(NAMES)('is not there before it has registered %s', async (late) => {
    await load(VERSION + REQUIRE);
    await register(...NAMES.filter((name) => name !== late));
    expect(await isThere()).toBe(false);
    await register(late);
    expect(await isThere()).toBe(true);
  });

  it('is asked for no module before the page has loaded, unless that takes too long', async () => {
    await load(VERSION + REQUIRE);
    await register(...NAMES);
    await page.evaluate("Object.defineProperty(document, 'readyState', { value: 'interactive' })");
    expect([await isThere(), await page.evaluate('window.asked')]).toEqual([false, 0]);
    expect(await isThere(0)).toBe(true);
  });
});

describe("the device's name", () => {
  it('takes the place of the system in what the page says of itself', async () => {
    await load(
      `const utils = { info: () => ({ os: 'Linux', name: 'Chrome' }) }; window.require = () => utils;`,
    );
    await page.evaluate(nameDevice, 'Switchboard (Shop)');
    const info = await page.evaluate(() => window.require('WAWebMiscBrowserUtils').info());
    expect(info).toEqual({ os: 'Switchboard (Shop)', name: 'Chrome' });
  });

  it.each(['', 'window.require = () => ({});', 'window.require = () => { throw new Error("none"); };'])(
    'is no reason not to start in a page that has no such part: %j',
    async (script) => {
      await load(script);
      await page.evaluate(nameDevice, 'Switchboard');
      expect(await page.evaluate('try { typeof window.require().info } catch { "undefined" }')).toBe(
        'undefined',
      );
    },
  );
});
