/**
 * Hears what PostgreSQL notifies on a channel, on a connection of its own: once for each commit, at every instance. What
 * was notified while the connection was away is lost, which is why its return is told as well.
 */
import { Socket } from 'node:net';
import type pg from 'pg';
import { waitMs, withDeadline } from '../lib/abort.ts';
import { toError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { connectSession, makeSessionClient } from './server-session.ts';

/** The pauses before tries to connect again, in milliseconds; the last is kept. */
const RETRY_PAUSES_MS = [0, 100, 250, 500, 1_000] as const;
/** How often the server is asked whether it is still there, and how long it may take to say so; milliseconds. */
const CHECK_EVERY_MS = 5_000;
const ANSWER_DEADLINE_MS = 5_000;
/** A server that does not answer a goodbye is left without one after this, in milliseconds. */
const CLOSE_DEADLINE_MS = 1_000;

/** What listeners do; they return at once and do not throw. */
export interface NotificationHandler {
  /** Something was notified. */
  onNotification(payload: string): void;
  /** It is heard again after a time in which things may have been notified unheard. */
  onResumed(): void;
}

export interface NotificationOptions extends NotificationHandler {
  /** Anything `pg` takes; it is a session of the server itself that listens, none of a pooler. */
  readonly connection: pg.ClientConfig;
  /** A plain name. */
  readonly channel: string;
  readonly log: Logger;
}

/**
 * Listens until it is disposed. A connection that breaks is logged and made anew.
 * @throws what `pg` throws if the first connection fails
 */
export async function openNotificationListener(options: NotificationOptions): Promise<AsyncDisposable> {
  const listener = new NotificationListener(options);
  await listener.listen();
  return listener;
}

class NotificationListener implements AsyncDisposable {
  readonly #options: NotificationOptions;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #socket: Socket | undefined;
  #returning: Promise<void> = Promise.resolve();

  constructor(options: NotificationOptions) {
    this.#options = options;
  }

  /** Listens on a new connection, and again whenever that one ends. */
  async listen(): Promise<void> {
    const { connection, channel, log, onNotification } = this.#options;
    const client = makeSessionClient({
      ...connection,
      stream: () => {
        this.#socket = new Socket();
        return this.#socket;
      },
    });
    // Why it broke comes as an error and that it is over as its end; the latter always comes.
    client.on('error', (thrown) => log.debug('The connection broke that listens', describe(thrown)));
    client.on('notification', ({ payload = '' }) => onNotification(payload));
    this.#client = client;
    try {
      await connectSession(client);
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
    } catch (thrown) {
      await client.end().catch(() => undefined);
      throw thrown;
    }
    const ended = new AbortController();
    void this.#watch(client, AbortSignal.any([ended.signal, this.#closing.signal]));
    client.once('end', () => {
      ended.abort();
      if (!this.#closing.signal.aborted) this.#returning = this.#return();
    });
  }

  /** Cuts a connection that has gone silent without an end. Never rejects; ends with the signal. */
  async #watch(client: pg.Client, signal: AbortSignal): Promise<void> {
    const socket = this.#socket;
    try {
      for (;;) {
        await waitMs(CHECK_EVERY_MS, signal);
        await withDeadline(client.query('select 1'), ANSWER_DEADLINE_MS, 'An answer of the database');
      }
    } catch (thrown) {
      if (signal.aborted) return;
      this.#options.log.debug('The connection that listens is cut', describe(thrown));
      socket?.destroy();
    }
  }

  /** Never rejects; ends when it listens again, or with the listener. */
  async #return(): Promise<void> {
    const { log, channel, onResumed } = this.#options;
    const { signal } = this.#closing;
    log.warn('Notifications of the database are not heard until it is reached again', { channel });
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await waitMs(RETRY_PAUSES_MS[attempt] ?? RETRY_PAUSES_MS.at(-1) ?? 0, signal);
        await this.listen();
        log.info('Notifications of the database are heard again', { channel });
        onResumed();
        return;
      } catch (thrown) {
        if (!signal.aborted) log.debug('The database is still away', describe(thrown));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the listener is closed'));
    try {
      await withDeadline(this.#close(), CLOSE_DEADLINE_MS, 'Closing the connection that listens');
    } catch (thrown) {
      this.#options.log.warn('The connection was cut that listens', describe(thrown));
      this.#socket?.destroy();
    }
  }

  /** Twice, since a try that was under way may have made another connection. */
  async #close(): Promise<void> {
    await this.#client?.end();
    await this.#returning;
    await this.#client?.end();
  }
}

function describe(thrown: unknown): { readonly error: string } {
  return { error: toError(thrown).message };
}
