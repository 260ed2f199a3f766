import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks at the API for something that has not come yet. */
const LOOK_AGAIN_MS = 100;
const PATIENCE_MS = 90_000;

/** A message as the API shows it; the fields that the demo and the tests look at. */
export interface ApiMessage {
  readonly messageId: string;
  readonly whatsappMessageId: string | null;
  readonly accountId: string;
  readonly chatId: string;
  readonly phoneNumber: string | null;
  readonly direction: 'incoming' | 'outgoing';
  readonly type: string;
  readonly text: string | null;
  readonly caption: string | null;
  readonly mimeType: string | null;
  readonly fileName: string | null;
  readonly fileSize: number | null;
  readonly mediaUrl: string | null;
  readonly mediaStatus: string | null;
  readonly replyTo: string | null;
  readonly author: string | null;
  readonly location: object | null;
  readonly contacts: readonly { readonly name: string }[] | null;
  readonly poll: object | null;
  readonly reactions: readonly { readonly senderId: string; readonly emoji: string }[];
  readonly votes: readonly { readonly voterId: string; readonly options: readonly string[] }[] | null;
  readonly versions: readonly { readonly text: string | null; readonly at: string }[];
  readonly status: string;
  readonly failedReason: string | null;
  readonly handedAt: string | null;
  readonly editedAt: string | null;
  readonly readAt: string | null;
  readonly revokedAt: string | null;
  readonly recovered: boolean;
}

export interface ApiAccount {
  readonly id: string;
  readonly phoneNumber: string | null;
  readonly displayName: string | null;
  readonly connectionStatus: string;
  readonly state: string;
  readonly reason: { readonly code: string } | null;
  readonly messagesSentToday: number;
  readonly messagesReceivedToday: number;
}

interface Answer<T> {
  readonly success: boolean;
  readonly data: T;
  readonly nextCursor?: string | null;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
}

/** The API said no. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(status: number, error: Answer<unknown>['error'], what: string) {
    super(`${what}: ${status} ${error?.code} ${error?.message}`);
    this.status = status;
    this.code = error?.code ?? 'NONE';
    this.details = error?.details;
  }
}

/** The API of a running daemon, for the demo and the tests. */
export class DaemonApi {
  readonly #base: string;
  readonly #key: string;

  constructor(daemon: { readonly url: string; readonly ownerKey: string }) {
    this.#base = `${daemon.url}/api/v1/whatsapp`;
    this.#key = daemon.ownerKey;
  }

  /** @throws ApiError if the answer is not a success */
  async call<T>(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<T> {
    return (await this.#ask<T>(method, path, body, headers)).data;
  }

  /** The bytes behind a path. */
  async bytes(path: string): Promise<Buffer> {
    const response = await fetch(`${this.#base}${path}`, {
      headers: { authorization: `Bearer ${this.#key}` },
    });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  account(accountId: string): Promise<ApiAccount> {
    return this.call('GET', `/accounts/${accountId}`);
  }

  /** Creates an account and resolves with its id and its first QR code. */
  async connect(displayName: string): Promise<{ accountId: string; qr: string }> {
    const { accountId } = await this.call<{ accountId: string }>('POST', '/connect', { displayName });
    return { accountId, qr: await this.qr(accountId) };
  }

  /** The account's QR code, as soon as there is one. */
  qr(accountId: string): Promise<string> {
    return this.until('A QR code', async () => {
      const { qr } = await this.call<{ qr: string | null }>('GET', `/qr-code/${accountId}`);
      return qr ?? undefined;
    });
  }

  /** Resolves with the account once it is in that connection status. */
  reached(accountId: string, connectionStatus: string): Promise<ApiAccount> {
    return this.until(`The status ${connectionStatus}`, async () => {
      const account = await this.account(accountId);
      return account.connectionStatus === connectionStatus ? account : undefined;
    });
  }

  async send(accountId: string, body: object, idempotencyKey?: string): Promise<string> {
    const headers: Record<string, string> = idempotencyKey ? { 'idempotency-key': idempotencyKey } : {};
    const path = `/accounts/${accountId}/messages`;
    return (await this.call<{ messageId: string }>('POST', path, body, headers)).messageId;
  }

  /** Every stored message of an account, newest first. */
  async messages(accountId: string): Promise<ApiMessage[]> {
    const all: ApiMessage[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const path = `/accounts/${accountId}/messages?limit=100${page}`;
      const answer: Answer<ApiMessage[]> = await this.#ask('GET', path);
      all.push(...answer.data);
      cursor = answer.nextCursor ?? null;
    }
    return all;
  }

  /** The stored message that fits, as soon as there is one. */
  message(accountId: string, what: string, fits: (message: ApiMessage) => boolean): Promise<ApiMessage> {
    return this.until(what, async () => (await this.messages(accountId)).find(fits));
  }

  /** Asks until `look` finds something. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    while (!patience.aborted) {
      const found = await look();
      if (found !== undefined) return found;
      await delay(LOOK_AGAIN_MS);
    }
    throw new Error(`${what} did not come within ${PATIENCE_MS / 1000} s.`);
  }

  async #ask<T>(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer = (await response.json()) as Answer<T>;
    if (!answer.success) throw new ApiError(response.status, answer.error, `${method} ${path}`);
    return answer;
  }
}
