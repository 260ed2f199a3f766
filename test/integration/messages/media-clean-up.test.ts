import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, DEFAULT_TENANT } from '../../../src/accounts/ids.ts';
import { purgeAccount } from '../../../src/db/account-removal.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { makeMediaLeavings } from '../../../src/db/media-leavings.ts';
import { insertMediaUpload } from '../../../src/db/media-upload-store.ts';
import { deleteExpiredMessages, saveRetention } from '../../../src/db/retention.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import { removeUnreferredMedia } from '../../../src/messages/media-clean-up.ts';
import { hashToPlace, type MediaStore } from '../../../src/messages/media-store.ts';
import { openS3MediaStore } from '../../../src/messages/s3-media-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent, storedMediaEvent, T0 } from '../../support/inbound-events.ts';
import { openS3Server, type S3Server } from '../../support/s3-server.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
/** Whatever is there has come before it. */
const LATER = new Date(NOW_MS + DAY_MS);
const IMAGE = { mimeType: 'image/png', fileName: null, fileSize: 3 };

const stack = new AsyncDisposableStack();
let db: Executor;
let store: MediaStore;
let disk: MediaStore;
let folder: string;
/** From when on a file counts as stored just now. */
let since: Date;
let account: AccountId;
let files = 0;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
  folder = stack.use(await openTemporaryFolder()).path;
  disk = stack.use(await openDiskMediaStore({ path: folder, log: silentLog }));
  await saveRetention(db, DEFAULT_TENANT, 30);
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
  since = LATER;
  store = disk;
});

const put = (text: string) => store.put(Buffer.from(text), { maxBytes: 1_000, declaredMimeType: null });

/** A file that counts as stored long ago. */
async function putOld(text = `file ${++files}`): Promise<string> {
  return (await put(text)).sha256;
}

/** A message of so many days ago with this file. */
async function receive(bareId: string, sha256: string, days: number): Promise<void> {
  const at = NOW_MS - days * DAY_MS;
  const event = storedMediaEvent(bareId, T0);
  const stored = { ...event, result: { ...event.result, sha256 } } as typeof event;
  await ingestEvents(
    db,
    account,
    [messageEvent(bareId, { at, type: 'image', media: IMAGE }), stored],
    new Date(),
  );
}

/** Deletes what is older than a month, as if that were so many days ago. */
async function expire(daysAgo = 8): Promise<void> {
  await deleteExpiredMessages(db, new Date(NOW_MS));
  await sql`update media_leavings set left_at = now() - ${daysAgo} * interval '1 day'`.execute(db);
}

const cleanUp = () =>
  removeUnreferredMedia({ db, remove: (hash) => store.removeUntouched(hash, since) }, NOW_MS);

