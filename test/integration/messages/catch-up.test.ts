import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { saveCaughtUpTo } from '../../../src/db/catch-up-store.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { type LeaseFence, makeLeaseFence, NO_FENCE } from '../../../src/db/lease-fence.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { type CatchUp, openCatchUp } from '../../../src/messages/catch-up.ts';
import type { CatchUpOptions } from '../../../src/messages/catch-up-keeper.ts';
import type { InboundEvent, MessageEvent } from '../../../src/messages/inbound-event.ts';
import { type LiveGate, openLiveGate } from '../../../src/messages/live-gate.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { makeMessage, ScriptedSession } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';

const ALICE = '4915100000001@c.us';
const BOB = '4915100000002@c.us';
const HOUR = 3_600_000;
const DONE = 'The account was caught up with its page';

const stack = new AsyncDisposableStack();
let db: Executor;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});

afterAll(() => stack.disposeAsync());

/** The lane and what lies behind it, in order: an event is in the database when the lane is idle. */
class Lane {
  readonly events: InboundEvent[] = [];
  #tail: Promise<unknown> = Promise.resolve();
  #made = 0;

  readonly emit = (accountId: AccountId, events: readonly InboundEvent[], catchUpId?: string): void => {
    this.events.push(...events);
    const place = { run: 'test', n: this.#made, ...(catchUpId === undefined ? {} : { catchUpId }) };
    this.#made += 1;
    this.#tail = this.#tail.then(() => ingestEvents(db, accountId, events, new Date(), place));
  };

  readonly idle = async (): Promise<void> => {
    await this.#tail;
  };
}

describe('catching up with the page', () => {
  let clock: ManualClock;
  let log: RecordingLogger;
  let lane: Lane;
  let gate: LiveGate;
  let session: ScriptedSession;
  let connection: AbortController;

  beforeEach(async () => {
    clock = new ManualClock();
    log = new RecordingLogger();
    lane = new Lane();
    gate = openGate();
    session = new ScriptedSession(await insertTestAccount(db));
    connection = new AbortController();
  });

  const openGate = (): LiveGate => openLiveGate({ emit: lane.emit, onGap: () => expect.fail('a gap'), log });

  const open = (over: Partial<CatchUpOptions> = {}): CatchUp =>
    openCatchUp({
      db,
      emit: lane.emit,
      gate,
      laneIdle: lane.idle,
      committed: lane.idle,
      log,
      clock,
      retriesMs: [1, 1],
      ...over,
    });

  /** Runs once and ends the connection, as soon as the instant is stored. */
  async function catchUpOnce({
    heard,
    ...over
  }: Partial<CatchUpOptions> & { readonly heard?: (incomplete: number) => void } = {}) {
    await using catchUp = open({
      ...over,
      pauseMs: (incomplete) => {
        heard?.(incomplete);
        connection.abort();
        return 0;
      },
    });
    const line = log.next(DONE);
    await catchUp.run(session, { signal: connection.signal });
    connection = new AbortController();
    return (await line).fields;
  }

  const ago = (ms: number, bareId: string, chatId = ALICE, over: Partial<MessageEvent> = {}) =>
    makeMessage(chatId, bareId, clock.now() - ms, over);
  const linked = async (hoursAgo: number) => {
    const at = new Date(clock.now() - hoursAgo * HOUR);
    await db
      .updateTable('accounts')
      .set({ first_linked_at: at })
      .where('id', '=', session.accountId)
      .execute();
  };
  const caughtUp = (agoMs: number) =>
    saveCaughtUpTo(db, session.accountId, { atMs: clock.now() - agoMs, nowMs: clock.now() - agoMs });
  const ids = () => lane.events.map((event) => `${event.kind} ${event.key.bareId}`);
  /** Bare ids, in the order in which they are stored. */
  const storedIds = async () => {
    const rows = await db
      .selectFrom('messages')
      .select('bare_id')
      .where('account_id', '=', session.accountId)
      .orderBy('seq')
      .execute();
    return rows.map(({ bare_id }) => bare_id);
  };
  const stored = async () => (await storedIds()).length;
  const caughtUpTo = async () =>
    (
      await db
        .selectFrom('accounts')
        .select('caught_up_to')
        .where('id', '=', session.accountId)
        .executeTakeFirstOrThrow()
    ).caught_up_to?.getTime();

  it('reads two days back at the first link, oldest first in each chat', async () => {
    session.receive(ago(49 * HOUR, 'old'), ago(47 * HOUR, 'a1'), ago(HOUR, 'a2'), ago(HOUR, 'b1', BOB));
    session.receive(ago(50 * HOUR, 'quiet', '4915100000003@c.us'));
    const fields = await catchUpOnce();
    expect(ids()).toEqual(['message a1', 'message a2', 'message b1']);
    expect(lane.events.every((event) => event.kind === 'message' && event.recovered)).toBe(true);
    expect(fields).toMatchObject({ chats: 2, read: 3, recovered: 3, changed: 0, unread: 0 });
    expect(await caughtUpTo()).toBe(clock.now());
  });

  it('emits only what is missing, also below what is known, over an overlap of two days', async () => {
    await caughtUp(HOUR);
    const known = [ago(HOUR, 'k1'), ago(HOUR / 2, 'k2')];
    await ingestEvents(db, session.accountId, known, new Date());
    // Two days before what is known: no link of the account is dated, so that its time may be no older.
    session.receive(
      ago(49.1 * HOUR, 'before'),
      ago(47 * HOUR, 'm0'),
      ago(1.5 * HOUR, 'm1'),
      ...known.slice(0, 1),
    );
    session.receive(ago(0.9 * HOUR, 'm2'), ...known.slice(1), ago(0, 'm3'));
    await catchUpOnce();
    expect(ids()).toEqual(['message m0', 'message m1', 'message m2', 'message m3']);
  });

  it('reads at least 200 messages of a chat that has news, and none from long before the link', async () => {
    await linked(500);
    await caughtUp(HOUR);
    session.receive(...Array.from({ length: 300 }, (_, n) => ago((400 - n) * HOUR, `m${n}`)), ago(0, 'new'));
    session.receive(ago(600 * HOUR, 'b0', BOB), ago(400 * HOUR, 'b1', BOB), ago(0, 'b2', BOB));
    await catchUpOnce();
    const expected = Array.from({ length: 199 }, (_, n) => `message m${n + 101}`);
    expect(ids()).toEqual([...expected, 'message new', 'message b1', 'message b2']);
  });

  it('reads all back once after the clock was set back, not at each connection until that is made up for', async () => {
    await linked(500);
    session.receive(ago(HOUR, 'a'), ago(100 * HOUR, 'b', BOB));
    clock.set(200 * HOUR);
    await catchUpOnce();
    const ahead = await caughtUpTo();
    clock.set(-199 * HOUR);
    expect(await catchUpOnce()).toMatchObject({ chats: 2 });
    expect(await caughtUpTo()).toBe(clock.now());
    expect(ahead).toBeGreaterThan(clock.now());
    const marks = await db
      .selectFrom('chat_watermarks')
      .select('at')
      .where('account_id', '=', session.accountId)
      .execute();
    expect(marks.map(({ at }) => at.getTime())).toEqual([clock.now(), clock.now()]);
    expect(await catchUpOnce()).toMatchObject({ chats: 1 });
    expect(await caughtUpTo()).toBe(clock.now());
  });

  it('reads a page of each chat that was alive in two days if nothing happened, and none of the others', async () => {
    const chats = Array.from({ length: 40 }, (_, n) => `49151000001${n + 10}@c.us`);
    for (const [n, chat] of chats.entries()) session.receive(ago((n < 10 ? 1 : 60) * HOUR, 'a', chat));
    await catchUpOnce();
    session.pagesRead.length = 0;
    const fields = await catchUpOnce();
    expect(fields).toMatchObject({ chats: 10, pages: 10, recovered: 0, changed: 0 });
    expect(session.pagesRead).toHaveLength(10);
  });

  it('finds a message that came late and is older than two days, in a chat without other news', async () => {
    await linked(500);
    const messages = Array.from({ length: 250 }, (_, n) => ago((270 - n) * HOUR, `m${n}`));
    const late = messages.splice(100, 1);
    await ingestEvents(db, session.accountId, messages, new Date());
    session.receive(...messages);
    await catchUpOnce();
    session.chats.set(
      ALICE,
      [...messages, ...late].sort((a, b) => a.at - b.at),
    );
    lane.events.length = 0;
    // No more than the two hundred messages cost, which overlap a little.
    expect(await catchUpOnce()).toMatchObject({ chats: 1, pages: 5, read: 200, recovered: 1 });
    expect(ids()).toEqual(['message m100']);
  });

  it('reads a silent chat back whose newest message has changed', async () => {
    await linked(500);
    const old = ago(60 * HOUR, 'old');
    await ingestEvents(db, session.accountId, [old], new Date());
    session.receive(old);
    await catchUpOnce();
    const reaction = { kind: 'reaction', key: old.key, chatId: ALICE, senderId: ALICE, emoji: '👍' } as const;
    session.chats.set(ALICE, [{ ...old, reactions: [{ ...reaction, at: clock.now() }] }]);
    expect(await catchUpOnce()).toMatchObject({ chats: 1, changed: 1 });
    expect(ids()).toEqual(['reaction old']);
    session.chats.set(ALICE, [{ ...old, reactions: [] }]);
    // It was taken back at once. It may have come after the page was read, until it is known for long enough.
    const incomplete: number[] = [];
    expect(await catchUpOnce({ heard: (runs) => incomplete.push(runs) })).toMatchObject({
      chats: 1,
      changed: 0,
      doubtful: 1,
    });
    expect(incomplete).toEqual([1]);
    await sql`update message_reactions set stored_at = stored_at - interval '3 seconds'`.execute(db);
    await catchUpOnce();
    expect(ids()).toEqual(['reaction old', 'reaction old']);
    expect(lane.events.at(-1)).toMatchObject({ emoji: '' });
  });

  it('goes on with the chats that a run that was cut off had not read', async () => {
    const chats = Array.from({ length: 120 }, (_, n) => `4915100001${n + 100}@c.us`);
    for (const chat of chats) session.receive(ago(HOUR, 'a', chat));
    session.onRead = (pages) => {
      if (pages > 60) connection.abort();
    };
    await using catchUp = open();
    await catchUp.run(session, { signal: connection.signal });
    const { length } = await db
      .selectFrom('chat_watermarks')
      .select('chat_id')
      .where('account_id', '=', session.accountId)
      .execute();
    expect(length).toBe(50);
    expect(await caughtUpTo()).toBeUndefined();
  });

  it('emits nothing the second time', async () => {
    session.receive(ago(HOUR, 'a'), ago(HOUR, 'b'));
    await catchUpOnce();
    lane.events.length = 0;
    await catchUpOnce();
    expect(ids()).toEqual([]);
  });

  it('tells the acks, edits and revocations that came meanwhile', async () => {
    const mine = (bareId: string, over: Partial<MessageEvent>) =>
      ago(HOUR, bareId, ALICE, {
        key: { fromMe: true, chatId: ALICE, bareId, participant: null },
        author: null,
        ...over,
      });
    const before = [mine('read', { ack: 1 }), mine('same', { ack: 2 }), ago(HOUR, 'gone'), ago(HOUR, 'new')];
    await ingestEvents(db, session.accountId, before, new Date());
    session.receive(mine('read', { ack: 3 }), mine('same', { ack: 2 }));
    session.receive(ago(HOUR, 'gone', ALICE, { type: 'revoked', text: null }));
    session.receive(ago(HOUR, 'new', ALICE, { text: 'edited', editedAt: clock.now() }));
    await catchUpOnce();
    expect(ids().toSorted()).toEqual(['ack read', 'edit new', 'revoke gone']);
    const rows = await db
      .selectFrom('messages')
      .select(['bare_id', 'status', 'text', 'revoked_at'])
      .where('account_id', '=', session.accountId)
      .execute();
    const row = (bareId: string) => rows.find(({ bare_id }) => bare_id === bareId);
    expect(row('read')?.status).toBe('read');
    expect(row('new')?.text).toBe('edited');
    expect(row('gone')?.revoked_at).not.toBeNull();
  });

  it('knows a message that was stored under the LID of its chat', async () => {
    const lid = '123456789012345@lid';
    const key = { fromMe: false, chatId: lid, bareId: 'A', participant: null };
    await ingestEvents(db, session.accountId, [ago(HOUR, 'A', lid, { key })], new Date());
    session.receive(ago(HOUR, 'A', ALICE, { key }));
    await catchUpOnce();
    expect(ids()).toEqual([]);
  });

  it('recovers thousands from one chat in order, while messages arrive and a page fails', async () => {
    const missed = Array.from({ length: 3_000 }, (_, n) => ago(HOUR - n, `m${n}`));
    session.receive(...missed);
    let live = 0;
    session.onRead = (page) => {
      if (page === 20 || page === 70) throw new AppError('SESSION_DEADLINE');
      if (page > 100) return;
      live += 7;
      const arrived = Array.from({ length: 7 }, (_, n) => ago(0, `live${page}-${n}`));
      session.receive(...arrived);
      lane.emit(session.accountId, arrived);
    };
    const fields = await catchUpOnce();
    expect(fields).toMatchObject({ unread: 0 });
    expect(await stored()).toBe(3_000 + live);
    const order = await db
      .selectFrom('messages')
      .select('bare_id')
      .where('account_id', '=', session.accountId)
      .where('bare_id', 'like', 'm%')
      .orderBy('seq')
      .execute();
    expect(order.map(({ bare_id }) => bare_id)).toEqual(missed.map(({ key }) => key.bareId));
  });

  it('keeps what is told live of a chat behind what it reads back of it, and what is told of others not', async () => {
    session.receive(ago(2_000, 'a1'), ago(2_000, 'b1', BOB));
    const fresh = '4915100000009@c.us';
    const live = (bareId: string, chatId: string) => {
      const message = ago(0, bareId, chatId);
      session.receive(message);
      gate.accept(session.accountId, [message]);
    };
    session.onList = () => live('before the list', BOB);
    session.onRead = (page) => {
      if (page === 1) for (const chat of [ALICE, BOB, fresh]) live(`page 1 of ${chat}`, chat);
      if (page === 2) live('after b', BOB);
    };
    await catchUpOnce();
    const rows = await db
      .selectFrom('messages')
      .select(['bare_id', 'chat_id', 'recovered'])
      .where('account_id', '=', session.accountId)
      .orderBy('seq')
      .execute();
    const of = (chatId: string) =>
      rows.filter(({ chat_id }) => chat_id === chatId).map(({ bare_id }) => bare_id);
    expect(of(ALICE)).toEqual(['a1', `page 1 of ${ALICE}`]);
    expect(of(BOB)).toEqual(['b1', 'before the list', `page 1 of ${BOB}`, 'after b']);
    expect(of(fresh)).toEqual([`page 1 of ${fresh}`]);
    expect(rows.filter(({ recovered }) => recovered).map(({ bare_id }) => bare_id)).toEqual(['b1', 'a1']);
    // The chat that something was told of is read first, although the other is the later one.
    expect(session.pagesRead[0]?.chatId).toBe(BOB);
  });

  it('keeps the order of a chat over a stop in the middle of a run', async () => {
    session.receive(ago(3_000, 'a1'), ago(2_000, 'a2'));
    session.onRead = () => {
      const live = ago(0, 'a3');
      session.receive(live);
      gate.accept(session.accountId, [live]);
      connection.abort();
    };
    await using catchUp = open();
    await catchUp.run(session, { signal: connection.signal });
    gate[Symbol.dispose]();
    session.onRead = () => undefined;
    connection = new AbortController();
    await catchUpOnce({ gate: openGate() });
    expect(await storedIds()).toEqual(['a1', 'a2', 'a3']);
  });

  it('holds what is told live while the page cannot be read for a moment', async () => {
    session.receive(ago(3_000, 'a1'), ago(2_000, 'a2'));
    const list = session.listChats.bind(session);
    session.listChats = async () => {
      const live = ago(0, 'a3');
      session.receive(live);
      gate.accept(session.accountId, [live]);
      session.listChats = list;
      throw new Error('Execution context was destroyed');
    };
    await catchUpOnce();
    expect(await storedIds()).toEqual(['a1', 'a2', 'a3']);
  });

  it('holds what is told live when a run fails and another follows at once', async () => {
    session.receive(ago(3_000, 'a1'), ago(2_000, 'a2'));
    await using catchUp = open();
    const list = session.listChats.bind(session);
    session.listChats = async () => {
      const live = ago(0, 'a3');
      session.receive(live);
      gate.accept(session.accountId, [live]);
      catchUp.request(session.accountId, 'gap');
      session.listChats = () => Promise.reject(new AppError('SESSION_DEADLINE'));
      return await session.listChats();
    };
    const failed = log.next('The account could not be caught up; it is tried again');
    const done = log.next(DONE);
    const run = catchUp.run(session, { signal: connection.signal });
    await failed;
    session.listChats = list;
    await done;
    connection.abort();
    await run;
    await lane.idle();
    expect(await storedIds()).toEqual(['a1', 'a2', 'a3']);
  });

  it('lets what is told live pass when the page cannot be read', async () => {
    session.listChats = async () => {
      gate.accept(session.accountId, [ago(0, 'live')]);
      throw new AppError('SESSION_DEADLINE');
    };
    await using catchUp = open();
    const line = log.next('The account could not be caught up; it is tried again');
    const run = catchUp.run(session, { signal: connection.signal });
    await line;
    gate.accept(session.accountId, [ago(0, 'next')]);
    connection.abort();
    await run;
    expect(ids()).toEqual(['message live', 'message live', 'message live', 'message next']);
  });

  it.each([
    { lostAfter: 'nothing', passes: 0, read: 0, left: { entries: [], marks: 0 } },
    { lostAfter: 'the entry in the ledger', passes: 1, read: 1, left: { entries: [false], marks: 0 } },
    { lostAfter: 'the watermarks', passes: 2, read: 1, left: { entries: [false], marks: 1 } },
    { lostAfter: 'the end of the run', passes: 3, read: 1, left: { entries: [true], marks: 1 } },
  ])(
    'writes nothing more once another instance has the account, lost after $lostAfter',
    async ({ passes, read, left }) => {
      session.receive(ago(HOUR, 'a'));
      const lost = makeLeaseFence(() => undefined);
      let passed = 0;
      const fence: LeaseFence = {
        condition: (id) => (passed++ < passes ? NO_FENCE : lost).condition(id),
        requireGone: lost.requireGone,
      };
      const pauseMs = () => {
        connection.abort();
        return 0;
      };
      await using catchUp = open({ fence, pauseMs });
      await catchUp.run(session, { signal: connection.signal });
      const of = { account_id: session.accountId };
      const entries = await db
        .selectFrom('catch_ups')
        .select('ended_at')
        .where((eb) => eb.and(of))
        .execute();
      const marks = await db
        .selectFrom('chat_watermarks')
        .select('chat_id')
        .where((eb) => eb.and(of))
        .execute();
      const isEnded = entries.map(({ ended_at }) => ended_at !== null);
      expect({ entries: isEnded, marks: marks.length }).toEqual(left);
      expect(session.pagesRead).toHaveLength(read);
      expect(await caughtUpTo()).toBeUndefined();
    },
  );

  it('keeps the instant while a chat cannot be read, and reads the others', async () => {
    session.receive(ago(HOUR, 'a'), ago(HOUR, 'b', BOB));
    session.onRead = () => {
      if (session.pagesRead.at(-1)?.chatId === ALICE) throw new AppError('SESSION_DEADLINE');
    };
    const fields = await catchUpOnce();
    expect(fields).toMatchObject({ chats: 2, unread: 1 });
    expect(ids()).toEqual(['message b']);
    expect(await caughtUpTo()).toBeUndefined();
  });

  it('keeps the instant until what it found is committed', async () => {
    session.receive(ago(HOUR, 'a'));
    const asked = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    const saved = Promise.withResolvers<void>();
    const committed = () => {
      asked.resolve();
      return stored.promise;
    };
    await using catchUp = open({
      committed,
      onStep: (step) => step === 'watermark-saved' && saved.resolve(),
    });
    const run = catchUp.run(session, { signal: connection.signal });
    await asked.promise;
    expect(await caughtUpTo()).toBeUndefined();
    stored.resolve();
    await saved.promise;
    expect(await caughtUpTo()).toBe(clock.now());
    connection.abort();
    await run;
  });

  it('keeps the watermarks where the lane has dropped what it found, and reads it again', async () => {
    session.receive(ago(HOUR, 'a'));
    let isDropping = true;
    const dropped = log.next('The account could not be caught up; it is tried again');
    const done = log.next(DONE);
    await using catchUp = open({
      emit: (...found) => void (isDropping || lane.emit(...found)),
      committed: async () => {
        if (isDropping) throw new AppError('UNAVAILABLE', { message: 'The lane has dropped events.' });
        await lane.idle();
      },
      pauseMs: () => HOUR,
    });
    const run = catchUp.run(session, { signal: connection.signal });
    await dropped;
    const watermarks = db
      .selectFrom('chat_watermarks')
      .selectAll()
      .where('account_id', '=', session.accountId);
    expect(await watermarks.execute()).toEqual([]);
    expect(await caughtUpTo()).toBeUndefined();
    isDropping = false;
    catchUp.request(session.accountId, 'gap');
    expect((await done).fields).toMatchObject({ cause: 'gap', recovered: 1 });
    expect(await watermarks.execute()).toHaveLength(1);
    connection.abort();
    await run;
    expect(await storedIds()).toEqual(['a']);
  });

  it('writes each run into the ledger: why, from when to when, what it found and what of it was new', async () => {
    const known = ago(HOUR, 'known');
    const mine = { fromMe: true, chatId: ALICE, bareId: 'mine', participant: null };
    const sent = ago(HOUR, 'mine', ALICE, { key: mine, author: null, ack: 1 });
    await ingestEvents(db, session.accountId, [known, sent], new Date());
    session.receive(ago(HOUR, 'a'), known, { ...sent, ack: 3 }, ago(HOUR, 'b'));
    // Somebody else stores one of them before what was found is.
    session.onRead = () => void lane.emit(session.accountId, [ago(HOUR, 'b')]);
    await catchUpOnce();
    const entries = await db
      .selectFrom('catch_ups')
      .selectAll()
      .where('account_id', '=', session.accountId)
      .execute();
    const now = new Date(clock.now());
    expect(entries).toMatchObject([
      {
        cause: 'ready',
        from_at: new Date(clock.now() - 48 * HOUR),
        to_at: now,
        found: 3,
        stored: 2,
        chats: 1,
        unread: 0,
        started_at: now,
        ended_at: now,
      },
    ]);
  });

  it.each(['redis', 'database'] as const)('reads every page again when %s is back', async (cause) => {
    await using catchUp = open({ pauseMs: () => 3_600_000 });
    const first = log.next(DONE);
    const run = catchUp.run(session, { signal: connection.signal });
    await first;
    session.receive(ago(0, 'missed'));
    const second = log.next(DONE);
    catchUp.requestAll(cause);
    expect((await second).fields).toMatchObject({ cause, recovered: 1 });
    connection.abort();
    await run;
  });

  it('fills in the next run what an earlier one left out', async () => {
    session.receive(ago(HOUR, 'a'));
    session.onRead = () => {
      throw new AppError('SESSION_DEADLINE');
    };
    await catchUpOnce();
    session.onRead = () => undefined;
    const live = ago(0, 'live');
    session.receive(live);
    await ingestEvents(db, session.accountId, [live], new Date());
    await catchUpOnce();
    expect(ids()).toEqual(['message a']);
  });

  it('moves the instant while it listens, and reads again when the lane reports a gap', async () => {
    const pauses: PromiseWithResolvers<void>[] = [];
    const paused = Promise.withResolvers<void>();
    let pauseMs = 5;
    await using catchUp = open({
      pauseMs: () => {
        if (pauses.length === 0) clock.advance(HOUR);
        pauses.push(Promise.withResolvers());
        if (pauses.length === 2) {
          pauseMs = 3_600_000;
          paused.resolve();
        }
        return pauseMs;
      },
    });
    const start = clock.now();
    const run = catchUp.run(session, { signal: connection.signal });
    await paused.promise;
    expect(await caughtUpTo()).toBe(start + HOUR);
    session.receive(ago(0, 'dropped'));
    const line = log.next(DONE);
    catchUp.request(session.accountId, 'gap');
    expect((await line).fields).toMatchObject({ recovered: 1 });
    connection.abort();
    await run;
    expect(ids()).toEqual(['message dropped']);
  });

  it('ends silently when the connection does, in the middle of a page that never comes', async () => {
    session.receive(ago(HOUR, 'a'));
    const reading = Promise.withResolvers<void>();
    session.readChat = () => {
      reading.resolve();
      return new Promise(() => undefined);
    };
    await using catchUp = open();
    const run = catchUp.run(session, { signal: connection.signal });
    await reading.promise;
    connection.abort();
    await run;
    expect(log.lines).toEqual([]);
    expect(await caughtUpTo()).toBeUndefined();
  });

  it('never runs twice at a time for an account', async () => {
    session.receive(ago(HOUR, 'a'));
    let inside = 0;
    let most = 0;
    let ended = 0;
    const read = session.readChat.bind(session);
    session.readChat = async (chatId, range) => {
      inside += 1;
      most = Math.max(most, inside);
      try {
        return await read(chatId, range);
      } finally {
        inside -= 1;
      }
    };
    await using catchUp = open();
    const line = log.next(DONE);
    const first = catchUp.run(session, { signal: connection.signal }).then(() => {
      ended += 1;
    });
    const second = catchUp.run(session, { signal: connection.signal });
    await first;
    expect(ended).toBe(1);
    await line;
    connection.abort();
    await second;
    expect(most).toBe(1);
  });
});
