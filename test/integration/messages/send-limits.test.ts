/** Limits and pace where several chats are sent to at once, and where a message is handed over once more. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import type { PacingConfig } from '../../../src/config/config.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { makeOutbox } from '../../../src/messages/outbox.ts';
import { openSender, type Sender } from '../../../src/messages/sender.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession, type PageScript } from '../../support/fake-network.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { openMedia } from '../../support/local-media.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';
const DAY_MS = 86_400_000;
const hang = () => new Promise<never>(() => undefined);

let database: TestDatabase;
let opened: OpenDatabase;
let account: Account;
let network: FakeNetwork;
let clock: ManualClock;
let log: RecordingLogger;
let sender: Sender;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: new RecordingLogger() });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  // It is noon there, too.
  account = { id: await insertTestAccount(opened.db) } as Account;
  stack = new AsyncDisposableStack();
  network = new FakeNetwork();
  clock = new ManualClock();
  log = new RecordingLogger();
});
afterEach(() => stack.disposeAsync());

function open({
  messageRateLimit = 0,
  ...pacing
}: Partial<PacingConfig> & { messageRateLimit?: number } = {}) {
  // No search by itself: a wake-up that is missing must show.
  const own = { openMedia, instanceId: parseInstanceId('one'), sweepIntervalMs: DAY_MS };
  const deps = { ...own, db: opened.db, clock, log };
  sender = stack.use(openSender({ ...deps, messageRateLimit, pacing: { ...NO_PACING, ...pacing } }));
}

async function accept(text: string, to: string, onLimit: 'reject' | 'defer' = 'reject'): Promise<void> {
  const outbox = makeOutbox({
    db: opened.db,
    instanceId: parseInstanceId('one'),
    takeMedia: () => Promise.reject(new AppError('UNSUPPORTED_MEDIA')),
    wake: (accountId) => sender.wake(accountId),
    enqueue: async () => undefined,
    clock,
    log,
  });
  const request = { to, content: { kind: 'text', text }, replyTo: null, onLimit } as const;
  await outbox.accept(account, request, { idempotencyKey: null, requestHash: '' });
}

/** A connected session over an empty page. */
function connect(script: PageScript = {}) {
  const connection = new AbortController();
  const session = new NetworkSession(account.id, { network, page: new Map() }, script);
  const ended = sender.run(session, connection.signal);
  return async () => {
    connection.abort();
    await ended;
  };
}

/** Resolves when everything that was accepted or fell due so far has been dealt with. */
async function settled(): Promise<void> {
  for (let look = 0; look < 2; look += 1) {
    const idle = nextWait(0);
    sender.wake(account.id);
    await idle;
  }
}

/** Resolves when the sender waits and so many pieces of work are under way. */
async function nextWait(underWay: number): Promise<void> {
  while ((await log.next('The sender waits')).fields.underWay !== underWay);
}

function advance(ms: number): void {
  clock.advance(ms);
  sender.wake(account.id);
}

function setLimit(dailyLimit: number): Promise<void> {
  return updateAccount(opened.db, account.id, { dailyLimit }, new Date(clock.now()));
}

async function statuses() {
  const rows = await opened.db
    .selectFrom('messages')
    .select(['text', 'status', 'slot_date'])
    .where('account_id', '=', account.id)
    .orderBy('seq')
    .execute();
  return rows.map(({ text, status, slot_date }) => [text, status, slot_date]);
}

function usage() {
  return opened.db
    .selectFrom('account_usage')
    .select(['local_date', 'taken', 'sent', 'failed'])
    .where('account_id', '=', account.id)
    .orderBy('local_date')
    .execute();
}

describe('a pace', () => {
  const chats = Array.from({ length: 4 }, (_, index) => `49170000002${index}@c.us`);

  it('lets no chat wait for one that hangs in the page', async () => {
    open({ breaker: true });
    for (const to of [ALICE, ...chats]) await accept('1', to);
    const all = Promise.withResolvers<void>();
    let sent = 0;
    connect({
      onSend: ({ chatId }) => (chatId === ALICE ? hang() : undefined),
      onSent() {
        sent += 1;
        if (sent === chats.length) all.resolve();
      },
    });
    await all.promise;
    expect(network.textsOf(ALICE)).toEqual([]);
  });

  it('asks the page for no recipient whose message could not leave now', async () => {
    open({ jitter: true });
    for (const to of chats) await accept('1', to);
    const asked: string[] = [];
    connect({ onPrepare: (to) => void asked.push(to) });
    await settled();
    expect(asked).toEqual(chats.slice(0, 1));
    advance(60_000);
    await settled();
    expect(asked).toEqual(chats.slice(0, 2));
    expect(network.carried).toHaveLength(2);
  });
});

