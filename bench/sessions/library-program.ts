import wwebjs, { type Client, type ClientOptions } from 'whatsapp-web.js';
import { nowMs } from '../instant.ts';

/**
 * The example of the library's README with a folder for its sessions, once for each, in a process of its own. Started by
 * library-contender.ts, which tells it what to do and hears one answer to each order. When the channel closes, it ends.
 */
export interface LibrarySettings {
  readonly dataPath: string;
  readonly puppeteer: NonNullable<ClientOptions['puppeteer']>;
}

export type LibraryOrder =
  /** Launches a session; answered once it shows a QR code, or is ready. */
  | { readonly do: 'launch'; readonly session: number; readonly until: 'qr' | 'ready' }
  | { readonly do: 'await-ready'; readonly session: number }
  | { readonly do: 'close'; readonly session: number };

export interface LibraryAnswer {
  /** From the launch on. */
  readonly tookMs: number;
  /** The QR code that it shows, if it is one that is waited for. */
  readonly qr?: string;
}

interface Launched {
  readonly client: Client;
  readonly at: number;
  readonly qr: Promise<LibraryAnswer>;
  readonly ready: Promise<LibraryAnswer>;
}

const sessions = new Map<number, Launched>();

function launch(session: number, { dataPath, puppeteer }: LibrarySettings): Launched {
  const authStrategy = new wwebjs.LocalAuth({ clientId: `session-${session}`, dataPath });
  const client = new wwebjs.Client({ authStrategy, puppeteer, webVersionCache: { type: 'none' } });
  const at = nowMs();
  const tookMs = () => nowMs() - at;
  const qr = new Promise<LibraryAnswer>((resolve) => {
    client.on('qr', (text) => resolve({ tookMs: tookMs(), qr: text }));
  });
  const ready = new Promise<LibraryAnswer>((resolve) => {
    client.on('ready', () => resolve({ tookMs: tookMs() }));
  });
  client.on('message', (message) => {
    if (message.body === '!ping') void message.reply('pong');
  });
  void client.initialize();
  return { client, at, qr, ready };
}

async function run(order: LibraryOrder, settings: LibrarySettings): Promise<LibraryAnswer> {
  switch (order.do) {
    case 'launch': {
      const launched = launch(order.session, settings);
      sessions.set(order.session, launched);
      return await launched[order.until];
    }
    case 'await-ready':
      return await find(order.session).ready;
    case 'close': {
      const from = nowMs();
      await find(order.session).client.destroy();
      sessions.delete(order.session);
      return { tookMs: nowMs() - from };
    }
    default:
      return order satisfies never;
  }
}

function find(session: number): Launched {
  const found = sessions.get(session);
  if (!found) throw new Error(`There is no session ${session}.`);
  return found;
}

function main(settings: LibrarySettings): void {
  const fail = (thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  };
  process.on('message', (order: LibraryOrder) => {
    run(order, settings).then((answer) => process.send?.(answer), fail);
  });
  process.on('disconnect', () => {
    const ends = [...sessions.values()].map(({ client }) => client.destroy());
    Promise.all(ends).then(() => process.exit(0), fail);
  });
  // Whoever gave the orders hears it too, and closes the channel when it is ready for that.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
}

main(JSON.parse(process.argv[2] ?? '{}') as LibrarySettings);
