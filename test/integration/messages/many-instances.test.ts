import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.ts';
import { type AccountId, makeCampaignId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { findCampaign, insertCampaign, saveCampaignRunning } from '../../../src/db/campaign-store.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { NO_FENCE } from '../../../src/db/lease-fence.ts';
import { transact } from '../../../src/db/transaction.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { openDiskMediaStore } from '../../../src/messages/disk-media-store.ts';
import { measureMessages } from '../../../src/messages/message-metrics.ts';
import { openPipeline, type Pipeline } from '../../../src/messages/pipeline.ts';
import type { SendRequest } from '../../../src/messages/send-request.ts';
import { Metrics } from '../../../src/observability/metrics.ts';
import { openRedis } from '../../../src/queue/connection.ts';
import { openQueues } from '../../../src/queue/producer.ts';
import { openTestDatabase } from '../../support/database.ts';
import { FakeNetwork, NetworkSession } from '../../support/fake-network.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { giveTo, insertRun } from '../../support/instance-rows.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { openTestRedis } from '../../support/redis.ts';
import { openTemporaryFolder } from '../../support/temporary-folder.ts';

/** Shorter than anybody looks by himself for what nobody told him of. */
const BEFORE_A_SWEEP = { timeout: 20_000 };
const KEYLESS = { idempotencyKey: null, requestHash: '' };

const stack = new AsyncDisposableStack();
let database: OpenDatabase;
let first: Pipeline;
let second: Pipeline;
let log: RecordingLogger;
let account: Account;
/** The text that the page of the second is given next. */
let sent: () => Promise<string>;

beforeAll(async () => {
  const test = stack.use(await openTestDatabase());
  log = new RecordingLogger();
  database = stack.use(openDatabase({ connection: test.connection, log }));
  const testRedis = stack.use(openTestRedis());
  const open = async (name: string) => {
    const instanceId = parseInstanceId(name);
    const redis = stack.use(
      await openRedis({ location: testRedis.connection, prefix: testRedis.prefix, log }),
    );
    const folder = stack.use(await openTemporaryFolder()).path;
    const options = {
      database,
      redis,
      queues: stack.use(await openQueues({ redis, instanceId, log })),
      store: stack.use(await openDiskMediaStore({ path: folder, log })),
      instanceId,
      fence: NO_FENCE,
      findRun: () => undefined,
      isHeldHere: () => false,
      messageRateLimit: 0,
      pacing: NO_PACING,
      onCounted: () => undefined,
      clock,
      log,
      onStep: () => undefined,
      meter: measureMessages(new Metrics(), clock),
    };
    return stack.use(await openPipeline(options));
  };
  first = await open('first');
  second = await open('second');
});
afterAll(() => stack.disposeAsync());

/** The second holds the account, is connected, and has found nothing to do. */
beforeEach(async () => {
  const { db } = database;
  await db.deleteFrom('instances').execute();
  const id = await insertTestAccount(db);
  account = { id } as Account;
  await giveTo(db, id, await insertRun(db, 'second'));
  let next = Promise.withResolvers<string>();
  sent = async () => {
    const text = await next.promise;
    next = Promise.withResolvers();
    return text;
  };
  const session = new NetworkSession(
    id,
    { network: new FakeNetwork(), page: new Map() },
    { onSend: (_prepared, content) => next.resolve(content.kind === 'text' ? content.text : content.kind) },
  );
  const connection = new AbortController();
  const idle = ['The sender waits', 'The campaigns of an account wait'].map((line) => log.next(line));
  second.serve(session, connection.signal);
  await Promise.all(idle);
  return () => connection.abort();
});

const text = (body: string): SendRequest => ({
  to: '491700000001@c.us',
  content: { kind: 'text', text: body },
  replyTo: null,
  onLimit: 'reject',
});

it('a message that one instance accepted leaves at once through the other', BEFORE_A_SWEEP, async () => {
  await first.outbox.accept(account, text('one'), KEYLESS);
  expect(await sent()).toBe('one');
  await first.outbox.acceptAll(account, [{ request: text('one of many'), ...KEYLESS }], KEYLESS);
  expect(await sent()).toBe('one of many');
});

it('a campaign that is made, or resumed, at one is fed at once at the other', BEFORE_A_SWEEP, async () => {
  const { db } = database;
  const made = { name: 'all', items: [text('of the first campaign')] };
  await first.campaigns.create(account, made, KEYLESS);
  expect(await sent()).toBe('of the first campaign');
  const id = makeCampaignId();
  await transact(db, async (trx) => {
    const requests = [text('of the second campaign')];
    await insertCampaign(trx, { id, accountId: account.id, name: 'paused', requests });
    await saveCampaignRunning(trx, id, false);
  });
  await first.campaigns.resume((await findCampaign(db, id)) ?? expect.fail());
  expect(await sent()).toBe('of the second campaign');
});

it('what one held back of a page is stored once the other has the account, which may not have it', async () => {
  const { db } = database;
  const unheld = await insertTestAccount(db);
  for (const id of [account.id, unheld]) first.accept(id, [messageEvent('HELD')]);
  await first.hearMoves();
  await expect.poll(() => countMessages(account.id)).toBe(1);
  // It may come back, to the page that told it.
  expect(await countMessages(unheld)).toBe(0);
  await giveTo(db, unheld, await insertRun(db, 'third'));
  await first.hearMoves();
  await expect.poll(() => countMessages(unheld)).toBe(1);
});

async function countMessages(accountId: AccountId): Promise<number> {
  const rows = await database.db
    .selectFrom('messages')
    .select('id')
    .where('account_id', '=', accountId)
    .execute();
  return rows.length;
}
