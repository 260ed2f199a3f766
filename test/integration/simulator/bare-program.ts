import { createInterface } from 'node:readline';
import wwebjs, { type ClientOptions } from 'whatsapp-web.js';

/**
 * A program that uses the library as its users do, without a net: what nobody catches ends it. Started by
 * bare-process.ts, which tells it by its standard input what to do, and hears by its standard output what came of it.
 */

/** What it is given as its first argument. */
export interface BareSettings {
  readonly dataPath: string;
  readonly options: Partial<ClientOptions>;
}

export type BareCall =
  | { readonly do: 'initialize' | 'destroy' }
  /** The browser stands still from now on, as one that is slow to close. */
  | { readonly do: 'stop-browser' }
  /** A handler of messages is there from now on that fails, in one way or the other. */
  | { readonly do: 'throw-in-handler' | 'reject-in-handler' }
  | { readonly do: 'evaluate'; readonly expression: string };

/** `on`: not now, but within the handler of that event. */
export type BareOrder = BareCall & { readonly id: number; readonly on?: string };

export type BareNews =
  | { readonly kind: 'event'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'begun' | 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly error: string };

const EVENTS = ['qr', 'authenticated', 'ready', 'change_state', 'disconnected'];

function main(settings: BareSettings): void {
  const client = new wwebjs.Client({
    authStrategy: new wwebjs.LocalAuth({ dataPath: settings.dataPath }),
    ...settings.options,
  });
  const tell = (news: BareNews) => process.stdout.write(`${JSON.stringify(news)}\n`);
  const fail = (how: 'throw-in-handler' | 'reject-in-handler'): void => {
    client.removeAllListeners('message').on('message', () => {
      tell({ kind: 'event', name: 'handler', args: [] });
      if (how === 'throw-in-handler') throw new Error('of a handler that throws');
      void Promise.reject(new Error('of a handler that rejects'));
    });
  };
  const run = async (order: BareOrder): Promise<void> => {
    const { id } = order;
    tell({ kind: 'begun', id });
    try {
      if (order.do === 'evaluate') await client.pupPage?.evaluate(order.expression);
      else if (order.do === 'stop-browser') client.pupBrowser?.process()?.kill('SIGSTOP');
      else if (order.do === 'throw-in-handler' || order.do === 'reject-in-handler') fail(order.do);
      else await client[order.do]();
      tell({ kind: 'done', id });
    } catch (thrown) {
      tell({ kind: 'failed', id, error: String(thrown) });
    }
  };
  for (const name of EVENTS) {
    client.on(name as 'ready', (...args: unknown[]) => {
      tell({ kind: 'event', name, args: args.filter((each) => typeof each === 'string') });
    });
  }
  const orders = createInterface({ input: process.stdin });
  // Whoever gave the orders is gone.
  orders.on('close', () => process.exit(3));
  orders.on('line', (line) => {
    const order = JSON.parse(line) as BareOrder;
    if (order.on === undefined) void run(order);
    else client.once(order.on, () => void run(order));
  });
}

main(JSON.parse(process.argv[2] ?? '{}') as BareSettings);
