import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MediaLeavings } from '../../../src/db/media-leavings.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import type { MediaStore } from '../../../src/messages/media-store.ts';
import { openS3MediaStore } from '../../../src/messages/s3-media-store.ts';
import type { S3Limits } from '../../../src/vault/s3-client.ts';
import { openS3Server, type S3Server } from '../../support/s3-server.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
const PNG_SHA256 = createHash('sha256').update(PNG).digest('hex');
const NEVER = new AbortController().signal;
const ANY = { maxBytes: 1_000, declaredMimeType: null };
const LARGE = { ...ANY, maxBytes: 20_000_000 };
const ABSENT = '0'.repeat(64);
/** Three tries without a pause. */
const LIMITS: S3Limits = { stallMs: 30_000, pausesMs: [0, 0] };
const unavailable = { kind: 'status', status: 503, code: 'SlowDown' } as const;

let stack: AsyncDisposableStack;
let path: string;
let server: S3Server;
let store: MediaStore;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  path = join(stack.use(await openTemporaryFolder()).path, 'media');
  server = stack.use(await openS3Server());
});
afterEach(() => stack.disposeAsync());

const openDisk = () => openDiskMediaStore({ path, log: silentLog });
/** Nothing ever lost a reference. */
const leavings: MediaLeavings = {
  isLeft: async () => false,
  keeping: (_sha256, work) => work(),
  removing: async () => false,
};
const openS3 = (signal = NEVER) =>
  openS3MediaStore({ s3: server.config, path, leavings, log: silentLog, signal, limits: LIMITS });

