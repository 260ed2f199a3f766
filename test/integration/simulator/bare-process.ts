import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ClientOptions } from 'whatsapp-web.js';
import type { Phone, Simulator } from '../../../simulator/client.ts';
import { findBareBrowser, killBareBrowser } from '../../support/process-tree.ts';
import type { BareCall, BareNews, BareOrder, BareSettings } from './bare-program.ts';
import { EventLog, type Profile, puppeteerOptions } from './driven-client.ts';

const PROGRAM = fileURLToPath(new URL('bare-program.ts', import.meta.url));

interface BareOptions
  extends Partial<Pick<ClientOptions, 'authTimeoutMs' | 'webVersionCache' | 'pairWithPhoneNumber'>> {
  readonly takeoverOnConflict?: boolean;
  readonly takeoverTimeoutMs?: number;
  readonly executablePath?: string;
  /** Where the program runs. */
  readonly cwd?: string;
}

/** How a program ended: its exit code or the signal, and what it wrote last. */
export interface BareEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly words: string;
}

/**
 * The library in a Node process of its own, which ends at what nobody catches. Disposing kills the process and
 * whatever it leaves.
 */
export class BareProcess implements AsyncDisposable {
  readonly events = new EventLog();
  readonly ended: Promise<BareEnd>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #profilePath: string;
  readonly #orders = new Map<
    number,
    { begun: PromiseWithResolvers<void>; over: PromiseWithResolvers<void> }
  >();

  constructor(simulator: Simulator, profile: Profile, settings: BareOptions = {}) {
    const { cwd, executablePath, ...options } = settings;
    this.#profilePath = join(profile.path, 'session');
    const given: BareSettings = {
      dataPath: profile.path,
      options: {
        webVersionCache: { type: 'none' },
        authTimeoutMs: 5_000,
        puppeteer: {
          ...puppeteerOptions(simulator, profile),
          ...(executablePath === undefined ? {} : { executablePath }),
        },
        ...options,
      },
    };
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(given)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    let words = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      const error = new Error(`the program ended with ${signal ?? code}: ${words}`);
      for (const { begun, over } of this.#orders.values()) {
        begun.reject(error);
        over.reject(error);
      }
      return { code, signal, words };
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)));
  }

  /** Resolves when the library has done it; rejects with what it threw. With `on`, once that event has come. */
  async call(call: BareCall & { readonly on?: string }): Promise<void> {
    await this.#order(call).over.promise;
  }

  /** Resolves when the library has begun to do it. What comes of it is not waited for. */
  async begin(call: BareCall & { readonly on?: string }): Promise<void> {
    await this.#order(call).begun.promise;
  }

  async ready(): Promise<this> {
    await this.call({ do: 'initialize' });
    await this.events.when('ready');
    return this;
  }

  async link(phone: Phone): Promise<this> {
    await this.call({ do: 'initialize' });
    const [qr] = await this.events.when('qr');
    await phone.scan(String(qr));
    await this.events.when('ready');
    return this;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Living processes of the browser. */
  browsers(): number[] {
    return findBareBrowser(this.#profilePath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.ended;
    await killBareBrowser(this.#profilePath);
  }

  #order(call: BareCall & { readonly on?: string }) {
    const order: BareOrder = { ...call, id: this.#orders.size };
    const made = { begun: Promise.withResolvers<void>(), over: Promise.withResolvers<void>() };
    // Which of the two is waited for is the caller's choice.
    for (const { promise } of [made.begun, made.over]) promise.catch(() => undefined);
    this.#orders.set(order.id, made);
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    return made;
  }

  #hear(news: BareNews): void {
    if (news.kind === 'event') {
      this.events.record({ name: news.name as 'ready', args: news.args });
      return;
    }
    const order = this.#orders.get(news.id);
    if (news.kind === 'failed') order?.over.reject(new Error(news.error));
    else if (news.kind === 'done') order?.over.resolve();
    else order?.begun.resolve();
  }
}
