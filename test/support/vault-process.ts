import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { VaultStep } from '../../src/vault/vault-step.ts';
import type { VaultNews, VaultOrder } from './vault-program.ts';
import type { VaultPlaces } from './vault-stage.ts';

const PROGRAM = fileURLToPath(new URL('vault-program.ts', import.meta.url));

/** The vault of one account in a process of its own, which can be killed. Disposing kills it. */
export class VaultProcess implements AsyncDisposable {
  readonly pid: number;
  /** The last text that `cycle` has stored for certain. */
  stored = '0';
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<NodeJS.Signals | null>;
  #steps: VaultStep[] = [];
  #order = Promise.withResolvers<void>();
  #firstStored = Promise.withResolvers<void>();

  constructor(places: VaultPlaces) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(places)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.pid = this.#child.pid ?? 0;
    let words = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line)));
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      const error = new Error(`The program ended with ${signal ?? code}: ${words}`);
      this.#order.reject(error);
      this.#firstStored.reject(error);
      return signal;
    });
    // Each is waited for by one kind of test alone.
    for (const { promise } of [this.#order, this.#firstStored]) promise.catch(() => undefined);
  }

  /** Resolves with the steps that it took. */
  async call(order: VaultOrder): Promise<readonly VaultStep[]> {
    await this.#begin(order);
    return this.#steps;
  }

  /** Resolves once it has killed itself at that step; rejects if it never came there. */
  async dies(order: VaultOrder & { readonly dieAt: VaultStep }): Promise<void> {
    const outcome = await Promise.race([this.#begin(order).then(() => 'done'), this.#ended]);
    if (outcome !== 'SIGKILL') throw new Error(`It never came to ${order.dieAt}: ${this.#steps.join(', ')}`);
  }

  /** Lets it work without an end; resolves when it has stored something. */
  async cycles(): Promise<void> {
    this.#begin({ do: 'cycle' }).catch(() => undefined);
    await this.#firstStored.promise;
  }

  /** SIGKILL; resolves when it is gone and all that it said was heard. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #begin(order: VaultOrder): Promise<void> {
    this.#steps = [];
    this.#order = Promise.withResolvers();
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#order.promise;
  }

  #hear(news: VaultNews): void {
    if (news.kind === 'step') this.#steps.push(news.step);
    else if (news.kind === 'failed') this.#order.reject(new Error(news.error));
    else if (news.kind === 'done') this.#order.resolve();
    else {
      this.stored = news.text;
      this.#firstStored.resolve();
    }
  }
}
