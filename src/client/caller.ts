import createClient from 'openapi-fetch';
import { type Asked, isEnvelope, strangerToError, thrownToError } from './answer-error.ts';
import type { Method } from './call-types.ts';
import type { ClientOptions } from './client-options.ts';
import { exchange } from './exchange.ts';
import { KEYED_PATHS } from './keyed-paths.ts';
import type { paths } from './openapi.ts';

/** Longer than any answer takes but a logout's; the daemon itself gives up after two minutes. Milliseconds. */
const TIMEOUT_MS = 30_000;

const RETRIES = 2;

/** The most that the API gives at once. */
const PAGE_SIZE = 100;

const KEY_HEADER = 'idempotency-key';

/** A call as it is within the client; outside, its types are those of the OpenAPI document. */
export interface UntypedCall {
  readonly params?: {
    readonly query?: object | undefined;
    readonly path?: object | undefined;
    readonly header?: Readonly<Record<string, string>> | undefined;
  };
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly parseAs?: 'json' | 'text' | 'blob' | 'arrayBuffer' | 'stream';
  readonly timeoutMs?: number | null;
  readonly signal?: AbortSignal;
}

export interface UntypedAnswer {
  readonly body: unknown;
  readonly response: Response;
}

export type Caller = (method: Method, path: string, call?: UntypedCall) => Promise<UntypedAnswer>;

/** Makes what makes the calls: with credentials, an Idempotency-Key where one belongs, and within the time. */
export function makeCaller(options: ClientOptions): Caller {
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  // A redirect would carry the key to wherever it leads.
  const api = createClient<paths>({ baseUrl, bodySerializer: serializeBody, redirect: 'manual' });
  const request = api.request as unknown as (
    method: Method,
    path: string,
    init: object,
  ) => Promise<{ readonly data?: unknown; readonly response: Response }>;

  return async (method, path, { timeoutMs = options.timeoutMs, headers, parseAs = 'json', ...call } = {}) => {
    const idempotencyKey = keyOf(method, path, { ...headers, ...call.params?.header });
    const asked: Asked = { baseUrl, idempotencyKey };
    const isForm = isFormBody(call.body);
    const credentials = await credentialsOf(options);
    let answer: Response | undefined;
    try {
      const { data: body, response } = await request(method, path, {
        ...call,
        parseAs,
        headers: {
          accept: parseAs === 'json' ? 'application/json' : '*/*',
          ...credentials,
          ...headers,
          ...(idempotencyKey === undefined ? {} : { [KEY_HEADER]: idempotencyKey }),
        },
        fetch: async (made: Request) => {
          answer = await exchange(made, {
            ...asked,
            fetch: options.fetch ?? fetch,
            timeoutMs: timeoutMs === undefined ? (isForm ? null : TIMEOUT_MS) : timeoutMs,
            // To be sent again, a file would have to be held in memory.
            retries: isForm ? 0 : (options.retries ?? RETRIES),
            isRepeatable: method === 'get' || idempotencyKey !== undefined,
          });
          return answer;
        },
      });
      if (parseAs === 'json' && response.status !== 204 && !isEnvelope(body)) {
        throw strangerToError(response, asked);
      }
      return { body, response };
    } catch (thrown) {
      call.signal?.throwIfAborted();
      if (thrown instanceof SyntaxError && answer !== undefined) throw strangerToError(answer, asked);
      throw thrownToError(thrown, asked);
    }
  };
}

/** Everything in a list; a page is asked for when the one before was read to its end. */
export async function* listAll(
  caller: Caller,
  path: string,
  call: UntypedCall = {},
): AsyncGenerator<unknown> {
  let cursor: string | null = null;
  do {
    const query = { limit: PAGE_SIZE, ...call.params?.query, ...(cursor === null ? {} : { cursor }) };
    const { body } = await caller('get', path, { ...call, params: { ...call.params, query } });
    const page = body as { readonly data: readonly unknown[]; readonly nextCursor: string | null };
    yield* page.data;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** Where the path takes one, the one that is given in whatever spelling, else a new one. */
function keyOf(method: Method, path: string, headers: Readonly<Record<string, string>>): string | undefined {
  if (method !== 'post' || !KEYED_PATHS.has(path)) return undefined;
  return new Headers(headers).get(KEY_HEADER) ?? crypto.randomUUID();
}

async function credentialsOf({ apiKey, token }: ClientOptions): Promise<Record<string, string>> {
  const bearer = typeof token === 'function' ? await token() : token;
  return {
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

/** True for what carries a file: it goes as multipart/form-data, its fields in their order. */
function isFormBody(body: unknown): body is object {
  return (
    typeof body === 'object' && body !== null && Object.values(body).some((value) => value instanceof Blob)
  );
}

function serializeBody(body: unknown): string | FormData {
  if (!isFormBody(body)) return JSON.stringify(body);
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.append(name, value);
  return form;
}
