import { io, type Socket } from 'socket.io-client';
import {
  type CallInit,
  makeSwitchboardClient,
  type RealtimeEvents,
  type Schemas,
  type SwitchboardClient,
  SwitchboardError,
} from '../client/client.ts';
import { AppError } from '../lib/errors.ts';
import type {
  AcceptedMessage,
  AccountHealthView,
  AccountView,
  KeyView,
  MessageView,
  NewKeyView,
  PairingCodeView,
  QrView,
} from './api-views.ts';
import type { Daemon } from './daemon-address.ts';
import { makeStrangerError, REQUEST_DEADLINE_MS, reasonOf, toDaemonError } from './daemon-error.ts';

/** Which messages, by the parameters of the list. */
export type MessageFilter = Readonly<Record<string, string>>;

/** What every path of the API begins with. */
export const API = '/api/v1/whatsapp';

/** What is read as it comes; anything else is not of this daemon. */
const STREAMED = /^application\/(x-ndjson|octet-stream|json)\b/;

/**
 * The daemon's HTTP API, by the client that applications use. Every call rejects with an AppError: the daemon's own code
 * and message, or UNAVAILABLE if nothing like a daemon answers; or with the signal's reason. Nothing is asked twice:
 * whoever sits at the terminal decides that.
 */
export class ApiClient {
  readonly #daemon: Daemon;
  readonly #signal: AbortSignal;
  readonly #client: SwitchboardClient;
  /** How far the daemon's clock is ahead of this machine's, to the second. */
  #aheadMs = 0;

