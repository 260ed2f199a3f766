/**
 * A daemon that dies is played by a loop that is left where it hangs, its later writes lost with its database
 * connections; the next one gets a new sender, a new pool and, as the test says, the old page or an empty one.
 */
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, type MessageId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { OnMessageStep } from '../../../src/messages/message-step.ts';
import { openSender } from '../../../src/messages/sender.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession, type PageScript, type PageStore } from '../../support/fake-network.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { openMedia } from '../../support/local-media.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { scaled, seed } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

const ALICE = '491700000001@c.us';
const BOB = '491700000002@c.us';
const INSTANCE = parseInstanceId('one');
const RESTED = 'The sender rests after a fault';

let database: TestDatabase;
let opened: OpenDatabase;
let accountId: AccountId;
let network: FakeNetwork;
let page: PageStore;
let stack: AsyncDisposableStack;
const clock = new ManualClock();

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  accountId = await insertTestAccount(opened.db);
  // So many that no limit of the day is met.
  await opened.db
    .updateTable('accounts')
    .set({ daily_limit: 1_000_000 })
    .where('id', '=', accountId)
    .execute();
  network = new FakeNetwork();
  page = new Map();
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function accept(text: string, chatId = ALICE, replyTo: MessageId | null = null): Promise<MessageId> {
  const at = clock.now();
  const id = makeMessageId(at);
  await insertOutgoing(opened.db, {
    id,
    accountId,
    chatId,
    replyTo,
    failure: null,
    at: new Date(at),
    type: 'text',
    text,
    caption: null,
    payload: null,
    media: null,
  });
  return id;
}

/** A clock that is read some times just before an instant, and after it from then on. */
class PassingClock extends ManualClock {
  #before = 0;
  #instant = 0;

  pass(instant: number, readingsBefore: number): void {
    this.#instant = instant;
    this.#before = readingsBefore;
  }

  override monotonic(): number {
    if (this.#instant === 0) return super.monotonic();
    this.#before -= 1;
    return this.#before >= 0 ? this.#instant - 1 : this.#instant + 1;
  }
}

/** A daemon with a pool of its own. `die` ends its connection and its pool, wherever its loop is. */
function startDaemon(
  script: PageScript = {},
  onStep: OnMessageStep = () => undefined,
  onQuery: () => void = () => undefined,
) {
  const pool = openDatabase({ connection: database.connection, log: silentLog, poolSize: 2 });
  const log = new RecordingLogger();
  const db = pool.db.withPlugin({
    transformQuery({ node }) {
      onQuery();
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const deps = { db, openMedia, instanceId: INSTANCE, clock, log, messageRateLimit: 0 };
  const sender = openSender({ ...deps, onStep });
  const session = new NetworkSession(accountId, { network, page }, script);
  const connection = new AbortController();
  const ended = sender.run(session, connection.signal);
  const die = async () => {
    connection.abort();
    await ended;
    await sender[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
  };
  stack.defer(() => (connection.signal.aborted ? undefined : die()));
  return { sender, session, pool, log, die };
}

/** A daemon that sends all there is; resolves when it has. */
async function sendAll(): Promise<void> {
  const daemon = startDaemon();
  await settle(daemon);
  await daemon.die();
}

/** Resolves when a daemon has dealt with everything that there is. */
async function settle({ log, sender }: ReturnType<typeof startDaemon>): Promise<void> {
  for (let look = 0; look < 2; look += 1) {
    const idle = nextIdle(log);
    sender.wake(accountId);
    await idle;
  }
}

async function nextIdle(log: RecordingLogger): Promise<void> {
  while ((await log.next('The sender waits')).fields.underWay !== 0);
}

function rows() {
  return opened.db
    .selectFrom('messages')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('seq')
    .execute();
}

/** Resolves when the hook is called; the page then hangs for good. */
function hang() {
  const called = Promise.withResolvers<void>();
  const hook = () => {
    called.resolve();
    return new Promise<never>(() => undefined);
  };
  return { hook, called: called.promise };
}

describe('a daemon that is killed', () => {
  beforeEach(async () => {
    await accept('1');
    await accept('2');
  });

  async function expectSentOnce(): Promise<void> {
    expect(network.textsOf(ALICE)).toEqual(['1', '2']);
    const stored = await rows();
    expect(stored.map((row) => row.status)).toEqual(['sent', 'sent']);
    expect(stored.map((row) => row.bare_id)).toEqual(network.carried.map((message) => message.bareId));
  }

  it('before the claim sends once, under another id', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onPrepare: hook });
    await called;
    await daemon.die();
    expect(await rows()).toMatchObject([{ handed_at: null, bare_id: null }, { handed_at: null }]);
    await sendAll();
    await expectSentOnce();
  });

  it('inside the claim leaves no trace of it', async () => {
    await sql`
      create function kill_backend() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`.execute(opened.db);
    await sql`create trigger die before insert on account_usage
      for each row execute function kill_backend()`.execute(opened.db);
    const daemon = startDaemon();
    await daemon.log.next(RESTED);
    await daemon.die();
    await sql`drop trigger die on account_usage`.execute(opened.db);
    expect(await rows()).toMatchObject([{ handed_at: null, bare_id: null }, { handed_at: null }]);
    expect(network.given).toEqual([]);
    await sendAll();
    await expectSentOnce();
  });

  it('between the claim and the page hands over again under the same id', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onSend: hook });
    await called;
    await daemon.die();
    const [claimed] = await rows();
    expect(claimed).toMatchObject({ status: 'pending', handed_at: expect.any(Date) });
    await sendAll();
    await expectSentOnce();
    expect(network.carried[0]?.bareId).toBe(claimed?.bare_id);
    expect(network.given).toHaveLength(2);
  });

