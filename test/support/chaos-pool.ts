import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiAccount, ApiMessage } from '../../scripts/daemon-api.ts';
import type { Phone } from '../../simulator/client.ts';
import type { JudgedAccount } from './ground-truth.ts';
import { PROMISED_MS, untilFound } from './patient-look.ts';
import { listBrowsers, listProcesses, listProcessesOf, listTree, type ProcessEntry } from './process-tree.ts';
import { openSmallDisk, type SmallDisk } from './small-disk.ts';
import { openStage, type Stage } from './stage.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** A linked account and the phone that owns its number. */
export interface ChaosAccount extends JudgedAccount {
  readonly logouts: Date[];
}

interface ApiAccountState extends ApiAccount {
  readonly since: string;
}

/** A connection as it was at one moment: the same as long as nothing has touched the session. */
export interface Undisturbed {
  readonly state: string;
  readonly since: string;
  readonly browsers: readonly number[];
}

/** A pool of connected sessions on a daemon whose clock can be set and whose disk can be filled. */
export class ChaosPool implements AsyncDisposable {
  readonly stage: Stage;
  readonly disk: SmallDisk;
  readonly accounts: ChaosAccount[] = [];
  /** Writes to the accounts and is written to by them, so that it can be seen that messages go through. */
  readonly prober: Phone;
  readonly #preloads: string;
  readonly #resources: AsyncDisposableStack;
  #probes = 0;
  #questions = 0;

  private constructor(
    parts: { stage: Stage; disk: SmallDisk; prober: Phone; preloads: string },
    resources: AsyncDisposableStack,
  ) {
    this.stage = parts.stage;
    this.disk = parts.disk;
    this.prober = parts.prober;
    this.#preloads = parts.preloads;
    this.#resources = resources;
  }