async function* chunks(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

/** Files on the disk, finished or not. */
const files = async () =>
  (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

describe.each([
  { place: 'on the disk', open: openDisk, kept: files },
  { place: 'in S3', open: openS3, kept: async () => server.keys.length },
])('the media store $place', ({ open, kept }) => {
  beforeEach(async () => {
    store = stack.use(await open());
  });

  it('takes a stream, and gives it back as a stream and as a file', async () => {
    const parts = [randomBytes(300_000), randomBytes(500_000)];
    const { sha256, fileSize } = await store.put(chunks(...parts), LARGE);
    const opened = await store.openRead(sha256);
    expect(opened.fileSize).toBe(fileSize);
    expect(await buffer(opened.stream)).toEqual(Buffer.concat(parts));
    await using file = await store.openLocal(sha256, NEVER);
    expect(await readFile(file.path)).toEqual(Buffer.concat(parts));
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  });

  it('keeps one file of the same bytes, also when they come at the same time', async () => {
    const puts = await Promise.all(Array.from({ length: 8 }, () => store.put(PNG, ANY)));
    expect(new Set(puts.map(({ sha256 }) => sha256))).toEqual(new Set([PNG_SHA256]));
    expect(await kept()).toBe(1);
  });

  it('refuses more than it is told to take and leaves nothing behind', async () => {
    const put = store.put(chunks(randomBytes(600), randomBytes(600)), { ...ANY, field: 'media.url' });
    await expect(put).rejects.toMatchObject({ code: 'TOO_LARGE', details: [{ field: 'media.url' }] });
    expect([await kept(), await files()]).toEqual([0, 0]);
  });

  it('leaves nothing behind when the source breaks or the check refuses', async () => {
    await expect(store.put(chunks(PNG, new Error('cut off')), ANY)).rejects.toThrow('cut off');
    const check = () => {
      throw new AppError('UNSUPPORTED_MEDIA');
    };
    await expect(store.put(PNG, { ...ANY, check })).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA' });
    expect([await kept(), await files()]).toEqual([0, 0]);
  });

  it('believes the declared type of what has no magic, and of nothing says so', async () => {
    const text = Buffer.from('a;b\n1;2\n');
    expect((await store.put(PNG, { ...ANY, declaredMimeType: 'text/plain' })).mimeType).toBe('image/png');
    expect((await store.put(text, { ...ANY, declaredMimeType: 'text/csv' })).mimeType).toBe('text/csv');
    expect((await store.put(text, ANY)).mimeType).toBe('application/octet-stream');
  });

  it('removes what a crash left half-written, and nothing else', async () => {
    await store.put(PNG, ANY);
    await mkdir(join(path, '.incoming'), { recursive: true });
    await writeFile(join(path, '.incoming', 'left-over'), 'half');
    await using again = await open();
    expect(await readdir(join(path, '.incoming'))).toEqual([]);
    expect(await again.has(PNG_SHA256)).toBe(true);
  });

  it('says that a file is not there, and touches nothing but hashes', async () => {
    expect(await store.has(ABSENT)).toBe(false);
    const missing = { code: 'MEDIA_NOT_FOUND' };
    await expect(store.openRead(ABSENT)).rejects.toMatchObject(missing);
    await expect(store.openLocal(ABSENT, NEVER)).rejects.toMatchObject(missing);
    for (const look of [store.has('../../etc/passwd'), store.openLocal('../../etc/passwd', NEVER)])
      await expect(look).rejects.toThrow(TypeError);
  });
});

describe('a file on the disk', () => {
  beforeEach(async () => {
    store = stack.use(await openDisk());
    await store.put(PNG, ANY);
  });

  it('lies under its hash, for the daemon alone', async () => {
    const folder = join(path, PNG_SHA256.slice(0, 2));
    await using file = await store.openLocal(PNG_SHA256, NEVER);
    expect(file.path).toBe(join(folder, PNG_SHA256));
    for (const each of [folder, path]) expect((await stat(each)).mode & 0o777).toBe(0o700);
  });

  it('is healed by coming again, and keeps its time: a browser that was given it goes on reading', async () => {
    await using file = await store.openLocal(PNG_SHA256, NEVER);
    await writeFile(file.path, 'damaged');
    await utimes(file.path, 1_000, 2_000);
    await store.put(PNG, ANY);
    expect(await readFile(file.path)).toEqual(PNG);
    expect((await stat(file.path)).mtimeMs).toBe(2_000_000);
  });
});

describe('a file in S3', () => {
  beforeEach(async () => {
    store = stack.use(await openS3());
  });

  it('lies under its hash, and on the disk only while it is sent', async () => {
    await store.put(PNG, ANY);
    expect(server.keys).toEqual([`of/tests/media/${PNG_SHA256.slice(0, 2)}/${PNG_SHA256}`]);
    expect(await files()).toBe(0);
    const file = await store.openLocal(PNG_SHA256, NEVER);
    expect(await files()).toBe(1);
    await file[Symbol.asyncDispose]();
    expect(await files()).toBe(0);
  });

  it('is asked for again while the storage is in trouble, and read on from where it broke', async () => {
    server.faults.push(unavailable, unavailable);
    const bytes = randomBytes(3_000_000);
    const { sha256 } = await store.put(bytes, LARGE);
    server.faults.push(unavailable, { kind: 'cut', afterBytes: 1_000_000 }, { kind: 'cut', afterBytes: 10 });
    expect((await buffer((await store.openRead(sha256)).stream)).equals(bytes)).toBe(true);
  });

  it('is given up in the end, and leaves nothing behind', async () => {
    const failed = { code: 'MEDIA_STORAGE_FAILED', message: expect.stringContaining('503 SlowDown') };
    const work = [
      () => store.put(PNG, ANY),
      () => store.has(PNG_SHA256),
      () => store.openRead(PNG_SHA256),
      () => store.openLocal(PNG_SHA256, NEVER),
    ];
    for (const each of work) {
      server.faults.push(unavailable, unavailable, unavailable);
      await expect(each()).rejects.toMatchObject(failed);
    }
    expect(await files()).toBe(0);
  });

  it('is not sent if it is not what was put there', async () => {
    server.put(`of/tests/media/${PNG_SHA256.slice(0, 2)}/${PNG_SHA256}`, Buffer.from('another'));
    await expect(store.openLocal(PNG_SHA256, NEVER)).rejects.toMatchObject({ code: 'MEDIA_STORAGE_FAILED' });
    expect(await files()).toBe(0);
  });

  it('is no longer waited for once the connection ends that it is sent by', async () => {
    server.faults.push({ kind: 'silence' });
    const connection = new AbortController();
    const opening = expect(store.openLocal(PNG_SHA256, connection.signal)).rejects.toThrow('over');
    await expect.poll(() => server.requests.length).toBe(1);
    connection.abort(new Error('over'));
    await opening;
    expect(await files()).toBe(0);
  });

  it('is let go of by a reader that goes away, before or after it began', async () => {
    const { sha256 } = await store.put(randomBytes(20_000_000), LARGE);
    for (const isRead of [false, true]) {
      const { stream } = await store.openRead(sha256);
      if (isRead) await once(stream, 'readable');
      stream.destroy();
      await once(stream, 'close');
    }
    await expect.poll(() => server.unread).toBe(0);
  });
});
