import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import type { MediaStore } from '../../../src/messages/media-store.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
const NEVER = new AbortController().signal;
const ANY = { maxBytes: 1_000, declaredMimeType: null };

let folder: TemporaryFolder;
let path: string;
let store: MediaStore;

beforeEach(async () => {
  folder = await openTemporaryFolder();
  path = join(folder.path, 'media');
  store = await openDiskMediaStore({ path, log: silentLog });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function* chunks(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

const files = async () =>
  (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

describe('the media store on the disk', () => {
  it('keeps bytes under their hash, for the daemon alone', async () => {
    const sha256 = createHash('sha256').update(PNG).digest('hex');
    const stored = await store.put(PNG, { ...ANY, declaredMimeType: 'text/plain' });
    expect(stored).toEqual({ sha256, fileSize: PNG.length, mimeType: 'image/png' });
    await using file = await store.openLocal(sha256, NEVER);
    expect(file.path).toBe(join(path, sha256.slice(0, 2), sha256));
    expect(await readFile(file.path)).toEqual(PNG);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(path, sha256.slice(0, 2)))).mode & 0o777).toBe(0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('takes a stream and gives one back', async () => {
    const parts = [randomBytes(300_000), randomBytes(500_000)];
    const { sha256, fileSize } = await store.put(chunks(...parts), {
      maxBytes: 800_000,
      declaredMimeType: null,
    });
    const opened = await store.openRead(sha256);
    expect(opened.fileSize).toBe(fileSize);
    expect(await buffer(opened.stream)).toEqual(Buffer.concat(parts));
  });

  it('keeps one file of the same bytes, also when they come at the same time', async () => {
    const puts = await Promise.all(Array.from({ length: 8 }, () => store.put(PNG, ANY)));
    expect(new Set(puts.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(await files()).toBe(1);
  });

  it('leaves its time to a file that comes again: a browser that was given it goes on reading', async () => {
    const { sha256 } = await store.put(PNG, ANY);
    await using file = await store.openLocal(sha256, NEVER);
    await writeFile(file.path, 'damaged');
    await utimes(file.path, 1_000, 2_000);
    await store.put(PNG, ANY);
    expect(await readFile(file.path)).toEqual(PNG);
    expect((await stat(file.path)).mtimeMs).toBe(2_000_000);
  });

  it('refuses more than it is told to take and leaves nothing behind', async () => {
    const put = store.put(chunks(randomBytes(600), randomBytes(600)), { ...ANY, field: 'media.url' });
    await expect(put).rejects.toMatchObject({ code: 'TOO_LARGE', details: [{ field: 'media.url' }] });
    expect(await files()).toBe(0);
  });

  it('leaves nothing behind when the source breaks or the check refuses', async () => {
    await expect(store.put(chunks(PNG, new Error('cut off')), ANY)).rejects.toThrow('cut off');
    const check = () => {
      throw new AppError('UNSUPPORTED_MEDIA');
    };
    await expect(store.put(PNG, { ...ANY, check })).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA' });
    expect(await files()).toBe(0);
  });

  it('believes the declared type of what has no magic, and of nothing says so', async () => {
    const text = Buffer.from('a;b\n1;2\n');
    expect((await store.put(text, { ...ANY, declaredMimeType: 'text/csv' })).mimeType).toBe('text/csv');
    expect((await store.put(text, ANY)).mimeType).toBe('application/octet-stream');
  });

  it('removes what a crash left half-written, and nothing else', async () => {
    const { sha256 } = await store.put(PNG, ANY);
    await mkdir(join(path, '.incoming'), { recursive: true });
    await writeFile(join(path, '.incoming', 'left-over'), 'half');
    await using again = await openDiskMediaStore({ path, log: silentLog });
    expect(await files()).toBe(1);
    expect(await again.has(sha256)).toBe(true);
  });

  it('says that a file is not there, and touches nothing but hashes', async () => {
    expect(await store.has('0'.repeat(64))).toBe(false);
    await expect(store.openRead('0'.repeat(64))).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    await expect(store.openLocal('0'.repeat(64), NEVER)).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    for (const open of [store.has('../../etc/passwd'), store.openLocal('../../etc/passwd', NEVER)])
      await expect(open).rejects.toThrow(TypeError);
  });
});
