import { ReadableStream } from 'node:stream/web';
import { AwsV4Signer } from 'aws4fetch';
import type { S3Config } from '../config/config.ts';
import { waitMs } from '../lib/abort.ts';
import { AppError, toError } from '../lib/errors.ts';
import { StallWatch } from './stall-watch.ts';

/** SHA-256 of nothing: the hash of every request without a body. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** An error's text is looked at this far, in characters: its code comes first. */
const MAX_ERROR_TEXT = 4_096;

/** How long a storage is waited for, in milliseconds. */
export interface S3Limits {
  /** Without a byte in either direction. */
  readonly stallMs: number;
  /** Between one try and the next; there is one try more than there are pauses. */
  readonly pausesMs: readonly number[];
}

/** A storage that is away costs half a minute, not the time in which a daemon must have stopped. */
export const DEFAULT_S3_LIMITS: S3Limits = { stallMs: 10_000, pausesMs: [250, 1_000] };

/** What a failure of the storage is called, by what it keeps. */
export type S3FailureCode = 'VAULT_STORAGE_FAILED' | 'MEDIA_STORAGE_FAILED';

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body;
  /** Answers that are taken besides those of success. */
  readonly accept?: (refusal: S3Refusal) => boolean;
}

/** A body of known length and hash. It is read anew for every try. */
export interface S3Body {
  readonly bytes: number;
  /** Hexadecimal; it is signed, so that the storage refuses a body that changed on its way. */
  readonly sha256: string;
  read(): AsyncIterable<Uint8Array>;
}

/** An answer that is not one of success: the HTTP status, and S3's own code if it gave one. */
export interface S3Refusal {
  readonly status: number;
  readonly code: string | null;
}

/** An answer whose body is still to come. Disposing lets go of it. */
export interface S3Answer extends Disposable {
  readonly headers: Headers;
  /** The next piece of the body; undefined at the end. Rejects if none comes in time. */
  next(): Promise<Uint8Array | undefined>;
}

/** Sends signed requests (AWS Signature Version 4) to a storage that speaks S3. */
export class S3Client {
  readonly #credentials: Pick<S3Config, 'accessKeyId' | 'secretAccessKey' | 'region'>;
  readonly #limits: S3Limits;
  readonly #signal: AbortSignal;
  readonly #failure: S3FailureCode;
  /** Signing keys, which are good for a day. */
  readonly #signingKeys = new Map<string, ArrayBuffer>();

  constructor(
    config: S3Config,
    {
      limits,
      signal,
      failure,
    }: { readonly limits: S3Limits; readonly signal: AbortSignal; readonly failure: S3FailureCode },
  ) {
    const { accessKeyId, secretAccessKey, region } = config;
    this.#credentials = { accessKeyId, secretAccessKey, region };
    this.#limits = limits;
    this.#signal = signal;
    this.#failure = failure;
  }

  /**
   * Does the work, and does it again after a pause while the storage or the network is at fault.
   * @throws AppError of the client's failure code, whose message begins with `what` and holds no secret; what `work` throws
   */
  async retry<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (thrown) {
        this.#signal.throwIfAborted();
        if (thrown instanceof AppError && thrown.code !== this.#failure) throw thrown;
        const pauseMs = this.#limits.pausesMs[attempt];
        if (pauseMs === undefined || !isTransient(thrown)) throw toStorageFailed(this.#failure, what, thrown);
        await waitMs(pauseMs, this.#signal);
      }
    }
  }

  /** One try. Resolves once the head of the answer is there. */
  async send(request: S3Request): Promise<S3Answer> {
    const { method, body } = request;
    const signed = await new AwsV4Signer({
      method,
      url: request.url.href,
      headers: {
        ...request.headers,
        'x-amz-content-sha256': body?.sha256 ?? EMPTY_SHA256,
        ...(body ? { 'content-length': String(body.bytes) } : {}),
      },
      ...this.#credentials,
      service: 's3',
      cache: this.#signingKeys,
    }).sign();
    using stack = new DisposableStack();
    const watch = stack.use(new StallWatch(this.#limits.stallMs, this.#signal));
    watch.expect();
    const response = await fetch(signed.url, {
      method,
      headers: signed.headers,
      redirect: 'manual',
      signal: watch.signal,
      ...(body ? bodyToInit(watched(body.read(), watch)) : {}),
    });
    if (!response.ok) {
      const refusal = { status: response.status, code: await findErrorCode(response) };
      if (request.accept?.(refusal) !== true) throw makeRefused(this.#failure, refusal);
    }
    watch.rest();
    const reader = response.ok ? response.body?.getReader() : undefined;
    const held = stack.move();
    return {
      headers: response.headers,
      async next() {
        watch.expect();
        const piece = await reader?.read();
        watch.rest();
        return piece?.value;
      },
      [Symbol.dispose]: () => held.dispose(),
    };
  }
}

/**
 * Sends a body as it is read. A request that might be repeated elsewhere, after a redirection or for a window, is copied
 * first, and its copy gathers the whole body in memory.
 */
function bodyToInit(source: AsyncIterable<Uint8Array>): RequestInit {
  // Node's own type of stream and that of fetch are one, and described twice.
  const body = ReadableStream.from(source) as BodyInit;
  return { body, duplex: 'half', redirect: 'error', window: null } as RequestInit;
}

/** The same bytes; each that is fetched is a sign of life of whoever takes them. */
async function* watched(source: AsyncIterable<Uint8Array>, watch: StallWatch): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    watch.expect();
    yield piece;
  }
  watch.expect();
}

/** S3's own word for what is wrong, such as AccessDenied. It is the storage's text: only a plain word is taken. */
async function findErrorCode(response: Response): Promise<string | null> {
  const text = (await response.text()).slice(0, MAX_ERROR_TEXT);
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(text)?.[1] ?? null;
}

function makeRefused(failure: S3FailureCode, refusal: S3Refusal): AppError {
  const { status, code } = refusal;
  return new AppError(failure, {
    message: `it answered ${status}${code === null ? '' : ` ${code}`}`,
    details: refusal,
  });
}

/** True if the same request may succeed later: the storage is at fault, is busy, or could not be reached. */
function isTransient(thrown: unknown): boolean {
  if (!(thrown instanceof AppError)) return true;
  const { status, code } = thrown.details as S3Refusal;
  return status >= 500 || status === 408 || status === 429 || code === 'RequestTimeout';
}

function toStorageFailed(failure: S3FailureCode, what: string, thrown: unknown): AppError {
  const error = toError(thrown);
  // fetch says only that it failed; why is in the cause.
  const { message } = error.cause === undefined ? error : toError(error.cause);
  return new AppError(failure, { message: `${what} (${message}).`, cause: thrown });
}
