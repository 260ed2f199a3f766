import type { Account } from '../../src/accounts/account.ts';
import { type MessageId, parseInstanceId } from '../../src/accounts/ids.ts';
import { updateAccount } from '../../src/db/account-directory.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { ingestEvents } from '../../src/db/ingest-store.ts';
import type { InboundEvent } from '../../src/messages/inbound-event.ts';
import type { MediaStore } from '../../src/messages/media-store.ts';
import type { MessageMeter } from '../../src/messages/message-meter.ts';
import { makeOutbox } from '../../src/messages/outbox.ts';
import type { SendRequest } from '../../src/messages/send-request.ts';
import type { SendDeps } from '../../src/messages/send-run.ts';
import { makeOutboundProcessor, openSender, type Sender } from '../../src/messages/sender.ts';
import { openTestDatabase } from './database.ts';
import { FakeNetwork, NetworkSession, type PageScript, type PageStore } from './fake-network.ts';
import { insertTestAccount } from './inbound-events.ts';
import { openMedia } from './local-media.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingLogger } from './recording-logger.ts';

export const ALICE = '491700000001@c.us';
export const BOB = '491700000002@c.us';
/** The content of a request that sends a file. */
export const FILE: SendRequest['content'] = {
  kind: 'media',
  source: { from: 'upload', mediaId: 'm' },
  caption: null,
  fileName: null,
  as: null,
};
/** What the sender logs when it looks for nothing until it is woken. */
export const WAITS = 'The sender waits';
/** What the sender logs when the limit a minute holds a message back. */
export const RATE_LINE = 'The per-minute limit delays the next message';
export const INSTANCE = parseInstanceId('one');

export interface SenderDatabase extends AsyncDisposable {
  readonly db: Executor;
}