  constructor(daemon: Daemon, signal: AbortSignal) {
    this.#daemon = daemon;
    this.#signal = signal;
    this.#client = makeSwitchboardClient({
      baseUrl: daemon.url,
      // As a bearer, since it may be a JWT too.
      ...(daemon.apiKey === null ? {} : { token: daemon.apiKey }),
      timeoutMs: REQUEST_DEADLINE_MS,
      retries: 0,
      fetch: async (request, init) => {
        const both = AbortSignal.any([signal, init?.signal ?? signal]);
        const response = await fetch(request, { ...init, signal: both });
        const now = Date.parse(response.headers.get('date') ?? '');
        if (!Number.isNaN(now)) this.#aheadMs = now - Date.now();
        return response;
      },
    });
  }

  /** The daemon's clock, as its last answer told it: its instants are compared with this. Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  async connect(wish: {
    displayName?: string;
    phoneNumber?: string;
    pairing?: 'code';
  }): Promise<{ readonly accountId: string }> {
    return this.#data(this.#client.post(`${API}/connect`, { body: wish }));
  }

  async reconnect(accountId: string): Promise<void> {
    await this.#data(this.#client.post(`${API}/reconnect/{accountId}`, { ...about(accountId), body: {} }));
  }

  async disconnect(accountId: string): Promise<void> {
    await this.#data(this.#client.post(`${API}/disconnect/{accountId}`, { ...about(accountId), body: {} }));
  }

  /** Disconnects it first. Its messages are kept. */
  async removeAccount(accountId: string): Promise<void> {
    await this.#data(this.#client.delete(`${API}/accounts/{accountId}`, about(accountId)));
  }

  async getAccount(accountId: string): Promise<AccountView> {
    return this.#data(this.#client.get(`${API}/accounts/{accountId}`, about(accountId)));
  }

  async getHealth(accountId: string): Promise<AccountHealthView> {
    return this.#data(this.#client.get(`${API}/health/{accountId}`, about(accountId)));
  }

  async getPairingCode(accountId: string): Promise<PairingCodeView> {
    return this.#data(this.#client.get(`${API}/pairing-code/{accountId}`, about(accountId)));
  }

  async getQr(accountId: string): Promise<QrView> {
    return this.#data(this.#client.get(`${API}/qr-code/{accountId}`, about(accountId)));
  }

  /** All of them, however many pages that takes. */
  async listAccounts(): Promise<readonly AccountView[]> {
    return this.#all(this.#client.list(`${API}/accounts`));
  }

  /** All that were not revoked, however many pages that takes. */
  async listKeys(): Promise<readonly KeyView[]> {
    return this.#all(this.#client.list(`${API}/keys`));
  }

  /** What a role and a scope may be is the daemon's to judge. */
  async createKey(wish: {
    readonly name: string;
    readonly role: string;
    readonly scopes?: readonly string[];
    readonly expiresAt?: string;
  }): Promise<NewKeyView> {
    const body = wish as CallInit<'post', `${typeof API}/keys`>['body'];
    return this.#data(this.#client.post(`${API}/keys`, { body }));
  }

  async revokeKey(keyId: string): Promise<void> {
    await this.#data(this.#client.delete(`${API}/keys/{keyId}`, { params: { path: { keyId } } }));
  }

  /** One page, newest first. What a filter may be is the daemon's to judge. */
  async listMessages(accountId: string, filter: MessageFilter): Promise<readonly MessageView[]> {
    const params = { ...about(accountId).params, query: filter };
    return this.#data(this.#client.get(`${API}/accounts/{accountId}/messages`, { params }));
  }

  /** All of them, newest first, however many pages that takes. */
  async listAllMessages(accountId: string, filter: MessageFilter): Promise<readonly MessageView[]> {
    const params = { ...about(accountId).params, query: filter };
    return this.#all(this.#client.list(`${API}/accounts/{accountId}/messages`, { params }));
  }

  async getMessage(messageId: string): Promise<MessageView> {
    const params = { path: { messageId } };
    return this.#data(this.#client.get(`${API}/messages/{messageId}`, { params }));
  }

  /** A connection for events, to be connected and closed by the caller. */
  openEvents(): Socket<RealtimeEvents> {
    const { url, apiKey } = this.#daemon;
    const { origin, pathname } = new URL(url);
    return io(origin, {
      // Behind a proxy the daemon may lie below a path.
      path: `${pathname.replace(/\/$/, '')}/socket.io`,
      auth: { token: apiKey ?? '' },
      autoConnect: false,
      forceNew: true,
      transports: ['websocket'],
    });
  }

  /** What `onLimit` may be is the daemon's to judge. */
  async sendText(
    accountId: string,
    message: { readonly to: string; readonly text: string; readonly onLimit?: string },
    idempotencyKey?: string,
  ): Promise<AcceptedMessage> {
    const header = idempotencyKey === undefined ? {} : { header: { 'idempotency-key': idempotencyKey } };
    return this.#data(
      this.#client.post(`${API}/accounts/{accountId}/messages`, {
        params: { ...about(accountId).params, ...header },
        body: message as Schemas['SendMessageInput'],
      }),
    );
  }

  /** Takes a sealed session in, however long that takes. */
  async importVault(
    file: Blob,
    passphrase: string,
  ): Promise<{ readonly accountId: string; readonly generation: number }> {
    // In this order: the file is opened as it comes.
    const body = { passphrase, file };
    return this.#data(this.#client.post(`${API}/vault/import`, { body, timeoutMs: null }));
  }

  /** Hands out an answer that was asked for AS_IT_COMES. */
  async openStream(
    ask: (client: SwitchboardClient) => Promise<{ readonly body: StreamBody; readonly response: Response }>,
  ): Promise<StreamedAnswer> {
    const { body, response } = await this.#told(ask(this.#client));
    const { headers, status } = response;
    if (!STREAMED.test(headers.get('content-type') ?? '')) throw makeStrangerError(this.#daemon, status);
    return { headers, bytes: this.#readBytes(body) };
  }

  async *#readBytes(body: StreamBody): AsyncGenerator<Uint8Array> {
    try {
      if (body !== null) yield* body;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      throw new AppError('UNAVAILABLE', {
        message: `The answer of the daemon at ${this.#daemon.url} broke off (${reasonOf(thrown)}). Its log says why.`,
        cause: thrown,
      });
    }
  }

  /** What a call answers, whose parameters and answer have the types of the API. */
  async ask<Data>(call: (client: SwitchboardClient) => Promise<{ readonly data: Data }>): Promise<Data> {
    return this.#data(call(this.#client));
  }

  /** All that a list holds, however many pages that takes. */
  async askAll<Item>(list: (client: SwitchboardClient) => AsyncIterable<Item>): Promise<readonly Item[]> {
    return this.#all(list(this.#client));
  }

  async #data<Data>(answer: Promise<{ readonly data: Data }>): Promise<Data> {
    return (await this.#told(answer)).data;
  }

  async #all<Item>(list: AsyncIterable<Item>): Promise<readonly Item[]> {
    const collect = async () => {
      const items: Item[] = [];
      for await (const item of list) items.push(item);
      return items;
    };
    return this.#told(collect());
  }

  /** The answer, or its error as the command line tells it. */
  async #told<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      throw thrown instanceof SwitchboardError ? toDaemonError(thrown, this.#daemon) : thrown;
    }
  }
}

/** How a call is made whose answer is read as it comes, however long that takes. */
export const AS_IT_COMES = {
  parseAs: 'stream',
  timeoutMs: null,
  headers: { accept: 'application/x-ndjson, application/octet-stream, application/json' },
} as const;

type StreamBody = ReadableStream<Uint8Array> | null;

/** The parameters of a call about an account. */
function about(accountId: string) {
  return { params: { path: { accountId } } };
}

/** An answer that is read as it comes. */
export interface StreamedAnswer {
  readonly headers: Headers;
  /** Rejects as every call does; also if the answer breaks off. */
  readonly bytes: AsyncIterable<Uint8Array>;
}
