import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import type { MediaDownload } from '../../../src/channels/channel.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import type { InboundEvent, MediaEvent } from '../../../src/messages/inbound-event.ts';
import { type MediaFetch, openMediaFetch } from '../../../src/messages/media-fetch.ts';
import type { MediaStore } from '../../../src/messages/media-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { makeMessage, ScriptedSession } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const CHAT = '4915100000001@c.us';
const MIB = 1024 * 1024;
const stack = new AsyncDisposableStack();
let db: Executor;
let store: MediaStore;
let folder: TemporaryFolder;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
  folder = stack.use(await openTemporaryFolder());
  store = stack.use(await openDiskMediaStore({ path: folder.path, log: silentLog }));
});

afterAll(() => stack.disposeAsync());

/** A download that gives these pieces one after another, and ends as the last of them does. */
const pieces = (...given: (Uint8Array | Promise<Uint8Array> | AppError)[]): MediaDownload => ({
  status: 'bytes',
  bytes: (async function* () {
    for (const piece of given) {
      if (piece instanceof AppError) throw piece;
      yield await piece;
    }
  })(),
  mimeType: 'text/plain',
  fileName: null,
});

const bytes = (content: string): MediaDownload => pieces(Buffer.from(content));

/** Files that the store has begun and not finished. */
const unfinished = () => readdir(join(folder.path, '.incoming'));

/** What the lane would store, and a way to wait for it. */
class Emitted {
  readonly results: string[] = [];
  readonly events: MediaEvent[] = [];
  /** Resolves when what was emitted is stored, or lost. */
  committed = async (): Promise<void> => undefined;
  #waiter: { count: number; promise: PromiseWithResolvers<void> } | undefined;