describe('a message that is handed over once more', () => {
  /** A daemon claims a message and dies before its page has taken it. Beside it the page sends what `meanwhile` accepts. */
  async function claimAndDie(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const given = Promise.withResolvers<void>();
    await accept('1', ALICE);
    const leave = connect({
      onSend({ chatId }) {
        if (chatId !== ALICE) return;
        given.resolve();
        return hang();
      },
    });
    await given.promise;
    await meanwhile();
    await leave();
    expect(network.textsOf(ALICE)).toEqual([]);
  }

  it('on a later date counts there, and has its slot there', async () => {
    open();
    await claimAndDie();
    expect(await usage()).toEqual([{ local_date: '2026-03-01', taken: 1, sent: 1, failed: 0 }]);
    clock.advance(DAY_MS);
    connect();
    await settled();
    expect(await statuses()).toEqual([['1', 'sent', '2026-03-02']]);
    expect(await usage()).toEqual([
      { local_date: '2026-03-01', taken: 0, sent: 0, failed: 0 },
      { local_date: '2026-03-02', taken: 1, sent: 1, failed: 0 },
    ]);
  });

  it('waits for a date that has room, and its chat for it', async () => {
    open();
    await setLimit(1);
    await claimAndDie(async () => {
      clock.advance(DAY_MS);
      const waits = nextWait(1);
      await accept('other', BOB);
      await waits;
      while (network.textsOf(BOB).length === 0) await nextWait(1);
      await accept('2', ALICE, 'defer');
    });
    const leave = connect();
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    advance(1_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    await leave();

    advance(DAY_MS);
    connect();
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1']);
    expect(await statuses()).toEqual([
      ['1', 'sent', '2026-03-03'],
      ['other', 'sent', '2026-03-02'],
      ['2', 'deferred', null],
    ]);
  });

  it('leaves as soon as the limit is raised', async () => {
    open();
    await claimAndDie();
    clock.advance(DAY_MS);
    await setLimit(0);
    connect();
    await settled();
    expect(network.carried).toEqual([]);
    await setLimit(1);
    advance(1_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });

  /** Half an hour after half an hour, in all of which its day is full. */
  async function passHours(): Promise<void> {
    connect();
    await settled();
    for (let look = 0; look < 8; look += 1) {
      advance(1_800_000);
      await settled();
    }
    expect(network.textsOf(ALICE)).toEqual([]);
  }

  it('leaves within a minute of a higher limit, however long its day was full', async () => {
    open();
    await claimAndDie();
    clock.advance(DAY_MS);
    await setLimit(0);
    await passHours();
    await setLimit(1);
    advance(60_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });

  it('leaves within a minute of the new date, however long its day was full', async () => {
    open();
    await setLimit(1);
    await claimAndDie(async () => {
      clock.advance(DAY_MS);
      const waits = nextWait(1);
      await accept('other', BOB);
      await waits;
      while (network.textsOf(BOB).length === 0) await nextWait(1);
    });
    await passHours();
    advance(8 * 3_600_000 - 30_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual([]);
    advance(60_000);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });

  it('keeps the limit a minute', async () => {
    open({ messageRateLimit: 1 });
    await claimAndDie();
    connect();
    await settled();
    advance(59_999);
    await settled();
    expect(network.carried).toEqual([]);
    advance(1);
    await settled();
    expect(network.textsOf(ALICE)).toEqual(['1']);
  });

  it('keeps its slot if the page refuses it then: it may have left before', async () => {
    open();
    await claimAndDie();
    connect({
      onSend() {
        throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await settled();
    expect(await statuses()).toEqual([['1', 'failed', '2026-03-01']]);
    expect(await usage()).toEqual([{ local_date: '2026-03-01', taken: 1, sent: 1, failed: 1 }]);
  });
});
