import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PhoneView, Truth } from './control-actions.ts';
import type { Bodies } from './control-schema.ts';
import type { Condition } from './network/conditions.ts';
import type { FaultSpec, FaultView } from './network/faults.ts';
import type { CarriedMessage } from './network/ledger.ts';
import type { WorldSettings } from './network/settings.ts';
import type { GroupInfo } from './protocol.ts';

export type { CarriedMessage, Condition, FaultSpec, FaultView, GroupInfo, PhoneView, Truth, WorldSettings };

export type Content = Bodies['message']['content'];
type Media = NonNullable<Content['media']>;
export type MediaInput = Omit<Media, 'data'> & { readonly data: Buffer | string };
export type SendExtras = Pick<Content, 'quoted' | 'mentions' | 'forwarded'> & {
  readonly id?: string;
  readonly t?: number;
};
type PhoneOptions = Omit<Bodies['phone'], 'name'>;
type PageAction = Bodies['action'];

/** Whoever can be written to: a phone, a group, or either's name. */
export type Target = string | Phone | GroupInfo;

const DEFAULT_WAIT_MS = 20_000;

/** The control API answered with an error; `status` and the text are its. */
export class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
  }
}

class Control {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '');
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new ControlError(response.status, answer.error ?? response.statusText);
    return answer;
  }
}

function nameOf(target: Target): string {
  if (typeof target === 'string') return target;
  return target instanceof Phone ? target.name : target.id;
}

/** A phone of the world, in a test's hand. */
export class Phone {
  readonly name: string;
  readonly number: string;
  readonly lid: string;
  readonly #control: Control;

  constructor(control: Control, view: PhoneView) {
    this.#control = control;
    this.name = view.name;
    this.number = view.number;
    this.lid = view.lid;
  }

  /** Its address as the library writes it. */
  get jid(): string {
    return `${this.number}@c.us`;
  }

  view(): Promise<PhoneView> {
    return this.#call('GET', '');
  }
  change(options: Omit<PhoneOptions, 'number'>): Promise<PhoneView> {
    return this.#call('PATCH', '', options);
  }

  /** Scans the QR that a page shows. `linked` is false while a passkey is demanded. */
  scan(qr: string): Promise<{ linked: boolean }> {
    return this.#call('POST', '/scan', { qr });
  }
  enterCode(code: string): Promise<{ linked: boolean }> {
    return this.#call('POST', '/code', { code });
  }
  answerPasskey(approve: boolean): Promise<{ linked: boolean }> {
    return this.#call('POST', '/passkey', { approve });
  }
  /** Unlinks its devices. With `navigate: false` their pages only go to UNPAIRED. */
  logoutDevice(options: { navigate?: boolean } = {}): Promise<{ unlinked: number }> {
    return this.#call('POST', '/logout', options);
  }

  send(to: Target, text: string, extras: SendExtras = {}): Promise<{ id: string; carried: boolean }> {
    return this.sendContent(to, { text }, extras);
  }
  sendMedia(
    to: Target,
    media: MediaInput,
    extras: SendExtras = {},
  ): Promise<{ id: string; carried: boolean }> {
    const data = typeof media.data === 'string' ? media.data : media.data.toString('base64');
    return this.sendContent(to, { media: { ...media, data } }, extras);
  }
  sendLocation(to: Target, location: NonNullable<Content['location']>, extras: SendExtras = {}) {
    return this.sendContent(to, { location }, extras);
  }
  sendContacts(to: Target, contacts: NonNullable<Content['contacts']>, extras: SendExtras = {}) {
    return this.sendContent(to, { contacts }, extras);
  }
  sendPoll(to: Target, poll: NonNullable<Content['poll']>, extras: SendExtras = {}) {
    return this.sendContent(to, { poll }, extras);
  }
  /** Whatever a phone can send. `carried` is false if the network knew the id already. */
  sendContent(
    to: Target,
    content: Content,
    extras: SendExtras = {},
  ): Promise<{ id: string; carried: boolean }> {
    const { id, t, ...rest } = extras;
    return this.#call('POST', '/messages', { to: nameOf(to), id, t, content: { ...content, ...rest } });
  }

  edit(id: string, text: string): Promise<{ id: string }> {
    return this.#call('POST', '/edits', { id, text });
  }
  revoke(id: string): Promise<{ id: string }> {
    return this.#call('POST', '/revokes', { id });
  }
  /** An empty emoji takes the reaction back. */
  react(target: string, emoji: string): Promise<{ id: string }> {
    return this.#call('POST', '/reactions', { target, emoji });
  }
  vote(target: string, options: readonly string[]): Promise<{ id: string }> {
    return this.#call('POST', '/votes', { target, options });
  }
  /** Reads everything in its chat with the other phone, or in the group. */
  read(chat: Target): Promise<{ read: number }> {
    return this.#call('POST', '/reads', { chat: nameOf(chat) });
  }
  play(id: string): Promise<{ id: string }> {
    return this.#call('POST', '/plays', { id });
  }

  /** Does something to the pages of its devices. */
  page(action: PageAction): Promise<{ pages: number }> {
    return this.#control.call('POST', '/pages', { ...action, phone: this.name });
  }

