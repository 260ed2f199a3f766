import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ConnectedSession } from '../../src/channels/channel.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { MessageStep } from '../../src/messages/message-step.ts';
import type { SendNews, SendOrder, SendPlaces } from './send-program.ts';

const PROGRAM = fileURLToPath(new URL('send-program.ts', import.meta.url));

/** The sender of one account in a process of its own, which can be killed; its page lives on. Disposing kills it. */
export class SendProcess implements AsyncDisposable {
  readonly steps: MessageStep[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #page: ConnectedSession;
  readonly #ended: Promise<string>;
  #news = Promise.withResolvers<SendNews>();

  constructor(places: SendPlaces, page: ConnectedSession) {
    this.#page = page;
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(places)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let words = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    // It may die before it has read everything.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => void this.#hear(JSON.parse(line)));
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#news.promise.catch(() => undefined);
      this.#news.reject(new Error(`The program ended with ${signal ?? code}: ${words}`));
      return signal ?? `${code}: ${words}`;
    });
  }

  /** Resolves with why it was not accepted, or null once it was. */
  async accept(to: string, text: string): Promise<string | null> {
    const news = await this.#order({ do: 'accept', to, text, key: `key of ${text}` });
    return news.kind === 'refused' ? news.code : null;
  }

  /** Resolves when there is nothing left to do. */
  async settles(): Promise<void> {
    await this.#order({ do: 'look' });
  }

  /** Has it accept messages; resolves once it has killed itself on their way. */
  async dies(to: string, texts: readonly string[]): Promise<void> {
    for (const text of texts) this.#tell({ do: 'accept', to, text, key: `key of ${text}` });
    const end = await this.#ended;
    if (end !== 'SIGKILL') throw new Error(`It did not die where it should: ${end}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #order(order: SendOrder): Promise<SendNews> {
    this.#news = Promise.withResolvers();
    this.#tell(order);
    return this.#news.promise;
  }

  #tell(order: SendOrder): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  async #hear(news: SendNews): Promise<void> {
    if (news.kind === 'step') this.steps.push(news.step);
    else if (news.kind === 'ask') this.#tell(await this.#answer(news));
    else this.#news.resolve(news);
  }

  async #answer({ id, method, args }: Extract<SendNews, { kind: 'ask' }>): Promise<SendOrder> {
    try {
      const ask = this.#page[method].bind(this.#page) as (...args: unknown[]) => Promise<unknown>;
      return { do: 'answer', id, value: await ask(...args) };
    } catch (thrown) {
      return { do: 'answer', id, code: thrown instanceof AppError ? thrown.code : 'SESSION_FAULT' };
    }
  }
}
