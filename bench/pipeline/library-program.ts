import { createInterface } from 'node:readline';
import wwebjs, { type ClientOptions, type Message } from 'whatsapp-web.js';
import { nowMs } from '../instant.ts';

/**
 * The example of the library's README, once for each account, in a process of its own: no store, no queue, one handler.
 * Started by library-contender.ts, which tells it by its standard input what to do. When that closes, it ends.
 */
export interface LibrarySettings {
  readonly accounts: number;
  readonly puppeteer: NonNullable<ClientOptions['puppeteer']>;
}

export type LibraryOrder =
  | { readonly do: 'start' }
  /** `unread_count` costs the library a second way into the page for each message, also if nobody listens to it. */
  | { readonly do: 'unread'; readonly isOn: boolean }
  /** Tell when so many messages have been heard from now on, by all accounts together. */
  | { readonly do: 'expect'; readonly count: number }
  | { readonly do: 'send'; readonly account: number; readonly to: string; readonly text: string }
  | { readonly do: 'end' };

export type LibraryNews =
  | { readonly kind: 'qr'; readonly account: number; readonly qr: string }
  | { readonly kind: 'ready'; readonly account: number }
  | { readonly kind: 'done' }
  /** Instants at which the messages were heard, by their ids. */
  | { readonly kind: 'heard'; readonly at: Readonly<Record<string, number>>; readonly last: number }
  /** The instants before the call and after its answer. */
  | {
      readonly kind: 'sent';
      readonly account: number;
      readonly calledAt: number;
      readonly answeredAt: number;
    };

const tell = (news: LibraryNews) => process.stdout.write(`${JSON.stringify(news)}\n`);

function main({ accounts, puppeteer }: LibrarySettings): void {
  let heard: Record<string, number> = {};
  let [count, expected] = [0, 0];
  const hear = (message: Message) => {
    const last = nowMs();
    heard[message.id.id] = last;
    count += 1;
    if (count === expected) tell({ kind: 'heard', at: heard, last });
  };
  const clients = Array.from({ length: accounts }, (_, account) => {
    const client = new wwebjs.Client({ puppeteer, webVersionCache: { type: 'none' } });
    client.on('qr', (qr) => tell({ kind: 'qr', account, qr }));
    client.on('ready', () => tell({ kind: 'ready', account }));
    client.on('message', (message) => {
      hear(message);
      if (message.body === '!ping') void message.reply('pong');
    });
    return client;
  });
  const run = async (order: LibraryOrder): Promise<void> => {
    switch (order.do) {
      case 'start':
        // One after another: many at once miss their own readiness.
        for (const client of clients) await client.initialize();
        return;
      case 'unread':
        for (const client of clients) await client.pupPage?.evaluate(setUnread, order.isOn);
        return void tell({ kind: 'done' });
      case 'expect':
        [heard, count, expected] = [{}, 0, order.count];
        return void tell({ kind: 'done' });
      case 'send': {
        const calledAt = nowMs();
        await clients[order.account]?.sendMessage(order.to, order.text);
        return void tell({ kind: 'sent', account: order.account, calledAt, answeredAt: nowMs() });
      }
      case 'end':
        for (const client of clients) await client.destroy();
        return process.exit(0);
      default:
        return order satisfies never;
    }
  };
  const orders = createInterface({ input: process.stdin });
  const fail = (thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  };
  orders.on('line', (line) => void run(JSON.parse(line) as LibraryOrder).catch(fail));
  orders.on('close', () => void run({ do: 'end' }).catch(fail));
  // Whoever gave the orders hears it too, and closes the input when it is ready for that.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
}

/** Runs in the page: takes the library's own listener away, or puts it back as the library does. */
function setUnread(isOn: boolean): void {
  const page = window as unknown as {
    require(name: string): {
      Chat: { on(name: string, hear: (chat: unknown) => void): void; off(name: string): void };
    };
    onChatUnreadCountEvent(chat: unknown): void;
  };
  const { Chat } = page.require('WAWebCollections');
  Chat.off('change:unreadCount');
  if (isOn) Chat.on('change:unreadCount', (chat) => page.onChatUnreadCountEvent(chat));
}

main(JSON.parse(process.argv[2] ?? '{}') as LibrarySettings);