  #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#control.call(method, `/phones/${encodeURIComponent(this.name)}${path}`, body);
  }
}

/** The world by its control API. Every call resolves when the world has done it; nothing needs a sleep. */
export class WorldClient {
  readonly controlUrl: string;
  readonly #control: Control;
  readonly faults: {
    set(spec: FaultSpec): Promise<FaultView>;
    list(): Promise<FaultView[]>;
    clear(id?: string): Promise<FaultView[]>;
  };

  constructor(controlUrl: string) {
    this.controlUrl = controlUrl;
    const control = new Control(controlUrl);
    this.#control = control;
    this.faults = {
      set: (spec) => control.call('POST', '/faults', spec),
      list: () => control.call('GET', '/faults'),
      clear: (id) => control.call('DELETE', id === undefined ? '/faults' : `/faults/${id}`),
    };
  }

  /** The phone of that name; made if there is none. */
  async phone(name: string, options: PhoneOptions = {}): Promise<Phone> {
    return new Phone(
      this.#control,
      await this.#control.call<PhoneView>('POST', '/phones', { name, ...options }),
    );
  }
  settings(change: Partial<WorldSettings> = {}): Promise<WorldSettings> {
    return this.#control.call('PATCH', '/settings', change);
  }
  group(body: {
    subject: string;
    owner: Target;
    participants: readonly Target[];
    announce?: boolean;
  }): Promise<GroupInfo> {
    const participants = body.participants.map(nameOf);
    return this.#control.call('POST', '/groups', { ...body, owner: nameOf(body.owner), participants });
  }
  changeGroup(group: GroupInfo, change: Bodies['groupChange']): Promise<GroupInfo> {
    return this.#control.call('PATCH', `/groups/${group.id}`, change);
  }
  /** Many messages in one call; resolves when they were all handed in, unless in the background. */
  burst(body: Omit<Bodies['burst'], 'to'> & { readonly to: Target }): Promise<{ ids: string[] }> {
    return this.#control.call('POST', '/bursts', { ...body, to: nameOf(body.to) });
  }
  /** Tells the sender's devices of an ack as it stands here. */
  ack(body: Bodies['ack']): Promise<{ id: string }> {
    return this.#control.call('POST', '/acks', body);
  }

  /** Does something to every open page, or to those of one phone. */
  page(action: PageAction): Promise<{ pages: number }> {
    return this.#control.call('POST', '/pages', action);
  }
  rotateQr(): Promise<{ waitingPages: number }> {
    return this.#control.call('POST', '/qr', { do: 'rotate' });
  }
  /** Uses the QR references up: waiting pages go to UNPAIRED_IDLE. */
  exhaustQr(): Promise<{ waitingPages: number }> {
    return this.#control.call('POST', '/qr', { do: 'exhaust' });
  }
  /** Takes WhatsApp's server down (connections refused, lines cut) or brings it back. */
  server(up: boolean): Promise<{ up: boolean }> {
    return this.#control.call('POST', '/server', { up });
  }

  /** Resolves when the condition holds; rejects with a text that names it when the time is over. */
  async waitFor(condition: Condition, options: { timeoutMs?: number } = {}): Promise<void> {
    await this.#control.call('POST', '/wait', { condition, timeoutMs: options.timeoutMs ?? DEFAULT_WAIT_MS });
  }
  truth(): Promise<Truth> {
    return this.#control.call('GET', '/truth');
  }
  /** The one carried message of that id. */
  async message(id: string): Promise<CarriedMessage> {
    const found = (await this.truth()).messages.find((message) => message.id === id);
    if (!found) throw new Error(`the network never carried a message ${id}`);
    return found;
  }
  counters(): Promise<Truth['counters']> {
    return this.#control.call('GET', '/counters');
  }
  /** Modules that some page was asked for and that the simulator lacks. */
  missingModules(): Promise<string[]> {
    return this.#control.call('GET', '/missing-modules');
  }
  forgetMissingModules(): Promise<string[]> {
    return this.#control.call('DELETE', '/missing-modules');
  }
}

/** Takes hold of a world that runs already. */
export async function connectWorld(controlUrl: string): Promise<WorldClient> {
  await new Control(controlUrl).call('GET', '/health');
  return new WorldClient(controlUrl);
}

export type Simulator = AsyncDisposable & {
  readonly world: WorldClient;
  readonly pageUrl: string;
  readonly controlUrl: string;
  /** What Chromium must be started with to take the simulator's page for WhatsApp's. */
  readonly chromeArgs: readonly string[];
  readonly pid: number;
};

/** Starts the simulator as a process of its own. It ends with this one, or when it is disposed. */
export async function startSimulator(
  options: { pagePort?: number; controlPort?: number } = {},
): Promise<Simulator> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const ports = [`--page-port=${options.pagePort ?? 0}`, `--control-port=${options.controlPort ?? 0}`];
  const child = spawn(process.execPath, [main, ...ports, '--die-with-parent'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`the simulator ended with code ${code} before it was ready`)),
    );
  });
  const { pageUrl, controlUrl, chromeArgs } = JSON.parse(await firstLine) as Omit<Simulator, 'world' | 'pid'>;
  return {
    world: await connectWorld(controlUrl),
    pageUrl,
    controlUrl,
    chromeArgs,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