  it('between the claim and the page hands over also if the clock was set back since', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onSend: hook });
    await called;
    await daemon.die();
    await opened.db
      .updateTable('messages')
      .set({ handed_at: new Date(clock.now() + 3_600_000) })
      .where('account_id', '=', accountId)
      .where('handed_at', 'is not', null)
      .execute();
    await sendAll();
    await expectSentOnce();
  });

  it('after the page took the message finds it there and hands nothing over', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onSent: hook });
    await called;
    await daemon.die();
    await sendAll();
    await expectSentOnce();
    expect(network.given).toHaveLength(2);
  });

  it('after the message left, its page lost, repeats an id that WhatsApp counts once', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onSent: hook });
    await called;
    await daemon.die();
    page = new Map();
    await sendAll();
    await expectSentOnce();
    expect(network.given).toHaveLength(3);
  });

  it('before the ack was written adopts it at the next connect', async () => {
    const daemon = startDaemon({ onSent: async () => daemon.pool[Symbol.asyncDispose]() });
    await daemon.log.next(RESTED);
    await daemon.die();
    expect((await rows())[0]).toMatchObject({ status: 'pending', handed_at: expect.any(Date) });
    await sendAll();
    await expectSentOnce();
    expect(network.given).toHaveLength(2);
  });

  it('before it heard of a refusal learns of it and of its reason at the next connect', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ ack: -1, onSent: hook });
    await called;
    await daemon.die();
    const later = startDaemon({ reason: '463' });
    await settle(later);
    await later.die();
    expect((await rows())[0]).toMatchObject({
      status: 'failed',
      failed_code: 'SEND_REFUSED',
      failed_reason: '463',
    });
  });

  it('while the outcome was not known looks it up at the next connect', async () => {
    const { hook, called } = hang();
    const daemon = startDaemon({ onSent: () => Promise.reject(new Error('of the page')), onFind: hook });
    await called;
    await daemon.die();
    expect((await rows())[0]).toMatchObject({ status: 'unknown' });
    await sendAll();
    await expectSentOnce();
    expect(network.given).toHaveLength(2);
  });
});