  readonly emit = (_: AccountId, events: readonly InboundEvent[]): void => {
    for (const event of events) {
      if (event.kind !== 'media') continue;
      this.events.push(event);
      this.results.push(`${event.key.bareId} ${event.result.status}`);
    }
    if (this.#waiter !== undefined && this.events.length >= this.#waiter.count)
      this.#waiter.promise.resolve();
  };

  async reach(count: number): Promise<void> {
    if (this.events.length >= count) return;
    this.#waiter = { count, promise: Promise.withResolvers() };
    await this.#waiter.promise.promise;
  }
}

describe('fetching the media of incoming messages', () => {
  let session: ScriptedSession;
  let emitted: Emitted;

  beforeEach(async () => {
    session = new ScriptedSession(await insertTestAccount(db));
    emitted = new Emitted();
  });

  const open = (triesMs: readonly number[] = [0, 20, 40]): MediaFetch =>
    openMediaFetch({
      db,
      store,
      emit: emitted.emit,
      committed: () => emitted.committed(),
      log: silentLog,
      clock: systemClock,
      triesMs,
    });

  async function announce(bareIds: readonly string[], fileSize: number | null = 5): Promise<void> {
    const media = { mimeType: 'text/plain', fileName: 'note.txt', fileSize };
    const events = bareIds.map((bareId, at) =>
      makeMessage(CHAT, bareId, 1_000 + at, { type: 'document', media }),
    );
    await ingestEvents(db, session.accountId, events, new Date());
  }

  it('stores what waited when the account connects, oldest first', async () => {
    await announce(['A', 'B']);
    session.downloads.set('A', [bytes('first')]).set('B', [bytes('second')]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(2);
    expect(emitted.results).toEqual(['A stored', 'B stored']);
    const [event] = emitted.events;
    if (event?.result.status !== 'stored') throw new Error('not stored');
    expect(event.result).toMatchObject({ mimeType: 'text/plain', fileSize: 5, fileName: 'note.txt' });
    expect(await text((await store.openRead(event.result.sha256)).stream)).toBe('first');
    await ingestEvents(db, session.accountId, emitted.events, new Date());
    const rows = await db
      .selectFrom('messages')
      .select('media_status')
      .where('account_id', '=', session.accountId)
      .execute();
    expect(rows.map((row) => row.media_status)).toEqual(['stored', 'stored']);
  });

  it('takes each message up once, however often it is woken', async () => {
    await announce(['A']);
    session.downloads.set('A', [bytes('first')]).set('B', [bytes('second')]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(1);
    await announce(['B']);
    for (let n = 0; n < 5; n += 1) fetch.wake(session.accountId);
    await emitted.reach(2);
    await announce(['C']);
    fetch.wake(session.accountId);
    await emitted.reach(3);
    expect(session.downloaded).toEqual(['A', 'B', 'C']);
    expect(emitted.results.at(-1)).toBe('C gone');
  });

  it('takes up again what came of messages that still wait, once something was lost on its way', async () => {
    await announce(['A', 'B', 'C']);
    session.downloads.set('A', [bytes('first'), bytes('first')]);
    session.downloads.set('B', [{ status: 'later' }]).set('C', [bytes('third')]);
    await using fetch = open([0, 600_000]);
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(2);
    expect(emitted.results).toEqual(['A stored', 'C stored']);
    // The event of A is lost, that of C is still on its way.
    const stored = Promise.withResolvers<void>();
    emitted.committed = () => stored.promise;
    fetch.startOver(session.accountId);
    await ingestEvents(db, session.accountId, emitted.events.slice(1), new Date());
    expect(session.downloaded).toEqual(['A', 'B', 'C']);
    stored.resolve();
    await emitted.reach(3);
    expect(emitted.results.at(-1)).toBe('A stored');
    await ingestEvents(db, session.accountId, emitted.events, new Date());
    await announce(['D']);
    fetch.wake(session.accountId);
    await emitted.reach(4);
    expect(session.downloaded).toEqual(['A', 'B', 'C', 'A', 'D']);
  });

  it('takes up what an older message turns out to carry', async () => {
    const media = { mimeType: 'text/plain', fileName: 'note.txt', fileSize: 5 };
    const old = makeMessage(CHAT, 'old', 1_000, { type: 'document', media });
    const stub = { ...old, type: 'revoked' as const, media: null };
    expect(await ingestEvents(db, session.accountId, [stub], new Date())).toMatchObject({ awaitedAnew: 0 });
    await announce(['A']);
    session.downloads.set('A', [bytes('first')]).set('old', [bytes('older')]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(1);
    await ingestEvents(db, session.accountId, emitted.events, new Date());
    const told = await ingestEvents(db, session.accountId, [old], new Date());
    expect(told).toMatchObject({ awaitingMedia: 1, awaitedAnew: 1 });
    fetch.startOver(session.accountId);
    await emitted.reach(2);
    expect(session.downloaded).toEqual(['A', 'old']);
    const seen = { ...old, ack: 3 as const };
    expect(await ingestEvents(db, session.accountId, [seen], new Date())).toMatchObject({ awaitedAnew: 0 });
  });

  it('tries again what is uploaded again, and lets others go first meanwhile', async () => {
    await announce(['A', 'B']);
    session.downloads.set('A', [{ status: 'later' }, new AppError('SESSION_DEADLINE'), bytes('at last')]);
    session.downloads.set('B', [bytes('second')]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(2);
    expect(emitted.results).toEqual(['B stored', 'A stored']);
    expect(session.downloaded).toEqual(['A', 'B', 'A', 'A']);
  });

  it('gives up after the last try', async () => {
    await announce(['A']);
    session.downloads.set('A', [{ status: 'later' }]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(1);
    expect(emitted.results).toEqual(['A failed']);
    expect(session.downloaded.length).toBe(3);
  });

  it('does not fetch what is declared larger than 100 MB, nor store what turns out to be', async () => {
    await announce(['A'], 100 * MIB + 1);
    await announce(['B']);
    const piece = new Uint8Array(10 * MIB);
    session.downloads.set('B', [pieces(...Array.from({ length: 10 }, () => piece), new Uint8Array(1))]);
    await using fetch = open();
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(2);
    expect(emitted.results).toEqual(['A failed', 'B failed']);
    expect(session.downloaded).toEqual(['B']);
  });

  it('leaves to the next connection what a dying browser interrupts', async () => {
    await announce(['A']);
    const connection = new AbortController();
    const dying = Promise.withResolvers<MediaDownload>();
    session.downloads.set('A', [dying.promise]);
    await using fetch = open([0]);
    const ended = fetch.run(session, connection.signal);
    await expect.poll(() => session.downloaded.length).toBe(1);
    dying.reject(new AppError('SESSION_FAULT'));
    connection.abort();
    await ended;
    expect(emitted.results).toEqual([]);

    session.downloads.set('A', [bytes('again')]);
    void fetch.run(session, new AbortController().signal);
    await emitted.reach(1);
    expect(emitted.results).toEqual(['A stored']);
  });

  it.each(['SESSION_DEADLINE', 'SESSION_FAULT'] as const)(
    'tries again what breaks off in the middle with %s, and keeps nothing of it',
    async (code) => {
      await announce(['A']);
      session.downloads.set('A', [pieces(Buffer.from('fir'), new AppError(code)), bytes('first')]);
      await using fetch = open();
      void fetch.run(session, new AbortController().signal);
      await emitted.reach(1);
      expect(emitted.results).toEqual(['A stored']);
      expect(session.downloaded).toEqual(['A', 'A']);
      expect(await unfinished()).toEqual([]);
    },
  );

  it('keeps nothing of a file in the middle of which the connection ends', async () => {
    await announce(['A']);
    const connection = new AbortController();
    const second = Promise.withResolvers<Uint8Array>();
    session.downloads.set('A', [pieces(Buffer.from('first'), second.promise)]);
    await using fetch = open([0]);
    const ended = fetch.run(session, connection.signal);
    await expect.poll(async () => (await unfinished()).length).toBe(1);
    connection.abort();
    await ended;
    expect(await unfinished()).toEqual([]);
    expect(emitted.results).toEqual([]);
  });

  it('waits for the verdict on a fault until the session has had time to say that it ended', async () => {
    await announce(['A']);
    const connection = new AbortController();
    session.downloads.set('A', [new AppError('SESSION_FAULT')]);
    await using fetch = open([0]);
    const ended = fetch.run(session, connection.signal);
    await expect.poll(() => session.downloaded.length).toBe(1);
    connection.abort();
    await ended;
    expect(emitted.results).toEqual([]);
  });

  it('ends at once when it is closed in the middle of a download', async () => {
    await announce(['A']);
    session.downloads.set('A', [new Promise<MediaDownload>(() => undefined)]);
    const fetch = open();
    const ended = fetch.run(session, new AbortController().signal);
    await expect.poll(() => session.downloaded.length).toBe(1);
    await fetch[Symbol.asyncDispose]();
    await ended;
    expect(emitted.results).toEqual([]);
  });
});
