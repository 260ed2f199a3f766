import { randomBytes, randomUUID } from 'node:crypto';
import type { AccountStore, LinkedIdentity } from '../../src/accounts/account.ts';
import { type Announcer, openAnnouncer } from '../../src/accounts/announcer.ts';
import {
  type AccountId,
  makeAccountId,
  parseInstanceId,
  parseTenantId,
  type TenantId,
} from '../../src/accounts/ids.ts';
import type { Permission, Role } from '../../src/accounts/permissions.ts';
import { measureDaemon } from '../../src/assembly/measuring.ts';
import { makeWebhookFanOut } from '../../src/assembly/webhooks.ts';
import { DEFAULT_TIMINGS } from '../../src/config/session-timings.ts';
import { openAccessWatch } from '../../src/db/access-watch.ts';
import { countAccountsByState, insertAccount } from '../../src/db/account-directory.ts';
import { saveGrant } from '../../src/db/account-grant-store.ts';
import { makeAccountStore } from '../../src/db/account-store.ts';
import { findApiKey } from '../../src/db/api-key-store.ts';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { countWaitingMessages, findSealedSince, listHealthFacts } from '../../src/db/figure-store.ts';
import { countInstances } from '../../src/db/instance-directory.ts';
import { readWebhookFigures } from '../../src/db/webhook-figures.ts';
import type { PostgresConnection } from '../../src/embedded/postgres.ts';
import type { HttpDeps } from '../../src/http/context.ts';
import { keyToHash } from '../../src/http/credentials.ts';
import { openHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { makeCampaigns } from '../../src/messages/campaigns.ts';
import { openChangeFeed } from '../../src/messages/change-feed.ts';
import { openDiskMediaStore } from '../../src/messages/disk-media-store.ts';
import { IdempotencyKeys } from '../../src/messages/idempotency-keys.ts';
import { makeMediaIntake } from '../../src/messages/media-intake.ts';
import type { MediaStore } from '../../src/messages/media-store.ts';
import { makeFetchUrl } from '../../src/messages/media-url.ts';
import { makeOutbox } from '../../src/messages/outbox.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { makeBoard } from '../../src/queue/board.ts';
import { openRedis } from '../../src/queue/connection.ts';
import { openEventStream } from '../../src/queue/event-stream.ts';
import { openQueues } from '../../src/queue/producer.ts';
import { makeSharedCalls } from '../../src/queue/rate-limit-calls.ts';
import { makeKeyRing } from '../../src/vault/key-ring.ts';
import { openWebhooks } from '../../src/webhooks/webhooks.ts';
import { openTestDatabase } from './database.ts';
import { RecordingLogger } from './recording-logger.ts';
import { openTestRedis } from './redis.ts';
import { ScriptedChannel } from './scripted-channel.ts';
import { ScriptedVault } from './scripted-vault.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

const INSTANCE = parseInstanceId('test');
const IDENTITY: Omit<LinkedIdentity, 'phoneNumber'> = { wid: '491700000000@c.us', profileName: 'Shop' };

// Answers are looked at by tests that know what they asked for.
// biome-ignore lint/suspicious/noExplicitAny: the body of an answer
export type AnswerBody = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

export interface Asked {
  readonly body?: unknown;
  /** Of tenant `default`, owner, if not given; null asks without one. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The real server on a real port with real stores; only the channel is scripted. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly deps: HttpDeps;
  readonly db: Executor;
  /** Of its database, for what needs one of its own. */
  readonly connection: PostgresConnection;
  readonly accounts: AccountStore;
  readonly channel: ScriptedChannel;
  readonly vault: ScriptedVault;
  readonly announcer: Announcer;
  readonly media: MediaStore;
  readonly log: RecordingLogger;
  readonly metrics: Metrics;
  readonly key: string;
  /** Asks for a path under the base, or for an absolute one that begins with `//`. */
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
  makeKey(role: Role, tenant?: string, scopes?: readonly Permission[]): Promise<string>;
  /** Lets the holder of the key use the account. */
  grant(accountId: AccountId, key: string): Promise<void>;
  /** An account of the tenant that is connected, or was only created. */
  makeAccount(options?: { tenant?: string; phoneNumber?: string | null }): Promise<AccountId>;
}

export async function openTestServer(
  replaced: Partial<HttpDeps> = {},
  { allowPrivate = false, stalledMs }: { allowPrivate?: boolean; stalledMs?: number } = {},
): Promise<TestServer> {
  await using stack = new AsyncDisposableStack();
  const log = new RecordingLogger();
  const database = stack.use(await openTestDatabase());
  const { db } = stack.use(openDatabase({ connection: database.connection, log, poolSize: 4 }));
  const folder = stack.use(await openTemporaryFolder());
  const media = stack.use(await openDiskMediaStore({ path: folder.path, log }));
  const testRedis = stack.use(openTestRedis());
  const redis = stack.use(await openRedis({ location: testRedis.connection, prefix: testRedis.prefix, log }));
  const queues = stack.use(await openQueues({ redis, instanceId: INSTANCE, log }));
  const events = stack.use(await openEventStream({ redis, name: 'realtime', log }));
  const fanOut = makeWebhookFanOut(systemClock);
  const feed = stack.use(
    openChangeFeed({
      db,
      connection: database.connection,
      subscriptions: fanOut,
      clock: systemClock,
      log,
    }),
  );
  const metrics = new Metrics();
  const measured = measureDaemon(metrics, {
    states: () => countAccountsByState(db, INSTANCE),
    health: () => listHealthFacts(db, INSTANCE),
    failures: () => 0,
    waiting: () => countWaitingMessages(db, INSTANCE),
    sealedSince: () => findSealedSince(db, INSTANCE),
    jobs: (queue) => queues.counts(queue),
    webhooks: () => readWebhookFigures(db),
    browsers: async () => ({ browsers: 0, bytes: 0 }),
    instances: () => countInstances(db),
    leases: { held: () => [], leftMs: () => 0 },
    clock: systemClock,
  });
  const accounts = makeAccountStore(db, { history: measured.sessions });
  const channel = new ScriptedChannel(accounts, INSTANCE);
  const announcer = stack.use(
    await openAnnouncer({
      db,
      findStatus: (id) => channel.findStatus(id),
      timings: DEFAULT_TIMINGS,
      clock: systemClock,
      log,
    }),
  );
  const keyRing = stack.use(makeKeyRing({ current: randomBytes(32), previous: [] }));
  const webhooks = stack.use(
    await openWebhooks({
      db,
      redis,
      queues,
      fanOut,
      keyRing,
      instanceId: INSTANCE,
      endpoint: { allowPrivate },
      clock: systemClock,
      log,
      onOutcome: measured.webhooks,
    }),
  );
  const accessChanges = stack.use(await openAccessWatch({ connection: database.connection, log }));
  const vault = new ScriptedVault();
  const intake = makeMediaIntake({ db, store: media, fetchUrl: makeFetchUrl() });
  const deps: HttpDeps = {
    config: {
      host: '127.0.0.1',
      port: 0,
      apiRateLimit: 0,
      allowedOrigins: [],
      jwt: { secret: null, jwksUrl: null },
    },
    accountDefaults: { dailyLimit: 1_000, timezone: 'UTC' },
    messageRateLimit: 20,
    instanceId: INSTANCE,
    db,
    channel,
    outbox: makeOutbox({
      db,
      instanceId: INSTANCE,
      takeMedia: (accountId, source, wish) => intake.takeMedia(accountId, source, wish),
      wake: () => false,
      enqueue: async () => undefined,
      clock: systemClock,
      log,
      meter: measured.messages,
    }),
    campaigns: makeCampaigns({
      db,
      keys: new IdempotencyKeys({ db, instanceId: INSTANCE, log }),
      keepData: (accountId, source) => intake.keepData(accountId, source),
      wake: () => undefined,
      clock: systemClock,
    }),
    uploads: intake,
    media,
    vault,
    board: makeBoard(queues),
    metrics,
    onAnswered: measured.requests,
    sharedCalls: makeSharedCalls(redis),
    announcements: announcer,
    accessChanges,
    webhooks,
    feed,
    events,
    keyRing,
    checks: { database: async () => undefined, queue: async () => undefined },
    clock: systemClock,
    log,
    ...replaced,
  };
  const server = stack.use(await openHttpServer(deps, { signal: new AbortController().signal, stalledMs }));
  const key = await insertKey(db, 'owner', 'default');
  const opened = stack.move();
  return {
    url: server.url,
    deps,
    db,
    connection: database.connection,
    accounts,
    channel,
    vault,
    announcer,
    media,
    log,
    metrics,
    key,
    ask: (method, path, asked = {}) => ask(server.url, method, path, { key, ...asked }),
    makeKey: (role, tenant = 'default', scopes) => insertKey(db, role, tenant, scopes),
    grant: async (accountId, held) => {
      const found = await findApiKey(db, keyToHash(held));
      await saveGrant(db, { accountId, userId: found?.id ?? held, grantedBy: 'test' });
    },
    makeAccount: async ({ tenant = 'default', phoneNumber = null } = {}) => {
      const id = await insertFresh(db, parseTenantId(tenant));
      if (phoneNumber !== null) await accounts.saveLinked(id, { ...IDENTITY, phoneNumber });
      return id;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function insertFresh(db: Executor, tenantId: TenantId): Promise<AccountId> {
  const id = makeAccountId();
  await insertAccount(db, {
    id,
    tenantId,
    instanceId: INSTANCE,
    expectedPhoneNumber: null,
    displayName: 'Test',
    dailyLimit: 1_000,
    timezone: 'UTC',
  });
  return id;
}

async function insertKey(
  db: Executor,
  role: Role,
  tenant: string,
  scopes: readonly Permission[] | null = null,
): Promise<string> {
  const key = `sb_${randomBytes(32).toString('base64url')}`;
  await db
    .insertInto('api_keys')
    .values({
      id: randomUUID(),
      tenant_id: tenant,
      role,
      name: 'test',
      prefix: key.slice(0, 6),
      sha256: keyToHash(key),
      scopes,
    })
    .execute();
  return key;
}

async function ask(url: string, method: string, path: string, asked: Asked): Promise<Answer> {
  const { body, key, headers } = asked;
  const address = path.startsWith('//') ? url + path.slice(1) : `${url}/api/v1/whatsapp${path}`;
  const raw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
  const response = await fetch(address, {
    method,
    headers: {
      ...(key === null || key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (raw ? body : JSON.stringify(body)) as BodyInit }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && bytes.length > 0 ? JSON.parse(bytes.toString('utf8')) : bytes,
  };
}