describe('a database that goes away', () => {
  /** From the database beside: one that takes no connections cannot be told to take them again from inside. */
  async function setReachable(reachable: boolean): Promise<void> {
    const connection = { ...database.connection, database: 'postgres' };
    await using beside = openDatabase({ connection, log: silentLog, poolSize: 1 });
    const name = database.connection.database;
    await sql`alter database ${sql.ref(name)} allow_connections ${sql.raw(String(reachable))}`.execute(
      beside.db,
    );
    if (reachable) return;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = ${name} and backend_type = 'client backend'`.execute(beside.db);
  }

  it('is waited for, and nothing is lost or doubled', async () => {
    for (const text of ['1', '2', '3']) await accept(text);
    let outages = 1;
    const daemon = startDaemon({
      async onSent() {
        if (outages-- > 0) await setReachable(false);
      },
    });
    await daemon.log.next(RESTED);
    const restedAgain = daemon.log.next(RESTED);
    daemon.sender.wake(accountId);
    await restedAgain;
    await setReachable(true);
    await accept('4', BOB);
    clock.advance(60_000);
    await settle(daemon);
    expect(network.textsOf(ALICE)).toEqual(['1', '2', '3']);
    expect(network.given).toHaveLength(4);
    expect((await rows()).slice(0, 3).map((row) => row.status)).toEqual(['sent', 'sent', 'sent']);
  });
});

describe('an answer whose claim is just committed', () => {
  let first: MessageId;
  beforeEach(async () => {
    first = await accept('first');
    await sendAll();
    await accept('answer', ALICE, first);
    await accept('after it');
  });

  async function expectAnsweredOnce(): Promise<void> {
    expect(network.textsOf(ALICE)).toEqual(['first', 'answer', 'after it']);
    expect(network.carried[1]?.quoted?.bareId).toBe(network.carried[0]?.bareId);
    expect((await rows()).map(({ status }) => status)).toEqual(['sent', 'sent', 'sent']);
  }

  it.each([
    ['the database is away from then on for a while', false],
    ['the database is away from then on until the daemon is another', true],
  ])('leaves once though %s', async (_title, dies) => {
    let outage: 'to come' | 'on' | 'over' = 'to come';
    const onStep: OnMessageStep = (step) => {
      if (step === 'claim-committed' && outage === 'to come') outage = 'on';
    };
    const daemon = startDaemon({}, onStep, () => {
      if (outage === 'on') throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
    });
    await daemon.log.next(RESTED);
    if (dies) await daemon.die();
    outage = 'over';
    clock.advance(60_000);
    await (dies ? sendAll() : settle(daemon));
    await expectAnsweredOnce();
    expect(network.given).toHaveLength(3);
  });
});

it('overtakes no message that the run before claims at the last moment', async () => {
  for (const text of ['first', 'second']) await accept(text, ALICE);
  let isClaimed = false;
  const claimElsewhere = async () => {
    if (isClaimed) return;
    isClaimed = true;
    await opened.db
      .updateTable('messages')
      .set({
        handed_at: new Date(clock.now()),
        bare_id: '3EB0ELSEWHERE',
        whatsapp_message_id: `true_${ALICE}_3EB0ELSEWHERE`,
        claimed_by: INSTANCE,
        claim_epoch: 0,
      })
      .where('account_id', '=', accountId)
      .where('text', '=', 'first')
      .execute();
  };
  const daemon = startDaemon({ onPrepare: claimElsewhere });
  await settle(daemon);
  await daemon.die();
  await sendAll();
  expect(network.textsOf(ALICE)).toEqual(['first', 'second']);
});

describe('kills at random points', () => {
  it('lose nothing, double nothing and keep the order of every chat', async () => {
    const random = makeRandom(seed);
    const chats = [ALICE, BOB, '491700000003@c.us'];
    const expected = new Map<string, string[]>(chats.map((chat) => [chat, []]));
    for (let round = 0; round < scaled(40, 600); round += 1) {
      for (let count = Math.floor(random() * 4); count > 0; count -= 1) {
        const chat = chats[Math.floor(random() * chats.length)] ?? ALICE;
        const text = `${round}.${count}`;
        await accept(text, chat);
        expected.get(chat)?.push(text);
      }
      await runUntilKilled(random);
      if (random() < 0.2) page = new Map();
    }
    await sendAll();
    for (const chat of chats) expect(network.textsOf(chat)).toEqual(expected.get(chat));
    const stored = await rows();
    expect(new Set(stored.map((row) => row.status))).toEqual(new Set(['sent']));
    expect(new Set(stored.map((row) => row.bare_id)).size).toBe(stored.length);
  });

  /** Runs a daemon that hangs at one of the next few steps of its session, and kills it there. */
  async function runUntilKilled(random: () => number): Promise<void> {
    const { hook, called } = hang();
    let steps = 1 + Math.floor(random() * 8);
    const step = (..._: unknown[]): Promise<void> | void => {
      steps -= 1;
      if (steps === 0) return hook();
    };
    await accept('last', 'last@c.us');
    const daemon = startDaemon({ onPrepare: step, onSend: step, onSent: step, onFind: step });
    await Promise.race([called, daemon.session.asked('last@c.us')]);
    await daemon.die();
    await opened.db
      .deleteFrom('messages')
      .where('account_id', '=', accountId)
      .where('text', '=', 'last')
      .execute();
  }
});

/** The same numbers between 0 and 1 for the same seed. */
function makeRandom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a pause of a chat', () => {
  it.each([1, 2, 3, 4])(
    'that ends while the loop looks, after %i readings of the clock, is noticed',
    async (readings) => {
      const passing = new PassingClock();
      const sent = Promise.withResolvers<void>();
      let asked = 0;
      const script: PageScript = {
        onPrepare: () => {
          asked += 1;
          if (asked > 1) return;
          // The pause is set right after this, from the clock as it stands; then it is about to end.
          queueMicrotask(() => setImmediate(() => passing.pass(passing.now() + 1_000, readings)));
          throw new AppError('SESSION_FAULT');
        },
        onSent: () => sent.resolve(),
      };
      await accept('after a pause');
      const sender = openSender({
        db: opened.db,
        openMedia,
        instanceId: INSTANCE,
        clock: passing,
        log: silentLog,
        messageRateLimit: 0,
      });
      stack.use(sender);
      void sender.run(new NetworkSession(accountId, { network, page }, script), new AbortController().signal);
      await sent.promise;
      expect(network.textsOf(ALICE)).toEqual(['after a pause']);
    },
  );
});
