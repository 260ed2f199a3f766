/**
 * A program that accepts messages and sends them as a daemon does, with the real database, and kills itself at the step
 * that it is told. Its page lives in the process that started it, see send-process.ts: what was given to it before the
 * end is given. Its argument is its SendPlaces.
 */
import { createInterface } from 'node:readline';
import type { Account } from '../../src/accounts/account.ts';
import { type AccountId, parseInstanceId } from '../../src/accounts/ids.ts';
import type { ConnectedSession } from '../../src/channels/channel.ts';
import { openDatabase } from '../../src/db/database.ts';
import { doubtRestored } from '../../src/db/restored-profile.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { AppError, type ErrorCode } from '../../src/lib/errors.ts';
import { KeyedSerial } from '../../src/lib/keyed-serial.ts';
import type { LogFields, Logger } from '../../src/lib/logger.ts';
import type { MessageStep } from '../../src/messages/message-step.ts';
import { makeOutbox } from '../../src/messages/outbox.ts';
import { openSender } from '../../src/messages/sender.ts';
import { openMedia } from './local-media.ts';

export interface SendPlaces {
  readonly connection: PostgresConnection;
  readonly accountId: AccountId;
  /** The page is as it was at this instant (ms since the epoch). */
  readonly restoredFrom?: number;
  /** Do not come further than this. */
  readonly dieAt?: MessageStep;
}

/** What the page is asked. */
export type PageMethod = 'prepareSend' | 'send' | 'findMessage';

export type SendOrder =
  | { readonly do: 'accept'; readonly to: string; readonly text: string; readonly key: string }
  /** Tells `idle` once it has looked and nothing was to be done. */
  | { readonly do: 'look' }
  | { readonly do: 'answer'; readonly id: number; readonly value?: unknown; readonly code?: ErrorCode };

export type SendNews =
  | { readonly kind: 'step'; readonly step: MessageStep }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'idle' }
  | { readonly kind: 'ask'; readonly id: number; readonly method: PageMethod; readonly args: unknown[] };

// A pipe is written to at once: what was told before the end is heard.
const tell = (news: SendNews) => void process.stdout.write(`${JSON.stringify(news)}\n`);

/** The page, at the other end of the pipes. */
function makeSession({ accountId }: SendPlaces) {
  const asked = new Map<number, PromiseWithResolvers<unknown>>();
  const ask = (method: PageMethod, ...args: unknown[]) => {
    const id = asked.size;
    const answer = Promise.withResolvers<unknown>();
    asked.set(id, answer);
    tell({ kind: 'ask', id, method, args });
    // biome-ignore lint/suspicious/noExplicitAny: the process that answers has the types.
    return answer.promise as Promise<any>;
  };
  const unused = () => Promise.reject(new AppError('SESSION_FAULT'));
  const session: ConnectedSession = {
    accountId,
    prepareSend: (to) => ask('prepareSend', to),
    send: (prepared, content, options) => ask('send', prepared, content, options),
    findMessage: (prepared) => ask('findMessage', prepared),
    downloadMedia: unused,
    listChats: unused,
    readChat: unused,
    react: unused,
    readContacts: unused,
    readChatList: unused,
  };
  return { session, asked };
}

/** Hears when the sender has looked and found nothing. */
class IdleLog implements Logger {
  #idle: (() => void) | undefined;
  debug(message: string, fields: LogFields = {}): void {
    if (message === 'The sender waits' && fields.underWay === 0) this.#idle?.();
  }
  info(): void {
    // Nobody asks for it.
  }
  warn(message: string, fields: LogFields = {}): void {
    process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
  }
  error(message: string, fields: LogFields = {}): void {
    this.warn(message, fields);
  }
  child(): Logger {
    return this;
  }
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }
}

async function main(places: SendPlaces): Promise<void> {
  const onStep = (step: MessageStep) => {
    tell({ kind: 'step', step });
    if (step === places.dieAt) process.kill(process.pid, 'SIGKILL');
  };
  const log = new IdleLog();
  const { connection, accountId, restoredFrom } = places;
  await using opened = openDatabase({ connection, log, poolSize: 4 });
  if (restoredFrom !== undefined)
    await doubtRestored(opened.db, accountId, { takenAt: new Date(restoredFrom), at: new Date() });
  const common = { db: opened.db, clock: systemClock, log, onStep };
  const instanceId = parseInstanceId('one');
  await using sender = openSender({ ...common, instanceId, openMedia, messageRateLimit: 0 });
  const outbox = makeOutbox({
    ...common,
    instanceId,
    takeMedia: () => Promise.reject(new AppError('UNSUPPORTED_MEDIA')),
    wake: (id) => sender.wake(id),
    enqueue: async () => undefined,
  });
  const { session, asked } = makeSession(places);
  const connected = new AbortController();
  void sender.run(session, connected.signal);

  const accept = async ({ to, text, key }: Extract<SendOrder, { do: 'accept' }>) => {
    const request = { to, content: { kind: 'text', text }, replyTo: null, onLimit: 'reject' } as const;
    const options = { idempotencyKey: key, requestHash: text };
    await outbox.accept({ id: accountId } as Account, request, options).then(
      () => tell({ kind: 'accepted' }),
      (thrown: unknown) => tell({ kind: 'refused', code: thrown instanceof AppError ? thrown.code : '' }),
    );
  };
  const look = async () => {
    // A look that was under way may have missed something; the next one has not.
    for (let count = 0; count < 2; count += 1) {
      const idle = log.next();
      sender.wake(accountId);
      await idle;
    }
    tell({ kind: 'idle' });
  };
  const accepting = new KeyedSerial<'accept'>();
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as SendOrder;
    if (order.do === 'accept') void accepting.run('accept', () => accept(order));
    else if (order.do === 'look') void look();
    else if (order.code === undefined) asked.get(order.id)?.resolve(order.value);
    else asked.get(order.id)?.reject(new AppError(order.code));
  }
  connected.abort();
}

await main(JSON.parse(process.argv[2] ?? '{}') as SendPlaces);
