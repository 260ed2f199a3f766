import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import { type DaemonProcess, findFreePort, startDaemon } from '../../scripts/daemon-process.ts';
import { type Phone, startSimulator, type WorldClient } from '../../simulator/client.ts';
import type { AccountId } from '../../src/accounts/ids.ts';
import { type OpenDatabase, openDatabase } from '../../src/db/database.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';
import { type OwnRedis, openOwnRedis } from './own-redis.ts';
import { listBrowsers } from './process-tree.ts';
import type { Random } from './random.ts';
import { silentLog } from './silent-log.ts';
import { simulatedWhatsApp } from './stage.ts';
import { openTcpLine, type TcpLine } from './tcp-line.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** Sessions that each instance may hold: any one of them could hold all. */
export const CAPACITY = 10;

/** A daemon among several, with a folder of its own, on the stores of all, each of which it reaches by a line of its own. */
export interface Instance {
  readonly id: string;
  readonly postgres: TcpLine;
  readonly redis: TcpLine;
  readonly api: DaemonApi;
  /** The one that runs now, or ran last. */
  daemon(): DaemonProcess;
  /** Starts it again, under the same name, on the same folder. */
  start(): Promise<void>;
  /** Where its open profiles lie. */
  readonly livePath: string;
  /** Ids of the browsers that work in its folder. */
  browsers(): number[];
  /** Whether users may be sent to it: not while it is down, stands still, or cannot reach PostgreSQL. */
  isServing: boolean;
}

/** Several instances on one database and one Redis, and the simulated WhatsApp around them. */
export class InstanceStage implements AsyncDisposable {
  readonly world: WorldClient;
  readonly instances: Instance[] = [];
  /** Of all instances, reached without their lines. */
  readonly db: OpenDatabase['db'];
  readonly #parts: StageParts;
  readonly #random: Random;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: StageParts, random: Random, resources: AsyncDisposableStack) {
    this.#parts = parts;
    this.world = parts.world;
    this.db = parts.opened.db;
    this.#random = random;
    this.#resources = resources;
  }

  static async open(random: Random): Promise<InstanceStage> {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await openTemporaryFolder());
    const simulator = stack.use(await startSimulator());
    const database = stack.use(await openTestDatabase());
    const redis = stack.use(await openOwnRedis(['--maxmemory-policy', 'noeviction']));
    const opened = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 2 }));
    const env = {
      CHROME_EXTRA_ARGS: simulatedWhatsApp(simulator),
      ENCRYPTION_KEY: randomBytes(32).toString('hex'),
      MEDIA_PATH: join(folder, 'media'),
      WHATSAPP_MAX_CONNECTIONS: String(CAPACITY),
      WHATSAPP_MESSAGE_RATE_LIMIT: '0',
      WHATSAPP_DAILY_LIMIT: '1000000',
      API_RATE_LIMIT: '0',
    };
    const parts = { folder, env, world: simulator.world, database, redis, opened };
    return new InstanceStage(parts, random, stack.move());
  }

  /** Of an instance that serves, another one each time. */
  get api(): DaemonApi {
    const serving = this.instances.filter(({ isServing }) => isServing);
    const chosen = serving[Math.floor(this.#random.next() * serving.length)];
    if (chosen === undefined) throw new Error('No instance serves.');
    return chosen.api;
  }

  /** Starts another instance. */
  async join(id: string): Promise<Instance> {
    const { folder, env, database, redis } = this.#parts;
    const { host, port: number, user, password, database: name } = database.connection;
    const [postgresLine, redisLine] = await Promise.all([
      openTcpLine({ path: `${host}/.s.PGSQL.${number}` }),
      openTcpLine({ host: '127.0.0.1', port: redis.port }),
    ]);
    this.#resources.use(postgresLine);
    this.#resources.use(redisLine);
    const own = join(folder, id);
    const livePath = join(own, 'live');
    const settings = {
      env: {
        ...env,
        INSTANCE_ID: id,
        DATA_PATH: join(own, 'data'),
        LOG_DIR: join(own, 'logs'),
        WHATSAPP_RUNTIME_PATH: livePath,
        DATABASE_URL: `postgresql://${user}:${password}@127.0.0.1:${postgresLine.port}/${name}`,
        REDIS_URL: `redis://127.0.0.1:${redisLine.port}`,
      },
      port: await findFreePort(),
      ownerKey: 'a-key-for-the-stage-of-the-tests-1234',
    };
    let daemon = await startDaemon(settings);
    this.#resources.defer(() => end(daemon));
    const instance: Instance = {
      id,
      postgres: postgresLine,
      redis: redisLine,
      api: new DaemonApi(daemon),
      daemon: () => daemon,
      start: async () => {
        daemon = await startDaemon(settings);
        instance.isServing = true;
      },
      livePath,
      browsers: () => listBrowsers(livePath).map(({ pid }) => pid),
      isServing: true,
    };
    this.instances.push(instance);
    return instance;
  }

  /** @throws Error if there is none of that name */
  get(id: string): Instance {
    const found = this.instances.find((instance) => instance.id === id);
    if (found === undefined) throw new Error(`There is no instance ${id}.`);
    return found;
  }

  /** From now on the instance is none of those that there are. */
  forget(instance: Instance): void {
    this.instances.splice(this.instances.indexOf(instance), 1);
  }

  /** Links a new account of the phone and resolves with its id once it is connected. */
  async link(phone: Phone): Promise<AccountId> {
    const { accountId, qr } = await this.api.connect(phone.name);
    await phone.scan(qr);
    await this.api.reached(accountId, 'Connected');
    return accountId as AccountId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

interface StageParts {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly world: WorldClient;
  readonly database: TestDatabase;
  readonly redis: OwnRedis;
  readonly opened: OpenDatabase;
}

/** However it is; its guard ends its browsers. */
async function end(daemon: DaemonProcess): Promise<void> {
  await daemon.kill();
}
