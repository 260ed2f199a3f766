import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, makeMessageId } from '../../../src/accounts/ids.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { type FeedBatch, takeBatch } from '../../../src/db/change-feed-store.ts';
import { appendChanges, type MessageChange } from '../../../src/db/change-log.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { notifyReader } from '../../../src/db/feed-line.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { transact } from '../../../src/db/transaction.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import {
  type ChangeFeed,
  type ChangeFeedDeps,
  type FeedTimings,
  openChangeFeed,
} from '../../../src/messages/change-feed.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

const TIMINGS: FeedTimings = {
  lingerMs: 60_000,
  gapMs: 60_000,
  pauseMs: 1,
  sweepMs: 60_000,
  takeOverMs: 50,
  notifyMs: 1,
};
const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';

let stack: AsyncDisposableStack;
let database: TestDatabase;
let db: Executor;
let account: AccountId;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  database = stack.use(await openTestDatabase());
  db = openDb();
  account = await insertTestAccount(db);
});
afterEach(() => stack.disposeAsync());

function openDb(): Executor {
  const { connection } = database;
  return stack.use(openDatabase({ connection, log: new RecordingLogger(), poolSize: 4 })).db;
}

function openFeed(given: Partial<ChangeFeedDeps> = {}): ChangeFeed {
  const { connection } = database;
  const log = new RecordingLogger();
  return stack.use(openChangeFeed({ db, connection, clock: systemClock, log, timings: TIMINGS, ...given }));
}

/** Somebody who hears of everything, and what they heard. */
class Listener {
  readonly changes: FeedBatch['changes'][number][] = [];
  readonly news: FeedBatch['news'][number][] = [];
  losses = 0;
  #look: () => void = () => undefined;

  readonly isListening = () => true;

  async tell(batch: FeedBatch): Promise<void> {
    this.changes.push(...batch.changes);
    this.news.push(...batch.news);
    this.#look();
  }