/** Clones the migrated template and connects to it. Call it once a file, in `beforeAll`. */
export async function openSenderDatabase(): Promise<SenderDatabase> {
  await using stack = new AsyncDisposableStack();
  const { connection } = stack.use(await openTestDatabase());
  const { db } = stack.use(openDatabase({ connection, log: new RecordingLogger() }));
  const opened = stack.move();
  return { db, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** A connection of the account, which lasts until it is left, another one takes over or its sender is disposed. */
export interface Connection {
  readonly session: NetworkSession;
  /** Resolves when the sender is done with the connection. */
  readonly ended: Promise<void>;
  /** Ends the connection and waits for that. */
  leave(): Promise<void>;
}

/**
 * One account of its own, a fake network, a clock that stands still, and a real sender over a real database, for one test.
 * A restart of the daemon is another sender over the same database. Disposing ends every sender that was opened.
 */
export class SenderStage implements AsyncDisposable {
  readonly db: Executor;
  readonly network = new FakeNetwork();
  readonly clock = new ManualClock();
  /** The account that accepts, connects and is looked at; its date is that of Auckland. */
  account: Account;
  /** What the senders and outboxes that are opened from now on log to, and what `settled` listens to. */
  log = new RecordingLogger();
  /** The sender that was opened last. */
  sender: Sender;
  /** How files are opened from now on. */
  openFile: MediaStore['openLocal'] = openMedia;
  readonly #opened = new AsyncDisposableStack();
  #onAck: () => void = () => undefined;

  private constructor(db: Executor, account: Account) {
    this.db = db;
    this.account = account;
    this.sender = this.openSender();
  }

  static async open(db: Executor): Promise<SenderStage> {
    return new SenderStage(db, { id: await insertTestAccount(db, 'Pacific/Auckland') } as Account);
  }

  /** Opens another sender, without a limit a minute unless one is given; the one before stays as it is. */
  openSender(given: Partial<SendDeps> = {}): Sender {
    const deps: SendDeps = {
      db: this.db,
      openMedia: (...asked) => this.openFile(...asked),
      instanceId: INSTANCE,
      clock: this.clock,
      log: this.log,
      messageRateLimit: 0,
      onStep: (step) => void (step === 'ack-written' && this.#onAck()),
      ...given,
    };
    this.sender = this.#opened.use(openSender(deps));
    return this.sender;
  }

  /** Ends the sender and opens the next one. */
  async restart(given: Partial<SendDeps>): Promise<void> {
    await this.sender[Symbol.asyncDispose]();
    this.openSender(given);
  }

  /** Accepts a text to Alice, or what is given instead; without `wakes` the sender is told nothing of it. */
  async accept(
    body: string,
    given: Partial<SendRequest> = {},
    { wakes = true, meter }: { readonly wakes?: boolean; readonly meter?: MessageMeter } = {},
  ): Promise<MessageId> {
    const outbox = makeOutbox({
      db: this.db,
      instanceId: INSTANCE,
      takeMedia: async () => ({
        sha256: 'ab',
        mimeType: 'image/png',
        fileName: 'a.png',
        fileSize: 7,
        as: 'image',
      }),
      wake: (accountId) => wakes && this.sender.wake(accountId),
      enqueue: async (job) => void (wakes && (await makeOutboundProcessor(this.sender)(job))),
      clock: this.clock,
      log: this.log,
      ...(meter === undefined ? {} : { meter }),
    });
    const request: SendRequest = {
      to: ALICE,
      content: { kind: 'text', text: body },
      replyTo: null,
      onLimit: 'reject',
      ...given,
    };
    const fresh = { idempotencyKey: null, requestHash: '' };
    return (await outbox.accept(this.account, request, fresh)).messageId;
  }

  /** Connects the account to the sender; its page is empty unless one is given. */
  connect(script: PageScript = {}, { page = new Map() }: { readonly page?: PageStore } = {}): Connection {
    const session = new NetworkSession(this.account.id, { network: this.network, page }, script);
    const connection = new AbortController();
    const ended = this.sender.run(session, connection.signal);
    const leave = async () => {
      connection.abort();
      await ended;
    };
    return { session, leave, ended };
  }

  /** Resolves when everything that was accepted or fell due so far has been dealt with. */
  async settled(): Promise<void> {
    // A look that was under way may have missed it; the next one has not.
    for (let look = 0; look < 2; look += 1) {
      const idle = this.nextIdle();
      this.sender.wake(this.account.id);
      await idle;
    }
  }

  /** Resolves when the sender waits the next time and nothing is under way. */
  async nextIdle(): Promise<void> {
    while ((await this.log.next(WAITS)).fields.underWay !== 0);
  }

  /** Resolves when so many more acks were written down. */
  acksWritten(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = count;
    this.#onAck = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    return promise;
  }

  /** Moves the clock and lets the sender look at it. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.sender.wake(this.account.id);
  }

  /** The same, and resolves when what fell due by then has been dealt with. */
  async pass(ms: number): Promise<void> {
    this.advance(ms);
    await this.settled();
  }

  /** Lets the pauses pass, one after another, and calls `check` a millisecond before the end of each. */
  async passEach(pausesMs: readonly number[], check: () => void): Promise<void> {
    for (const pauseMs of pausesMs) {
      await this.pass(pauseMs - 1);
      check();
      await this.pass(1);
    }
  }

  /** Stores events that the account hears now. */
  async ingest(...events: readonly InboundEvent[]): Promise<void> {
    await ingestEvents(this.db, this.account.id, events, new Date(this.clock.now()));
  }

  /** The messages of the account, in the order in which they were accepted. */
  rows() {
    return this.db
      .selectFrom('messages')
      .selectAll()
      .where('account_id', '=', this.account.id)
      .orderBy('seq')
      .execute();
  }

  /** What was counted of the account, a row a date. */
  usage() {
    return this.db
      .selectFrom('account_usage')
      .selectAll()
      .where('account_id', '=', this.account.id)
      .orderBy('local_date')
      .execute();
  }

  async setDailyLimit(dailyLimit: number): Promise<void> {
    await updateAccount(this.db, this.account.id, { dailyLimit }, new Date(this.clock.now()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