  /** Opens a pool of so many accounts, all connected. */
  static async open(accounts: number): Promise<ChaosPool> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await openTemporaryFolder()).path;
    const preloads = join(folder, 'preloads');
    mkdirSync(preloads);
    const disk = stack.use(openSmallDisk(join(folder, 'live')));
    const imports = ['clock-step.ts', 'inside-figures.ts'].map((name) => {
      const url = new URL(name, import.meta.url);
      url.searchParams.set('folder', preloads);
      return `--import=${url.href}`;
    });
    const stage = stack.use(
      await openStage({
        env: {
          NODE_OPTIONS: imports.join(' '),
          WHATSAPP_RUNTIME_PATH: disk.path,
          WHATSAPP_DAILY_LIMIT: '1000000',
          API_RATE_LIMIT: '0',
        },
      }),
    );
    const prober = await stage.world.phone('prober');
    const pool = new ChaosPool({ stage, disk, prober, preloads }, stack.move());
    for (let n = 0; n < accounts; n += 1) {
      const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
      pool.accounts.push({ accountId: await stage.link(phone), phone, logouts: [] });
    }
    return pool;
  }

  /** Resolves once a new message has gone through in each direction and the account says that it is connected. */
  async carriesBothWays(account: ChaosAccount): Promise<void> {
    this.#probes += 1;
    const text = `probe ${this.#probes}`;
    await Promise.all([this.#carriesIn(account, text), this.#carriesOut(account, text)]);
    await this.state(account, 'connected');
  }

  /** Resolves with the account once it is in that state, for that reason if one is given. */
  state({ accountId }: ChaosAccount, state: string, reason?: string): Promise<ApiAccountState> {
    return untilFound(`${state} of ${accountId}`, async () => {
      const account = await this.#account(accountId);
      if (account.state !== state) return undefined;
      return reason === undefined || account.reason?.code === reason ? account : undefined;
    });
  }

  /** Resolves with the account once it is in any other state. */
  stateOtherThan({ accountId }: ChaosAccount, state: string): Promise<ApiAccountState> {
    return untilFound(`A state other than ${state} of ${accountId}`, async () => {
      const account = await this.#account(accountId);
      return account.state === state ? undefined : account;
    });
  }

  /** What a user does who reads what is asked of them: reconnects the account and, where a QR is shown, scans it. */
  async mend(account: ChaosAccount, { scan }: { readonly scan: boolean }): Promise<void> {
    await this.stage.api.call('POST', `/reconnect/${account.accountId}`);
    if (scan) await account.phone.scan(await this.stage.api.qr(account.accountId));
    await this.stateOtherThan(account, 'needs_human');
  }

  async undisturbed(account: ChaosAccount): Promise<Undisturbed> {
    const { state, since } = await untilFound('The account', () => this.#account(account.accountId));
    return { state, since, browsers: this.browsersOf(account) };
  }

  browsersOf({ accountId }: ChaosAccount): number[] {
    const profile = `/session-${accountId} `;
    const browsers = listBrowsers(join(this.disk.path, '/'));
    return browsers.filter(({ commandLine }) => commandLine.includes(profile)).map(({ pid }) => pid);
  }

  /** Every process of every browser. */
  browserTrees(): number[] {
    return this.accounts.flatMap((account) =>
      this.browsersOf(account).flatMap((browser) => listTree(browser).map(({ pid }) => pid)),
    );
  }

  /**
   * Processes of this pool's browsers, of this daemon or of one before it, that hang under no browser that runs: a helper
   * which outlived its browser has lost its parent and need not name the profile, but keeps the environment it was given.
   */
  strayHelpers(): ProcessEntry[] {
    const marked = listProcessesOf([`DATA_PATH=${this.stage.folder}/data`, 'SWITCHBOARD_RUN=']);
    const owned = this.browserTrees();
    const living = new Map(listProcesses().map((entry) => [entry.pid, entry]));
    const isLiving = (pid: number) => living.get(pid)?.zombie === false;
    const unmarked = this.accounts
      .flatMap((account) => this.browsersOf(account))
      .filter((pid) => !marked.some((entry) => entry.pid === pid));
    if (unmarked.some(isLiving))
      throw new Error('Browsers do not bear the mark by which their helpers are found.');
    // What a whole Chromium has for its crashes hangs under nothing by design, and ends with the browser of its profile.
    const open = this.accounts.filter((account) => this.browsersOf(account).length > 0);
    const handles = ({ commandLine }: ProcessEntry) =>
      open.some(({ accountId }) => commandLine.includes(`/session-${accountId}/Crash Reports`));
    // One that ended between the two looks hangs under nothing either.
    return marked.filter((entry) => !owned.includes(entry.pid) && !handles(entry) && isLiving(entry.pid));
  }

  /** Every process that was started for this pool's daemon, whatever it is: also the daemon, its stores and its guard. */
  processes(): ProcessEntry[] {
    return listProcessesOf([`DATA_PATH=${this.stage.folder}/data`]);
  }

  renderersOf(account: ChaosAccount): number[] {
    return this.browsersOf(account)
      .flatMap(listTree)
      .filter(({ commandLine }) => commandLine.includes('--type=renderer'))
      .map(({ pid }) => pid);
  }

  /** Sets the daemon's wall clock off by so much; resolves when it has taken that over. */
  async setClock(offsetMs: number): Promise<void> {
    const taken = join(this.#preloads, `clock-${this.stage.daemon().pid}`);
    writeFileSync(join(this.#preloads, 'clock'), String(offsetMs));
    await untilFound('The step of the clock', async () => {
      if (!existsSync(taken)) return undefined;
      return readFileSync(taken, 'utf8') === String(offsetMs) || undefined;
    });
  }

  /** The answer of the daemon's preloaded inside-figures. */
  async insideFigures<T>(): Promise<T> {
    this.#questions += 1;
    const answer = join(this.#preloads, `figures-${this.#questions}`);
    writeFileSync(join(this.#preloads, 'ask'), `${this.stage.daemon().pid} ${this.#questions}`);
    return untilFound('The figures of the daemon', async () =>
      existsSync(answer) ? (JSON.parse(readFileSync(answer, 'utf8')) as T) : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #account(accountId: string): Promise<ApiAccountState> {
    return this.stage.api.account(accountId) as Promise<ApiAccountState>;
  }

  async #carriesIn({ accountId, phone }: ChaosAccount, text: string): Promise<void> {
    await this.prober.send(phone, text);
    const chat = `/accounts/${accountId}/messages?limit=20&phoneNumber=${encodeURIComponent(`+${this.prober.number}`)}`;
    await untilFound(`${text} to ${phone.name}`, async () => {
      const messages = await this.stage.api.call<ApiMessage[]>('GET', chat);
      return messages.find((message) => message.direction === 'incoming' && message.text === text);
    });
  }

  async #carriesOut({ accountId, phone }: ChaosAccount, text: string): Promise<void> {
    const own = `${text} from ${phone.name}`;
    const message = { to: `+${this.prober.number}`, text: own };
    await untilFound(`The acceptance of ${own}`, () => this.stage.api.send(accountId, message, own));
    await this.stage.world.waitFor({ message: { from: phone.name, text: own } }, { timeoutMs: PROMISED_MS });
  }
}
