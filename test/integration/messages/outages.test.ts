import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { MediaDownload } from '../../../src/channels/channel.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { lockAccountIngest } from '../../../src/db/ingest-statements.ts';
import { NO_FENCE } from '../../../src/db/lease-fence.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import type { MessageEvent } from '../../../src/messages/inbound-event.ts';
import { measureMessages } from '../../../src/messages/message-metrics.ts';
import type { OnMessageStep } from '../../../src/messages/message-step.ts';
import { openPipeline, type Pipeline } from '../../../src/messages/pipeline.ts';
import { Metrics } from '../../../src/observability/metrics.ts';
import { openRedis } from '../../../src/queue/connection.ts';
import { openQueues } from '../../../src/queue/producer.ts';
import { QUEUES } from '../../../src/queue/table.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { type OwnRedis, openOwnRedis } from '../../support/own-redis.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { makeMessage, ScriptedSession } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';
import { openTcpDoor, type TcpDoor } from '../../support/tcp-door.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

const CHAT = '4915100000001@c.us';
const DONE = 'The account was caught up with its page';
const COUNT = 600;

const all = new AsyncDisposableStack();
let test: TestDatabase;
let admin: OpenDatabase;
beforeAll(async () => {
  test = all.use(await openTestDatabase());
  admin = all.use(openDatabase({ connection: test.connection, log: silentLog }));
});
afterAll(() => all.disposeAsync());

let stack: AsyncDisposableStack;
let door: TcpDoor;
let server: OwnRedis;
let log: RecordingLogger;
let pipeline: Pipeline;
let accountId: AccountId;
let session: ScriptedSession;
let connection: AbortController;
let onStep: OnMessageStep;

beforeEach(async () => {
  onStep = () => undefined;
  stack = new AsyncDisposableStack();
  door = stack.use(await openTcpDoor(test.connection));
  server = stack.use(await openOwnRedis());
  log = new RecordingLogger();
  const host = { host: '127.0.0.1', port: door.port };
  const database = stack.use(openDatabase({ connection: { ...test.connection, ...host }, log }));
  const location = { urls: [`redis://127.0.0.1:${server.port}`] };
  const redis = stack.use(await openRedis({ location, log }));
  const instanceId = parseInstanceId('test');
  const folder = stack.use(await openTemporaryFolder()).path;
  pipeline = stack.use(
    await openPipeline({
      fence: NO_FENCE,
      findRun: () => undefined,
      isHeldHere: () => false,
      database,
      redis,
      queues: stack.use(await openQueues({ redis, instanceId, log })),
      store: stack.use(await openDiskMediaStore({ path: folder, log })),
      instanceId,
      messageRateLimit: 0,
      pacing: NO_PACING,
      onCounted: () => undefined,
      clock: systemClock,
      log,
      onStep: (step) => onStep(step),
      meter: measureMessages(new Metrics(), systemClock),
    }),
  );
  accountId = await insertTestAccount(admin.db);
  session = new ScriptedSession(accountId);
  connection = new AbortController();
  const ready = log.next(DONE);
  pipeline.serve(session, connection.signal);
  await ready;
});
afterEach(async () => {
  connection.abort();
  await stack.disposeAsync();
});

/** Messages that the page has and tells: a new one each second, as WhatsApp dates them. */
function receive(from: number, to: number, over: Partial<MessageEvent> = {}): void {
  for (let n = from; n < to; n += 1) {
    const message = makeMessage(CHAT, `m${n}`, Math.floor(Date.now() / 1_000 - COUNT + n) * 1_000, over);
    session.receive(message);
    pipeline.accept(accountId, [message]);
  }
}

const stored = async () =>
  (
    await admin.db
      .selectFrom('messages')
      .select('bare_id')
      .where('account_id', '=', accountId)
      .orderBy('timestamp')
      .orderBy('seq')
      .execute()
  ).map(({ bare_id }) => bare_id);

const causes = async () =>
  (
    await admin.db
      .selectFrom('catch_ups')
      .select('cause')
      .where('account_id', '=', accountId)
      .orderBy('id')
      .execute()
  ).map(({ cause }) => cause);

const download = (content: string): MediaDownload => ({
  status: 'bytes',
  bytes: (async function* () {
    yield Buffer.from(content);
  })(),
  mimeType: 'text/plain',
  fileName: null,
});

const EXPECTED = Array.from({ length: COUNT }, (_, n) => `m${n}`);

/**
 * Empties Redis while nothing is stored, and more jobs are there than are taken at a time: those that wait are lost for
 * certain. `alsoLost` makes one more of them. Returns how many messages were told for that.
 */
async function loseJobs(alsoLost?: () => void): Promise<number> {
  const client = new Redis(`redis://127.0.0.1:${server.port}`);
  stack.defer(() => client.disconnect());
  const jobs = (state: string) => client.llen(`switchboard:inbound-test:${state}`);
  const untilJobs = async (count: number) => {
    while ((await jobs('active')) + (await jobs('wait')) < count) await client.ping();
  };
  const lost = QUEUES.inbound.concurrency + 1;
  await admin.db.transaction().execute(async (trx) => {
    await lockAccountIngest(trx, accountId);
    for (let told = 0; told < lost; told += 1) {
      receive(told, told + 1);
      await untilJobs(told + 1);
    }
    while ((await jobs('active')) < QUEUES.inbound.concurrency) await client.ping();
    alsoLost?.();
    await untilJobs(alsoLost === undefined ? lost : lost + 1);
    await client.flushall();
  });
  return lost;
}

