import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { S3Config } from '../../src/config/config.ts';
import { findRefusal, sha256 } from './s3-signature.ts';

/** What becomes of one request: a status instead of an answer, a connection that is cut, or silence. */
export type S3Fault =
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** With the head and this many bytes of the object sent, if it is one that is read. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Nothing is read and nothing is answered. */
  | { readonly kind: 'silence' };

export interface S3ServerOptions {
  /** Keeps old versions, as many a bucket does. */
  readonly versioned?: boolean;
}

interface Version {
  readonly id: string;
  /** Null marks the object as removed. */
  readonly bytes: Buffer | null;
  readonly at: Date;
}

/** Brings up a storage that speaks S3 on a port of the loopback. */
export async function openS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new S3Server(server, options);
}

/** Keeps objects in memory and believes no signature. */
export class S3Server implements AsyncDisposable {
  /** What it takes. */
  readonly config: S3Config;
  /** `method key` of every request, in their order. */
  readonly requests: string[] = [];
  /** Waited for before a request is answered, which is given as in `requests`. */
  onRequest: (request: string) => Promise<void> = async () => undefined;
  /** What is wrong with the next requests, one each. */
  readonly faults: S3Fault[] = [];
  readonly #server: Server;
  readonly #versioned: boolean;
  #unread = 0;
  /** Every version of every object, newest last. */
  readonly #objects = new Map<string, readonly Version[]>();

  constructor(server: Server, { versioned = false }: S3ServerOptions) {
    this.#server = server;
    this.#versioned = versioned;
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    this.config = {
      bucket: 'sealed',
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-test-1',
      accessKeyId: 'AKIATEST',
      secretAccessKey: `secret/${randomBytes(12).toString('base64')}`,
      prefix: 'of/tests',
    };
    server.on('request', (request, response) => {
      this.#unread += 1;
      response.once('close', () => {
        this.#unread -= 1;
      });
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** Keys of which there is anything, be it a version that is hidden. */
  get keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  /** The bytes of an object as a reader gets them now. */
  findObject(key: string): Buffer | undefined {
    return this.#objects.get(key)?.at(-1)?.bytes ?? undefined;
  }

  /** Answers that nobody has read to their end yet. */
  get unread(): number {
    return this.#unread;
  }

  /** Puts an object there without a request. */
  put(key: string, bytes: Buffer): void {
    this.#store(key, bytes);
  }

  /** Makes all objects as old as if they had been put there so much earlier. */
  age(ms: number): void {
    for (const [key, versions] of this.#objects)
      this.#objects.set(
        key,
        versions.map((version) => ({ ...version, at: new Date(version.at.getTime() - ms) })),
      );
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(`${this.config.endpoint}${request.url}`);
    const key = decodeURIComponent(url.pathname).replace(`/${this.config.bucket}/`, '');
    this.requests.push(`${request.method} ${key}`);
    const fault = this.faults.shift();
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'cut' && request.method !== 'GET') {
      request.destroy();
      return;
    }
    const body = await buffer(request);
    await this.onRequest(`${request.method} ${key}`);
    const refusal = this.#findRefusal({ request, url, body, fault });
    if (refusal) {
      refuse(response, ...refusal);
      return;
    }
    const cutAfter = fault?.kind === 'cut' ? fault.afterBytes : undefined;
    if (request.method === 'PUT') this.#put({ request, response, url, key }, body);
    else if (request.method === 'DELETE') this.#remove({ request, response, url, key });
    else if (url.searchParams.has('versions'))
      response.end(this.#listing(url.searchParams.get('prefix') ?? ''));
    else this.#read({ request, response, url, key }, cutAfter);
  }

  #findRefusal({ request, url, body, fault }: Arrived): readonly [number, string] | undefined {
    const refusal = findRefusal(request, url, this.config);
    if (refusal) return [403, refusal];
    if (sha256(body) !== request.headers['x-amz-content-sha256']) return [400, 'XAmzContentSHA256Mismatch'];
    if (fault?.kind === 'status') return [fault.status, fault.code];
    if (!url.pathname.startsWith(`/${this.config.bucket}/`)) return [404, 'NoSuchBucket'];
    const hasLength = request.headers['content-length'] !== undefined;
    return request.method === 'PUT' && !hasLength ? [411, 'MissingContentLength'] : undefined;
  }

  #put({ response, key }: Call, body: Buffer): void {
    this.#store(key, body);
    response.writeHead(200, { etag: `"${sha256(body)}"` }).end();
  }

  #store(key: string, bytes: Buffer | null): void {
    const id = this.#versioned ? randomBytes(8).toString('base64') : 'null';
    const version = { id, bytes, at: new Date() };
    this.#objects.set(key, [...(this.#versioned ? (this.#objects.get(key) ?? []) : []), version]);
  }

  #remove({ response, url, key }: Call): void {
    const id = url.searchParams.get('versionId');
    const hides = id === null && this.#versioned;
    const left = this.#objects.get(key)?.filter((version) => id !== null && version.id !== id) ?? [];
    if (hides) this.#store(key, null);
    else if (left.length > 0) this.#objects.set(key, left);
    else this.#objects.delete(key);
    response.writeHead(204, hides ? { 'x-amz-delete-marker': 'true' } : {}).end();
  }

  #listing(prefix: string): string {
    const tags = [...this.#objects].flatMap(([key, versions]) =>
      versions.map(({ id, bytes }) => {
        const tag = bytes === null ? 'DeleteMarker' : 'Version';
        return key.startsWith(prefix) ? `<${tag}><Key>${key}</Key><VersionId>${id}</VersionId></${tag}>` : '';
      }),
    );
    return `<ListVersionsResult><IsTruncated>false</IsTruncated>${tags.join('\n')}</ListVersionsResult>`;
  }

  #read({ request, response, key }: Call, cutAfter: number | undefined): void {
    const bytes = this.findObject(key);
    const etag = bytes && `"${sha256(bytes)}"`;
    const at = this.#objects.get(key)?.at(-1)?.at;
    if (at !== undefined) response.setHeader('last-modified', at.toUTCString());
    const wanted = request.headers['if-match'];
    if (bytes === undefined || etag === undefined) refuse(response, 404, 'NoSuchKey');
    else if (wanted !== undefined && wanted !== etag) refuse(response, 412, 'PreconditionFailed');
    else {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const part = bytes.subarray(start);
      response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': part.length, etag });
      if (request.method === 'HEAD') response.end();
      else if (cutAfter === undefined) response.end(part);
      else response.write(part.subarray(0, cutAfter), () => response.destroy());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly key: string;
}

interface Arrived {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly body: Buffer;
  readonly fault: S3Fault | undefined;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`);
}
