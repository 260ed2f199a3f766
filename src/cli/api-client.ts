import { AppError, ERROR_CATALOGUE, type ErrorCode, toError } from '../lib/errors.ts';
import type {
  AcceptedMessage,
  AccountHealthView,
  AccountView,
  KeyView,
  MessageView,
  NewKeyView,
  PageView,
  PairingCodeView,
  QrView,
} from './api-views.ts';

/** Where a daemon is, and the key that it is asked with. */
export interface Daemon {
  /** Scheme, host and port, no slash at the end. */
  readonly url: string;
  /** Null if none was found: the daemon then says what it asks for. */
  readonly apiKey: string | null;
  /** The variable or the path of the file that it was taken from. */
  readonly keySource: string | null;
}

/** Logging a phone out may take the daemon this long; everything else is answered within a second or two. */
const REQUEST_DEADLINE_MS = 60_000;

/** The most that the API gives at once. */
const PAGE_SIZE = 100;

/** What is read as it comes; anything else is not of this daemon. */
const STREAMED = /^application\/(x-ndjson|octet-stream|json)\b/;

/** The errors of a server that does not name a code of ours. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_FAILED',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMIT_EXCEEDED',
  503: 'UNAVAILABLE',
};

/**
 * The daemon's HTTP API. Every call rejects with an AppError: the daemon's own code and message, or UNAVAILABLE if
 * nothing like a daemon answers; or with the signal's reason.
 */
export class ApiClient {
  readonly #daemon: Daemon;
  readonly #signal: AbortSignal;

  constructor(daemon: Daemon, signal: AbortSignal) {
    this.#daemon = daemon;
    this.#signal = signal;
  }

  async connect(wish: {
    displayName?: string;
    phoneNumber?: string;
    pairing?: 'code';
  }): Promise<{ readonly accountId: string }> {
    return this.#data('POST', '/connect', { body: wish });
  }

  async reconnect(accountId: string): Promise<void> {
    await this.#data('POST', `/reconnect/${encodeURIComponent(accountId)}`, { body: {} });
  }

  async disconnect(accountId: string): Promise<void> {
    await this.#data('POST', `/disconnect/${encodeURIComponent(accountId)}`, { body: {} });
  }

  /** Disconnects it first. Its messages are kept. */
  async removeAccount(accountId: string): Promise<void> {
    await this.#data('DELETE', `/accounts/${encodeURIComponent(accountId)}`);
  }

  async getAccount(accountId: string): Promise<AccountView> {
    return this.#data('GET', `/accounts/${encodeURIComponent(accountId)}`);
  }

  async getHealth(accountId: string): Promise<AccountHealthView> {
    return this.#data('GET', `/health/${encodeURIComponent(accountId)}`);
  }

  async getPairingCode(accountId: string): Promise<PairingCodeView> {
    return this.#data('GET', `/pairing-code/${encodeURIComponent(accountId)}`);
  }

  async getQr(accountId: string): Promise<QrView> {
    return this.#data('GET', `/qr-code/${encodeURIComponent(accountId)}`);
  }

  /** All of them, however many pages that takes. */
  async listAccounts(): Promise<readonly AccountView[]> {
    return this.#all('/accounts');
  }

  /** All that were not revoked, however many pages that takes. */
  async listKeys(): Promise<readonly KeyView[]> {
    return this.#all('/keys');
  }

  async createKey(wish: {
    readonly name: string;
    readonly role: string;
    readonly scopes?: readonly string[];
    readonly expiresAt?: string;
  }): Promise<NewKeyView> {
    return this.#data('POST', '/keys', { body: wish });
  }

  async revokeKey(keyId: string): Promise<void> {
    await this.#data('DELETE', `/keys/${encodeURIComponent(keyId)}`);
  }

  /** One page, newest first. */
  async listMessages(
    accountId: string,
    filter: Readonly<Record<string, string>>,
  ): Promise<readonly MessageView[]> {
    const query = new URLSearchParams(filter);
    return this.#data('GET', `/accounts/${encodeURIComponent(accountId)}/messages?${query}`);
  }

