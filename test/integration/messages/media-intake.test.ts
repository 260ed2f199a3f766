import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { openDatabase } from '../../../src/db/database.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import { type MediaIntake, makeMediaIntake } from '../../../src/messages/media-intake.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
const PDF = Buffer.from('%PDF-1.7\n1 0 obj\n');
const NO_WISH = { as: null, fileName: null };
const account = makeAccountId();

const stack = new AsyncDisposableStack();
let intake: MediaIntake;
let path: string;
let served: { body: Buffer; type: string | null };

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  const { db } = stack.use(openDatabase({ connection: database.connection, log: silentLog }));
  path = stack.use(await openTemporaryFolder()).path;
  const store = stack.use(await openDiskMediaStore({ path, log: silentLog }));
  intake = makeMediaIntake({
    db,
    store,
    fetchUrl: async () => ({
      body: once(served.body),
      declaredMimeType: served.type,
      fileName: 'from-url.bin',
    }),
  });
});

afterAll(() => stack.disposeAsync());

const files = async () =>
  (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
const fromData = (data: string, mimeType = 'image/png') => ({ from: 'data', data, mimeType }) as const;

describe('taking in the media of an outgoing message', () => {
  it('stores base64 data as what it is', async () => {
    const taken = await intake.takeMedia(account, fromData(PNG.toString('base64')), {
      as: null,
      fileName: 'a/b.png',
    });
    expect(taken).toMatchObject({
      mimeType: 'image/png',
      fileSize: PNG.length,
      fileName: 'b.png',
      as: 'image',
    });
  });

  it.each(['', 'a', '%%%%', 'aGVsbG8', 'aGVs\nbG8=', 'data:image/png;base64,aGVsbG8=', 'aGVsbG9='])(
    'refuses %j, which is no base64',
    async (data) => {
      await expect(intake.takeMedia(account, fromData(data), NO_WISH)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        details: [{ field: 'media.data' }],
      });
    },
  );

  it('refuses data of more than 16 MB', async () => {
    const data = Buffer.alloc(16 * 1024 * 1024 + 3).toString('base64');
    await expect(intake.takeMedia(account, fromData(data), NO_WISH)).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
  });

  it('takes what an address serves by its bytes, not by what the server says', async () => {
    served = { body: PDF, type: 'image/png' };
    const source = { from: 'url', url: 'https://files.example/x' } as const;
    const before = await files();
    await expect(intake.takeMedia(account, source, { as: 'image', fileName: null })).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA',
      details: [{ field: 'media.url' }],
    });
    expect(await files()).toBe(before);
    const taken = await intake.takeMedia(account, source, NO_WISH);
    expect(taken).toMatchObject({ as: 'document', mimeType: 'application/pdf', fileName: 'from-url.bin' });
  });

  it('sends an upload by its id, in its own account only', async () => {
    const { mediaId } = await intake.takeUpload(account, once(PNG), {
      declaredMimeType: 'text/plain',
      fileName: 'C:\\photos\\p.png',
    });
    const source = { from: 'upload', mediaId } as const;
    expect(await intake.takeMedia(account, source, NO_WISH)).toMatchObject({
      as: 'image',
      mimeType: 'image/png',
      fileName: 'p.png',
    });
    const unknown = { code: 'VALIDATION_FAILED', details: [{ field: 'media.mediaId' }] };
    await expect(intake.takeMedia(makeAccountId(), source, NO_WISH)).rejects.toMatchObject(unknown);
    for (const other of [randomUUID(), 'nonsense']) {
      const missing = intake.takeMedia(account, { from: 'upload', mediaId: other }, NO_WISH);
      await expect(missing).rejects.toMatchObject(unknown);
    }
  });

  it('refuses an empty upload', async () => {
    const nothing = intake.takeUpload(account, once(new Uint8Array()), {
      declaredMimeType: null,
      fileName: null,
    });
    await expect(nothing).rejects.toMatchObject({ code: 'VALIDATION_FAILED', details: [{ field: 'file' }] });
  });
});