describe('files of media', () => {
  it('go a week after their last message went, and others stay', async () => {
    const [gone, kept, strange] = [await putOld(), await putOld(), await putOld()];
    await receive('A', gone, 40);
    await receive('B', kept, 1);
    await expire(6);
    expect(await cleanUp()).toBe(0);
    await expire(8);
    expect(await cleanUp()).toBe(1);
    expect(await Promise.all([gone, kept, strange].map((hash) => store.has(hash)))).toEqual([
      false,
      true,
      true,
    ]);
    expect(await cleanUp()).toBe(0);
  });

  it('stay while another message, of whatever account, or an upload refers to them', async () => {
    const [shared, uploaded] = [await putOld(), await putOld()];
    await receive('A', shared, 40);
    await receive('B', uploaded, 40);
    account = await insertTestAccount(db);
    await receive('C', shared, 1);
    const id = crypto.randomUUID();
    await insertMediaUpload(db, { id, accountId: account, sha256: uploaded, ...IMAGE });
    await expire();
    expect(await cleanUp()).toBe(0);
    expect([await store.has(shared), await store.has(uploaded)]).toEqual([true, true]);
    await purgeAccount(db, account);
    await expire();
    expect(await cleanUp()).toBe(2);
  });

  it('of uploads go with them, as old as messages may be', async () => {
    const [old, young] = [await putOld(), await putOld()];
    for (const sha256 of [old, young])
      await insertMediaUpload(db, { id: crypto.randomUUID(), accountId: account, sha256, ...IMAGE });
    await sql`update media_uploads set created_at = now() - interval '31 days' where sha256 = ${old}`.execute(
      db,
    );
    await expire();
    expect(await cleanUp()).toBe(1);
    expect([await store.has(old), await store.has(young)]).toEqual([false, true]);
  });

  it('stay if they are stored again, whose message may still be on its way', async () => {
    const text = `file ${++files}`;
    const hash = await putOld(text);
    await receive('A', hash, 40);
    await expire();
    const place = hashToPlace(hash);
    const cameAt = async () => (await stat(join(folder, place.folder, place.name))).ctimeMs;
    since = new Date(Math.floor(await cameAt()) + 1);
    // The grain of a file's time is some milliseconds.
    const storeAgain = async () => {
      await put(text);
      return cameAt();
    };
    await expect.poll(storeAgain).toBeGreaterThanOrEqual(since.getTime());
    expect(await cleanUp()).toBe(0);
    expect(await store.has(hash)).toBe(true);
  });

  it('come back if a clean-up was cut off before it had decided, and go with the next', async () => {
    const hash = await putOld();
    const place = hashToPlace(hash);
    const path = join(folder, place.folder, place.name);
    await rename(path, `${path}.leaving`);
    expect(await store.removeUntouched(hash, new Date(NOW_MS - DAY_MS))).toBe(false);
    expect(await store.has(hash)).toBe(true);
    await rename(path, `${path}.leaving`);
    expect(await store.removeUntouched(hash, LATER)).toBe(true);
    expect(await store.has(hash)).toBe(false);
  });

  it('are forgotten once every instance had a week to look at them', async () => {
    await receive('A', await putOld(), 40);
    await expire(15);
    await cleanUp();
    expect(await db.selectFrom('media_leavings').selectAll().execute()).toEqual([]);
  });
});

describe('files of media in S3', () => {
  const places = new AsyncDisposableStack();
  let server: S3Server;

  beforeEach(async () => {
    server = places.use(await openS3Server());
    store = places.use(
      await openS3MediaStore({
        s3: server.config,
        path: `${folder}/s3`,
        leavings: makeMediaLeavings(db),
        log: silentLog,
        signal: new AbortController().signal,
      }),
    );
    since = new Date(NOW_MS - 7 * DAY_MS);
  });
  afterAll(() => places.disposeAsync());

  it('go a week after their last message went, and others stay', async () => {
    const [gone, kept, strange] = [await putOld(), await putOld(), await putOld()];
    server.age(8 * DAY_MS);
    await receive('A', gone, 40);
    await receive('B', kept, 1);
    await expire(6);
    expect(await cleanUp()).toBe(0);
    await expire(8);
    expect(await cleanUp()).toBe(1);
    expect(await Promise.all([gone, kept, strange].map((hash) => store.has(hash)))).toEqual([
      false,
      true,
      true,
    ]);
    expect(await cleanUp()).toBe(0);
  });

  it('stay if they were stored again within the week', async () => {
    const text = `file ${++files}`;
    const hash = await putOld(text);
    server.age(8 * DAY_MS);
    await receive('A', hash, 40);
    await expire();
    await put(text);
    expect(await cleanUp()).toBe(0);
    expect(await store.has(hash)).toBe(true);
  });

  it('are there again if they are stored in the moment in which they go', async () => {
    const text = `file ${++files}`;
    const hash = await putOld(text);
    server.age(8 * DAY_MS);
    await receive('A', hash, 40);
    await expire();
    let putting: Promise<unknown> | undefined;
    server.onRequest = async (request) => {
      if (!request.startsWith('DELETE') || putting !== undefined) return;
      const before = server.requests.length;
      putting = put(text);
      // The file has come by now, and goes.
      await expect.poll(() => server.requests.length === before + 1 && server.unread === 1).toBe(true);
    };
    expect(await cleanUp()).toBe(1);
    await putting;
    expect(await store.has(hash)).toBe(true);
  });

  it('stay if a message came to refer to them since they were looked for', async () => {
    const hash = await putOld();
    server.age(8 * DAY_MS);
    await receive('A', hash, 40);
    await expire();
    await receive('B', hash, 1);
    expect(await store.removeUntouched(hash, since)).toBe(false);
    expect(await store.has(hash)).toBe(true);
  });
});
