import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { findMachineBrowser } from '../../scripts/machine-browser.ts';
import type { Phone, Simulator } from '../../simulator/client.ts';
import { orAborted } from '../../src/lib/abort.ts';
import type { Contender } from './contender.ts';
import type { LibraryNews, LibraryOrder, LibrarySettings } from './library-program.ts';

const PROGRAM = fileURLToPath(new URL('library-program.ts', import.meta.url));

type News<K extends LibraryNews['kind']> = Extract<LibraryNews, { kind: K }>;

/** The library alone, as its README has it: what is heard by a `message` handler has arrived. */
export class LibraryContender implements Contender {
  readonly name = "the library's README example";
  readonly phones: readonly Phone[];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #news = new EventEmitter();
  readonly #ended: Promise<unknown>;

  private constructor(phones: readonly Phone[], settings: LibrarySettings) {
    this.phones = phones;
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const complaints = text(this.#child.stderr);
    this.#ended = once(this.#child, 'close').then(async ([code]) => {
      if (code !== 0) this.#news.emit('error', new Error(`The library ended: ${await complaints}`));
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const news = JSON.parse(line) as LibraryNews;
      this.#news.emit(news.kind, news);
    });
    // Whoever waits for news rejects with it; nobody does while it rests.
    this.#news.on('error', () => undefined);
    this.#news.setMaxListeners(0);
  }

  /** Links each phone with a browser and a client of its own. */
  static async open(
    simulator: Simulator,
    phones: readonly Phone[],
    { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
  ): Promise<LibraryContender> {
    const contender = new LibraryContender(phones, {
      accounts: phones.length,
      puppeteer: {
        ...findMachineBrowser(),
        args: ['--no-sandbox', ...simulator.chromeArgs],
        env: { ...process.env, TMPDIR: folder },
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
      },
    });
    try {
      await contender.#link(signal);
    } catch (thrown) {
      await contender[Symbol.asyncDispose]();
      throw thrown;
    }
    return contender;
  }

  async #link(signal: AbortSignal): Promise<void> {
    const ready = this.phones.map((_, account) => this.#when('ready', (news) => news.account === account));
    this.#news.on('qr', ({ account, qr }: News<'qr'>) => {
      // An older QR may come while the phone is being linked by it.
      this.phones[account]?.scan(qr).catch(() => undefined);
    });
    this.#order({ do: 'start' });
    await orAborted(Promise.all(ready), signal);
  }

  /** Whether the library hears of the numbers of unread messages, as it does by itself. */
  async hearUnread(isOn: boolean): Promise<void> {
    await this.#do({ do: 'unread', isOn });
  }

  async awaitBurst(lists: readonly (readonly string[])[]) {
    const heard = await this.#expect(lists.flat().length);
    return { arrived: heard.news.then(({ last }) => last) };
  }

  async awaitEach(count: number) {
    const heard = await this.#expect(count);
    return { arrived: heard.news.then(({ at }) => new Map(Object.entries(at))) };
  }

  async send(account: number, to: Phone, words: string) {
    const sent = this.#when('sent', (news) => news.account === account);
    this.#order({ do: 'send', account, to: to.jid, text: words });
    const { calledAt, answeredAt } = await sent;
    return { calledAt, answeredAt };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  async #expect(count: number): Promise<{ news: Promise<News<'heard'>> }> {
    const news = this.#when('heard');
    // It may reject before anybody waits for it.
    news.catch(() => undefined);
    await this.#do({ do: 'expect', count });
    return { news };
  }

  async #do(order: LibraryOrder): Promise<void> {
    const done = this.#when('done');
    this.#order(order);
    await done;
  }

  #order(order: LibraryOrder): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** The next such news that fits; rejects if the library ends before. */
  #when<K extends LibraryNews['kind']>(
    kind: K,
    fits: (news: News<K>) => boolean = () => true,
  ): Promise<News<K>> {
    return new Promise((resolve, reject) => {
      const end = () => void this.#news.off(kind, hear).off('error', fail);
      const hear = (news: News<K>) => {
        if (!fits(news)) return;
        end();
        resolve(news);
      };
      const fail = (error: Error) => {
        end();
        reject(error);
      };
      this.#news.on(kind, hear).on('error', fail);
    });
  }
}
