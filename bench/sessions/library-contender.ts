import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Simulator } from '../../simulator/client.ts';
import type { Browser } from '../../src/channels/whatsapp-web/browser.ts';
import { orAborted } from '../../src/lib/abort.ts';
import type { Contender, Restored } from './contender.ts';
import { readStoredSize } from './file-memory.ts';
import { probeEnvironment, readHeap } from './heap-reading.ts';
import type { LibraryAnswer, LibraryOrder, LibrarySettings } from './library-program.ts';

const PROGRAM = fileURLToPath(new URL('library-program.ts', import.meta.url));

export interface LibraryDeps {
  readonly simulator: Simulator;
  readonly folder: string;
  readonly browser: Browser;
  readonly signal: AbortSignal;
}

/** The library alone, as its README has it, with a browser and a `Client` for each session, all in one process. */
export class LibraryContender implements Contender {
  readonly name = "the library's README example";
  readonly phonePrefix = 'library';
  readonly #deps: LibraryDeps;
  readonly #child: ChildProcess;
  /** Rejects when the process has ended. */
  readonly #failed: Promise<never>;
  readonly #dataPath: string;
  readonly #heapFile: string;
  #sessions = 0;

  constructor(deps: LibraryDeps) {
    const { folder, browser, simulator } = deps;
    this.#deps = deps;
    this.#dataPath = join(folder, 'library');
    this.#heapFile = join(folder, 'library-heap');
    const isRoot = process.getuid?.() === 0;
    const settings: LibrarySettings = {
      dataPath: this.#dataPath,
      puppeteer: { ...browser, args: [...(isRoot ? ['--no-sandbox'] : []), ...simulator.chromeArgs] },
    };
    this.#child = fork(PROGRAM, [JSON.stringify(settings)], {
      env: { ...process.env, TMPDIR: folder, ...probeEnvironment(this.#heapFile) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#failed = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`The library ended with code ${code}.`);
    });
    // Whoever waits for an answer hears it; nobody does while it rests.
    this.#failed.catch(() => undefined);
  }

  get pids(): readonly number[] {
    return [this.#pid];
  }

  get #pid(): number {
    return this.#child.pid ?? 0;
  }

  async link(): Promise<number> {
    const session = this.#sessions;
    this.#sessions += 1;
    const phone = await this.#deps.simulator.world.phone(`${this.phonePrefix}-${session}`);
    const { tookMs, qr } = await this.#order({ do: 'launch', session, until: 'qr' });
    await phone.scan(qr ?? '');
    await this.#order({ do: 'await-ready', session });
    return tookMs;
  }

  readHeap(): Promise<number> {
    return readHeap(this.#pid, this.#heapFile);
  }

  async keepOne(): Promise<void> {
    for (let session = 1; session < this.#sessions; session += 1) await this.#order({ do: 'close', session });
  }

  async restore(): Promise<Restored> {
    await this.#order({ do: 'close', session: 0 });
    const storedBytes = await readStoredSize(join(this.#dataPath, 'session-session-0'));
    const { tookMs } = await this.#order({ do: 'launch', session: 0, until: 'ready' });
    return { readyMs: tookMs, storedBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#failed.catch(() => undefined);
  }

  /** One at a time. */
  async #order(order: LibraryOrder): Promise<LibraryAnswer> {
    const answered = new Promise<LibraryAnswer>((resolve) =>
      this.#child.once('message', resolve as () => void),
    );
    this.#child.send(order);
    return await orAborted(Promise.race([answered, this.#failed]), this.#deps.signal);
  }
}