  async sendText(
    accountId: string,
    message: { readonly to: string; readonly text: string; readonly onLimit?: string },
    idempotencyKey?: string,
  ): Promise<AcceptedMessage> {
    const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    return this.#data('POST', `/accounts/${encodeURIComponent(accountId)}/messages`, {
      body: message,
      headers,
    });
  }

  /** Posts a form, however long that takes. */
  async postForm<Data>(path: string, form: FormData): Promise<Data> {
    return this.#data('POST', path, { body: form });
  }

  /** Posts, and hands out the answer as it comes, however long that takes. */
  async openStream(path: string, body: object): Promise<StreamedAnswer> {
    const headers = { accept: 'application/x-ndjson, application/octet-stream, application/json' };
    const response = await this.#fetch('POST', path, { body, headers, hasDeadline: false });
    if (!response.ok) throw this.#toError(response.status, await this.#readJson(response));
    if (!STREAMED.test(response.headers.get('content-type') ?? '')) throw this.#makeStranger(response);
    return { headers: response.headers, bytes: this.#readBytes(response) };
  }

  async *#readBytes({ body }: Response): AsyncGenerator<Uint8Array> {
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

  async #all<Item>(path: string): Promise<readonly Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor === null ? {} : { cursor }) });
      const page: PageView<Item> = await this.#answer('GET', `${path}?${query}`);
      items.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return items;
  }

  async #data<Data>(method: string, path: string, request: RequestParts = {}): Promise<Data> {
    const { data } = await this.#answer<{ readonly data: Data }>(method, path, request);
    return data;
  }

  async #answer<Answer>(method: string, path: string, request: RequestParts = {}): Promise<Answer> {
    const response = await this.#fetch(method, path, request);
    const answer = await this.#readJson(response);
    if (response.ok && answer.success === true) return answer as Answer;
    throw this.#toError(response.status, answer);
  }

  async #fetch(method: string, path: string, request: RequestParts): Promise<Response> {
    const { url, apiKey } = this.#daemon;
    const { body, headers = {}, hasDeadline = !(body instanceof FormData) } = request;
    const deadline = hasDeadline ? [AbortSignal.timeout(REQUEST_DEADLINE_MS)] : [];
    const isJson = body !== undefined && !(body instanceof FormData);
    try {
      return await fetch(`${url}/api/v1/whatsapp${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
          ...(isJson ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
        signal: AbortSignal.any([this.#signal, ...deadline]),
      });
    } catch (thrown) {
      this.#signal.throwIfAborted();
      throw this.#unreachable(thrown);
    }
  }

  async #readJson(response: Response): Promise<Envelope> {
    try {
      const answer: unknown = await response.json();
      if (typeof answer === 'object' && answer !== null && 'success' in answer) return answer;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      if (!(thrown instanceof SyntaxError)) throw this.#unreachable(thrown);
    }
    throw this.#makeStranger(response);
  }

  #makeStranger({ status }: Response): AppError {
    return new AppError('UNAVAILABLE', {
      message: `What answers at ${this.#daemon.url} is not Switchboard (HTTP ${status}). Correct PORT or SWITCHBOARD_URL.`,
    });
  }

  #unreachable(thrown: unknown): AppError {
    return new AppError('UNAVAILABLE', {
      message: `No daemon answers at ${this.#daemon.url} (${reasonOf(thrown)}). Start it with npm start, or point SWITCHBOARD_URL to it.`,
      cause: thrown,
    });
  }

  #toError(status: number, { error }: Envelope): AppError {
    const code =
      parseCode(error?.code) ?? CODE_OF_STATUS[status] ?? (status >= 500 ? 'INTERNAL' : 'VALIDATION_FAILED');
    const message = error?.message ?? `The daemon answered with HTTP ${status}.`;
    const remedy = status === 401 ? keyToRemedy(this.#daemon) : '';
    return new AppError(code, { message: message + remedy, details: error?.details });
  }
}

/** An answer that is read as it comes. */
export interface StreamedAnswer {
  readonly headers: Headers;
  /** Rejects as every call does; also if the answer breaks off. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

function keyToRemedy({ apiKey, keySource }: Daemon): string {
  if (apiKey === null || keySource === null) {
    return ' No API key was found: set SWITCHBOARD_API_KEY, or run this where the daemon keeps its data (DATA_PATH).';
  }
  const isVariable = keySource === 'SWITCHBOARD_API_KEY' || keySource === 'OWNER_API_KEY';
  const what = isVariable
    ? 'correct it'
    : "set SWITCHBOARD_API_KEY, or give the command line the daemon's DATA_PATH";
  return ` The key in ${keySource} is not one of this daemon: ${what}.`;
}

interface RequestParts {
  /** Sent as JSON, unless it is a form. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Forms have none: they carry files. */
  readonly hasDeadline?: boolean;
}

/** The outside of every answer. */
interface Envelope {
  readonly success?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: string; readonly details?: unknown };
}

/** What fetch knows better than its own message says. */
function reasonOf(thrown: unknown): string {
  const { cause, message } = toError(thrown);
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** A newer daemon may know codes that we do not: its HTTP status then says enough. */
function parseCode(code: unknown): ErrorCode | undefined {
  return typeof code === 'string' && Object.hasOwn(ERROR_CATALOGUE, code) ? (code as ErrorCode) : undefined;
}
