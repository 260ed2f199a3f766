import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PhoneView, Truth } from './control-actions.ts';
import { Control } from './control-client.ts';
import type { Bodies } from './control-schema.ts';
import type { Condition } from './network/conditions.ts';
import type { FaultSpec, FaultView } from './network/faults.ts';
import type { CarriedMessage, TruthPage } from './network/ledger.ts';
import type { StoredFile } from './network/media-store.ts';
import type { WorldSettings } from './network/settings.ts';
import { nameOf, type PageAction, Phone, type PhoneOptions, type Target } from './phone-client.ts';
import type { GroupInfo } from './protocol.ts';

export { ControlError } from './control-client.ts';
export { type Content, type MediaInput, Phone, type SendExtras, type Target } from './phone-client.ts';
export type { CarriedMessage, Condition, FaultSpec, FaultView, GroupInfo, PhoneView, Truth, WorldSettings };

const DEFAULT_WAIT_MS = 20_000;
/** Messages in one answer. */
const TRUTH_PAGE = 2_000;

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
  /** Gives a file to the media server, for `sendMedia` with its `path`; as a stream it may be of any size. */
  upload(bytes: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<StoredFile> {
    return this.#control.upload('/media', bytes);
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
  /** Every carried message in the network's order, of one phone if one is given; asked for a page at a time. */
  async messages(
    options: { readonly phone?: Target; readonly pageSize?: number } = {},
  ): Promise<CarriedMessage[]> {
    const of = options.phone === undefined ? '' : `&phone=${encodeURIComponent(nameOf(options.phone))}`;
    const all: CarriedMessage[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const path = `/truth?after=${after}&limit=${options.pageSize ?? TRUTH_PAGE}${of}`;
      const page: TruthPage = await this.#control.call('GET', path);
      all.push(...page.messages);
      after = page.next;
    }
    return all;
  }
  /** The one carried message of that id. */
  message(id: string): Promise<CarriedMessage> {
    return this.#control.call('GET', `/truth/${id}`);
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
