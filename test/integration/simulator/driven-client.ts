import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import wwebjs, { type Client, type ClientOptions, type Message } from 'whatsapp-web.js';
import { findMachineBrowser } from '../../../scripts/machine-browser.ts';
import type { Phone, Simulator } from '../../../simulator/client.ts';

const EVENTS = [
  ...['qr', 'code', 'authenticated', 'auth_failure', 'ready', 'change_state', 'disconnected', 'message'],
  ...['message_create', 'message_ack', 'message_edit', 'message_revoke_everyone', 'message_reaction'],
  ...[
    'message_ciphertext',
    'media_uploaded',
    'vote_update',
    'group_join',
    'group_leave',
    'group_update',
    'loading_screen',
  ],
] as const;
/** `handler` is told by a handler of bare-program.ts. */
type EventName = (typeof EVENTS)[number] | 'handler';
type Recorded = { readonly name: EventName; readonly args: readonly unknown[] };

const WAIT_MS = 15_000;

/** Every event of a client from its making on, and a way to wait for one that came or will come. */
export class EventLog {
  readonly #recorded: Recorded[] = [];
  readonly #watchers = new Set<(event: Recorded) => void>();

  record(event: Recorded): void {
    this.#recorded.push(event);
    for (const watch of [...this.#watchers]) watch(event);
  }

  of(name: EventName): readonly (readonly unknown[])[] {
    return this.#recorded.filter((event) => event.name === name).map(({ args }) => args);
  }

  /** The texts of all `message` events, in order. */
  texts(): string[] {
    return this.of('message').map(([message]) => (message as Message).body);
  }

  /** The arguments of the first such event that passes the test, be it past or to come. */
  when(name: EventName, test: (...args: never[]) => boolean = () => true): Promise<readonly unknown[]> {
    const fits = (event: Recorded) => event.name === name && test(...(event.args as never[]));
    const past = this.#recorded.find(fits);
    if (past) return Promise.resolve(past.args);
    return new Promise((resolve, reject) => {
      const names = this.#recorded.map((event) => event.name).join(' ');
      const timer = setTimeout(() => {
        this.#watchers.delete(watch);
        reject(new Error(`no event ${name} within ${WAIT_MS} ms; seen: ${names}`));
      }, WAIT_MS);
      const watch = (event: Recorded) => {
        if (!fits(event)) return;
        clearTimeout(timer);
        this.#watchers.delete(watch);
        resolve(event.args);
      };
      this.#watchers.add(watch);
    });
  }

  /** The message of the first `message` event with that text. */
  async message(text: string): Promise<Message> {
    const [message] = await this.when('message', (each: Message) => each.body === text);
    return message as Message;
  }
}

/** A profile folder that several clients use one after another. */
export class Profile implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(): Promise<Profile> {
    return new Profile(await mkdtemp(join(tmpdir(), 'simulator-profile-')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A Chromium that takes the simulator for WhatsApp, and leaves what it leaves beside the profile. */
export function puppeteerOptions(
  simulator: Simulator,
  profile: Profile,
  protocolTimeout = 10_000,
): NonNullable<ClientOptions['puppeteer']> {
  return {
    ...findMachineBrowser(),
    args: ['--no-sandbox', ...simulator.chromeArgs],
    protocolTimeout,
    env: { ...process.env, TMPDIR: profile.path },
  };
}

/** The library as it is, in a Chromium that takes the simulator for WhatsApp. Disposing closes the browser. */
export class DrivenClient implements AsyncDisposable {
  readonly client: Client;
  readonly events = new EventLog();
  readonly #injections: Promise<unknown>[] = [];
  #injectionBegun = Promise.withResolvers<void>();

  constructor(simulator: Simulator, profile: Profile, options: Partial<ClientOptions> = {}) {
    this.client = new wwebjs.Client({
      authStrategy: new wwebjs.LocalAuth({ dataPath: profile.path }),
      webVersionCache: { type: 'none' },
      authTimeoutMs: 5000,
      puppeteer: puppeteerOptions(simulator, profile),
      ...options,
    });
    // Watched, not changed: a test must not close the browser under an injection that nobody awaits (F20).
    const inner = this.client as unknown as { inject(): Promise<void>; initWebVersionCache(): Promise<void> };
    const inject = inner.inject.bind(inner);
    inner.inject = () => {
      const injection = inject();
      this.#injections.push(injection);
      this.#injectionBegun.resolve();
      this.#injectionBegun = Promise.withResolvers();
      return injection;
    };
    // Without a cache it would only read the document's text, in a handler that nobody awaits and that fails with
    // the page (A3).
    inner.initWebVersionCache = async () => undefined;
    for (const name of EVENTS) {
      this.client.on(name as 'ready', (...args: unknown[]) => this.events.record({ name, args }));
    }
  }

  /** Links by QR and waits until it is ready. */
  async link(phone: Phone): Promise<this> {
    void this.events.when('qr').then(([qr]) => phone.scan(String(qr)));
    return this.start();
  }

  /** Waits until it is ready; the profile must be linked. */
  async start(): Promise<this> {
    await this.client.initialize();
    await this.events.when('ready');
    return this;
  }

  /** How many injections have begun. */
  get injections(): number {
    return this.#injections.length;
  }

  /** Resolves when so many injections have begun, and all that have are through. */
  async injected(count = 1): Promise<void> {
    while (this.#injections.length < count) await this.#injectionBegun.promise;
    await Promise.allSettled(this.#injections);
  }

  /** Runs an expression in the page. */
  evaluate(expression: string): Promise<unknown> {
    const page = this.client.pupPage;
    if (!page) throw new Error('the client has no page');
    return page.evaluate(expression);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.destroy();
  }
}

/** A message id in either dialect. */
export function serializedId(message: Message): string {
  const id = message.id as { _serialized?: string; $1?: string };
  return id._serialized ?? id.$1 ?? '';
}