it('a Redis that is emptied in the middle of a burst loses nothing', async () => {
  const told = await loseJobs();
  const gap = log.next('The queue has lost inbound events; the page will be read back');
  const done = gap.then(() => log.next(DONE));
  receive(told, COUNT);
  expect((await done).fields).toMatchObject({ cause: 'gap', unread: 0 });
  expect(await stored()).toEqual(EXPECTED);
  expect(await causes()).toEqual(['ready', 'gap']);
});

it('a Redis that is emptied when a file has just been fetched does not keep it from its message', async () => {
  const fetched = Promise.withResolvers<MediaDownload>();
  session.downloads.set('file', [fetched.promise, download('again')]);
  const media = { mimeType: 'text/plain', fileName: 'note.txt', fileSize: 5 };
  const message = makeMessage(CHAT, 'file', Date.now(), { type: 'document', media });
  session.receive(message);
  pipeline.accept(accountId, [message]);
  await expect.poll(() => session.downloaded).toEqual(['file']);
  const told = await loseJobs(() => fetched.resolve(download('first')));
  receive(told, told + 1);
  const mediaStatus = async () => {
    const found = admin.db.selectFrom('messages').select('media_status').where('bare_id', '=', 'file');
    return (await found.where('account_id', '=', accountId).executeTakeFirst())?.media_status;
  };
  await expect.poll(mediaStatus, { timeout: 30_000 }).toBe('stored');
  expect(session.downloaded).toEqual(['file', 'file']);
});

it('a flood that the lane cannot hold is read back from the page', async () => {
  const full = log.next('An inbound lane is full; the page will be read back');
  const done = full.then(() => log.next(DONE));
  // In one go: nothing is handed on before all has been told.
  receive(0, COUNT, { text: 'x'.repeat(40_000) });
  await full;
  expect((await done).fields).toMatchObject({ cause: 'gap', unread: 0 });
  expect(await stored()).toEqual(EXPECTED);
  expect(await causes()).toEqual(['ready', 'gap']);
});

it('a Redis that dies and comes back loses nothing', async () => {
  receive(0, COUNT / 2);
  await server.kill();
  receive(COUNT / 2, COUNT);
  const done = log.next(DONE);
  await server.start();
  expect((await done).fields).toMatchObject({ cause: 'redis', unread: 0 });
  expect(await stored()).toEqual(EXPECTED);
});

it('a PostgreSQL that is away while the page goes on loses nothing, and keeps the order', async () => {
  receive(0, COUNT / 3);
  await door.shut();
  const away = log.next('The database does not answer; messages wait until it does');
  receive(COUNT / 3, (2 * COUNT) / 3);
  await away;
  receive((2 * COUNT) / 3, COUNT);
  const done = log.next(DONE);
  await door.open();
  expect((await done).fields).toMatchObject({ cause: 'database', unread: 0 });
  expect(await stored()).toEqual(EXPECTED);
  const bySeq = await admin.db
    .selectFrom('messages')
    .select('bare_id')
    .where('account_id', '=', accountId)
    .where('recovered', '=', false)
    .orderBy('seq')
    .execute();
  const live = bySeq.map(({ bare_id }) => Number(bare_id?.slice(1)));
  expect(live).toEqual(live.toSorted((a, b) => a - b));
});

it('a PostgreSQL that is away when an account connects keeps what is told live behind what was missed', async () => {
  connection.abort();
  for (let n = 0; n < 120; n += 1)
    session.receive(makeMessage(CHAT, `m${n}`, Math.floor(Date.now() / 1_000 - 60) * 1_000));
  await door.shut();
  const failed = log.next('The account could not be caught up; it is tried again');
  connection = new AbortController();
  pipeline.serve(session, connection.signal);
  await failed;
  const live = makeMessage(CHAT, 'm120', Math.floor(Date.now() / 1_000 - 60) * 1_000);
  session.receive(live);
  pipeline.accept(accountId, [live]);
  const done = log.next(DONE);
  await door.open();
  await done;
  expect(await stored()).toEqual(Array.from({ length: 121 }, (_, n) => `m${n}`));
});

it('a link that ends for good keeps back nothing of what its page has told, and a page that is lost does', async () => {
  const committed = Promise.withResolvers<void>();
  onStep = (step) => step === 'ingest-committed' && committed.resolve();
  connection.abort();
  pipeline.accept(accountId, [makeMessage(CHAT, 'last', Date.now())]);
  pipeline.hearState(accountId, { reason: 'page_crashed' });
  pipeline.accept(accountId, [makeMessage(CHAT, 'very last', Date.now())]);
  pipeline.hearState(accountId, { reason: 'logged_out' });
  await committed.promise;
  expect(await stored()).toEqual(['last', 'very last']);
});