  async tellLoss(): Promise<void> {
    this.losses += 1;
    this.#look();
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  async untilCount(count: number): Promise<void> {
    await this.until(() => this.changes.length >= count);
  }
}

async function listen(feed: ChangeFeed): Promise<Listener> {
  const listener = new Listener();
  feed.subscribe(listener);
  await feed.attend(new AbortController().signal);
  return listener;
}

function receive(texts: readonly string[], on = db): Promise<unknown> {
  const events = texts.map((text) => messageEvent(text, { text }));
  return ingestEvents(on, account, events, new Date());
}

function numbered(count: number, start = 0): string[] {
  return Array.from({ length: count }, (_, nth) => `m${start + nth}`);
}

/** A message that waits to be sent. */
function insertWaiting(): Promise<void> {
  const at = new Date();
  const row = { id: makeMessageId(at.getTime()), accountId: account, chatId: BOB };
  const content = { type: 'text', text: 'hi', caption: null, payload: null, media: null } as const;
  return insertOutgoing(db, { ...content, ...row, replyTo: null, failure: null, at });
}

/** A change of some message in a chat. */
function changeIn(chatId: string): MessageChange {
  const id = '01920000-0000-7000-8000-000000000000';
  return {
    message_id: id,
    chat_id: chatId,
    phone_number: null,
    kind: 'status',
    message_at: null,
    is_incoming: false,
  };
}

/** The same database, where a batch can be made to be committed without the one that reads hearing of it. */
function breakAfterCommit(real: Executor) {
  const broken = Promise.withResolvers<void>();
  let isToBreak = false;
  const begin = () => ({
    async execute<T>(work: (trx: Executor) => Promise<T>): Promise<T> {
      const done = await real.transaction().execute(work);
      const isBatch = (done as Partial<FeedBatch> | undefined)?.changes?.length;
      if (!isToBreak || !isBatch) return done;
      isToBreak = false;
      broken.resolve();
      throw new Error('The connection broke.');
    },
  });
  const get = (target: Executor, name: keyof Executor) => {
    if (name === 'transaction') return begin;
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return {
    db: new Proxy(real, { get: (target, name) => get(target, name as keyof Executor) }),
    breakOnce: () => {
      isToBreak = true;
    },
    broken: broken.promise,
  };
}

async function countBehind(): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from chats where is_behind`.execute(
    db,
  );
  return rows[0]?.n ?? 0;
}

describe('a feed', () => {
  it('tells every change of a chat once and in order, also more than it reads at a time', async () => {
    const listener = await listen(openFeed());
    await receive(numbered(120));
    await receive(numbered(60, 120));
    await listener.untilCount(180);
    expect(listener.changes.map(({ chatSeq }) => Number(chatSeq))).toEqual(
      Array.from({ length: 180 }, (_, nth) => nth + 1),
    );
    expect(listener.changes[0]).toMatchObject({ accountId: account, tenantId: 'default', chatId: ALICE });
    expect(await countBehind()).toBe(0);
  });

  it('misses nothing of transactions that commit in another order than they began', async () => {
    const listener = await listen(openFeed());
    const [slow, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = transact(db, async (trx) => {
      await appendChanges(trx, account, [changeIn('slow@c.us')]);
      held.resolve();
      await slow.promise;
    });
    await held.promise;
    await transact(db, (trx) => appendChanges(trx, account, [changeIn('fast@c.us')]));
    await listener.untilCount(1);
    slow.resolve();
    await first;
    await listener.untilCount(2);
    expect(listener.changes.map(({ chatId }) => chatId)).toEqual(['fast@c.us', 'slow@c.us']);
  });

  it('waits for nobody who counts in a chat, and tells of it once they have committed', async () => {
    const listener = await listen(openFeed());
    await receive(['m0']);
    await listener.untilCount(1);
    const [slow, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const open = transact(db, async (trx) => {
      await appendChanges(trx, account, [changeIn(ALICE)]);
      held.resolve();
      await slow.promise;
    });
    await held.promise;
    await transact(db, (trx) => appendChanges(trx, account, [changeIn('other@c.us')]));
    await listener.untilCount(2);
    slow.resolve();
    await open;
    await listener.untilCount(3);
    expect(listener.changes.map(({ chatId, chatSeq }) => [chatId, chatSeq])).toEqual([
      [ALICE, '1'],
      ['other@c.us', '1'],
      [ALICE, '2'],
    ]);
  });

  it('tells also what happened to an account that was deleted meanwhile, and what its deletion changed', async () => {
    await receive(['m0', 'm1']);
    await insertWaiting();
    await markAccountDeleted(db, account);
    const { changes } = await transact(db, takeBatch);
    expect(changes.map(({ chatId, kind }) => [chatId, kind])).toEqual([
      [ALICE, 'message'],
      [ALICE, 'message'],
      [BOB, 'status'],
    ]);
    expect(await countBehind()).toBe(0);
  });

  it('tells of what enters the history of accounts', async () => {
    const listener = await listen(openFeed());
    const store = makeAccountStore(db);
    await store.saveState(account, { state: 'needs_human', reason: 'banned' });
    await store.saveAlert(account, { kind: 'needs_human', reason: 'banned', text: 'Blocked.' });
    await listener.until(() => listener.news.length >= 2);
    expect(listener.news).toMatchObject([
      { accountId: account, tenantId: 'default', kind: 'state', state: 'needs_human', reason: 'banned' },
      { accountId: account, kind: 'alert', text: 'needs_human: Blocked.' },
    ]);
  });

  it('reads nothing while nobody listens, and tells whoever comes nothing of that time', async () => {
    const feed = openFeed();
    await receive(numbered(3));
    expect(await countBehind()).toBe(1);
    const listener = await listen(feed);
    await receive(['m3']);
    await listener.untilCount(1);
    expect(listener.changes.map(({ chatSeq }) => chatSeq)).toEqual(['4']);
  });

  it('lets whoever ends listening hear the batch under way, and reads nothing more for nobody', async () => {
    const feed = openFeed();
    const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const heard: string[] = [];
    const unsubscribe = feed.subscribe({
      isListening: () => true,
      async tell({ changes }) {
        begun.resolve();
        await end.promise;
        heard.push(...changes.map(({ chatSeq }) => chatSeq));
      },
      tellLoss: async () => undefined,
    });
    await feed.attend(new AbortController().signal);
    await receive(['m0']);
    await begun.promise;
    await receive(['m1']);
    const ended = unsubscribe();
    end.resolve();
    await ended;
    expect(heard).toEqual(['1']);
    await feed[Symbol.asyncDispose]();
    expect(await countBehind()).toBe(1);
  });

  it('goes on with the next batch when a listener fails', async () => {
    const feed = openFeed();
    let calls = 0;
    const fail = async () => {
      calls += 1;
      throw new Error('It cannot.');
    };
    feed.subscribe({ isListening: () => true, tell: fail, tellLoss: fail });
    const listener = await listen(feed);
    await receive(['m0']);
    await listener.untilCount(1);
    await receive(['m1']);
    await listener.untilCount(2);
    expect(calls).toBe(2);
  });
});

describe('a reader that lives on', () => {
  it('says that something was lost where its batch was committed and it did not hear so', async () => {
    const breaking = breakAfterCommit(openDb());
    const listener = await listen(openFeed({ db: breaking.db }));
    await receive(['m0'], breaking.db);
    await listener.untilCount(1);
    breaking.breakOnce();
    await receive(['m1'], db);
    await notifyReader(db);
    await listener.until(() => listener.losses > 0);
    await receive(['m2'], breaking.db);
    await listener.untilCount(2);
    expect(listener.changes.map(({ chatSeq }) => chatSeq)).toEqual(['1', '3']);
    expect(listener.losses).toBe(1);
  });

  it('passes nothing over that happened while it could not read, however long that was', async () => {
    const breaking = breakAfterCommit(openDb());
    const listener = await listen(openFeed({ db: breaking.db }));
    await receive(['m0'], breaking.db);
    await listener.untilCount(1);
    breaking.breakOnce();
    await receive(['m1'], db);
    await notifyReader(db);
    await breaking.broken;
    await sql`update change_feed set read_at = read_at - interval '1 hour'`.execute(db);
    await receive(['m2'], db);
    await listener.untilCount(2);
    expect(listener.changes.map(({ chatSeq }) => chatSeq)).toEqual(['1', '3']);
  });
});

describe('several feeds', () => {
  it('have one reader, which hears of what the others commit', async () => {
    const other = openDb();
    const first = await listen(openFeed());
    const second = await listen(openFeed({ db: other }));
    await receive(['m0'], other);
    await first.untilCount(1);
    expect(second.changes).toEqual([]);
  });

  it('go on where the reader stopped, without a gap and without telling twice', async () => {
    const leading = openFeed();
    const first = await listen(leading);
    const other = openDb();
    const second = await listen(openFeed({ db: other }));
    await receive(['m0']);
    await first.untilCount(1);
    await leading[Symbol.asyncDispose]();
    await receive(['m1', 'm2'], other);
    await second.untilCount(2);
    expect(second.changes.map(({ chatSeq }) => chatSeq)).toEqual(['2', '3']);
  });

  it('tell what happened after the reader was gone to whoever comes soon', async () => {
    const leading = openFeed();
    const first = await listen(leading);
    await receive(['m0']);
    await first.untilCount(1);
    await leading[Symbol.asyncDispose]();
    await receive(['m1']);
    const second = await listen(openFeed({ db: openDb() }));
    await second.untilCount(1);
    expect(second.changes.map(({ chatSeq }) => chatSeq)).toEqual(['2']);
  });

  it('hear that something was lost which the reader before had taken and not told, once', async () => {
    const leading = openFeed();
    const first = await listen(leading);
    await receive(['m0']);
    await first.untilCount(1);
    await leading[Symbol.asyncDispose]();
    const untold = async () => {
      const { rows } = await sql`select from change_feed where taken <> told`.execute(db);
      return rows.length;
    };
    expect(await untold()).toBe(0);
    await sql`update change_feed set taken = taken + 1`.execute(db);
    const losses: number[] = [];
    for (const _name of ['second', 'third']) {
      const feed = openFeed();
      losses.push((await listen(feed)).losses);
      await feed[Symbol.asyncDispose]();
    }
    expect(losses).toEqual([1, 0]);
    expect(await untold()).toBe(0);
  });

  it('have another reader when the connection of the one breaks', async () => {
    const first = await listen(openFeed());
    const second = await listen(openFeed({ db: openDb() }));
    await receive(['m0']);
    await first.untilCount(1);
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like '%pg_try_advisory_lock%'
        and pid <> pg_backend_pid()`.execute(db);
    await receive(['m1', 'm2']);
    await Promise.race([first.untilCount(3), second.untilCount(2)]);
    const all = [...first.changes, ...second.changes].map(({ chatSeq }) => chatSeq);
    expect(all).toEqual(['1', '2', '3']);
  });
});

describe('subscriptions', () => {
  it('are owed everything, also while nobody listens, in the transaction that marks it as told', async () => {
    const owed: string[] = [];
    const tried = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    let isBroken = true;
    const feed = openFeed({
      subscriptions: {
        exist: async () => true,
        async fanOut(trx, { changes }) {
          if (isBroken) {
            isBroken = false;
            tried.resolve();
            await sql`select no_such_column from chats`.execute(trx);
          }
          owed.push(...changes.map(({ chatSeq }) => chatSeq));
          if (owed.length >= 2) written.resolve();
        },
        committed: () => undefined,
      },
    });
    const tell = async () => undefined;
    feed.subscribe({ isListening: () => false, tell, tellLoss: tell });
    await receive(['m0']);
    await tried.promise;
    await receive(['m1']);
    await written.promise;
    expect(owed).toEqual(['1', '2']);
  });
});
