import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DaemonApi } from '../../scripts/daemon-api.ts';
import type { Phone, Simulator } from '../../simulator/client.ts';
import { orAborted } from '../../src/lib/abort.ts';
import { startBenchDaemon } from '../bench-daemon.ts';
import type { BenchStores } from '../bench-stores.ts';
import { nowMs } from '../instant.ts';
import type { Contender } from './contender.ts';

/** Between two looks for the last message of a burst: small beside what a burst takes. */
const LOOK_AGAIN_MS = 5;

/** Tells of each row at its commit. Only there while each is asked for: it costs a little with every row. */
const TELL = [
  `create or replace function bench_tell() returns trigger language plpgsql as $$
     begin perform pg_notify('bench', new.bare_id); return new; end $$`,
  `create trigger bench_tell after insert on messages
     for each row when (new.direction = 'incoming') execute function bench_tell()`,
];
const DEADLOCK_DETECTED = '40P01';
const TELL_NO_MORE = 'drop trigger if exists bench_tell on messages';

interface Parts {
  readonly phones: readonly Phone[];
  readonly accounts: readonly string[];
  readonly api: DaemonApi;
  readonly client: pg.Client;
}

/** The whole daemon as a process of its own: what is committed in PostgreSQL has arrived, what the API took is sent. */
export class DaemonContender implements Contender {
  readonly name = 'Switchboard';
  readonly phones: readonly Phone[];
  readonly #accounts: readonly string[];
  readonly #api: DaemonApi;
  readonly #client: pg.Client;
  readonly #resources: AsyncDisposableStack;

  private constructor({ phones, accounts, api, client }: Parts, resources: AsyncDisposableStack) {
    this.phones = phones;
    this.#accounts = accounts;
    this.#api = api;
    this.#client = client;
    this.#resources = resources;
  }

  /** Starts the daemon on the given PostgreSQL and a Redis of its own, and links each phone. */
  static async open(
    { simulator, stores, folder }: { simulator: Simulator; stores: BenchStores; folder: string },
    phones: readonly Phone[],
    signal: AbortSignal,
  ): Promise<DaemonContender> {
    await using stack = new AsyncDisposableStack();
    const { chromeArgs } = simulator;
    const daemon = stack.use(await startBenchDaemon({ stores, folder, chromeArgs }, signal));
    const api = new DaemonApi(daemon);
    const accounts: string[] = [];
    for (const phone of phones) {
      const { accountId, qr } = await orAborted(api.connect(phone.name), signal);
      await phone.scan(qr);
      await orAborted(api.reached(accountId, 'Connected'), signal);
      accounts.push(accountId);
    }
    const client = new pg.Client(stores.postgres);
    await client.connect();
    stack.defer(() => client.end());
    await client.query('listen bench');
    return new DaemonContender({ phones, accounts, api, client }, stack.move());
  }

  async awaitBurst(lists: readonly (readonly string[])[]) {
    const arrived = this.#findLast(lists);
    // It may reject before anybody waits for it.
    arrived.catch(() => undefined);
    return { arrived };
  }

  async awaitEach(count: number) {
    for (const statement of [TELL_NO_MORE, ...TELL]) await this.#change(statement);
    const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, number>>();
    const at = new Map<string, number>();
    const hear = ({ payload = '' }: pg.Notification) => {
      at.set(payload, nowMs());
      if (at.size < count) return;
      this.#client.off('notification', hear);
      resolve(at);
    };
    this.#client.on('notification', hear);
    const arrived = promise.then(async (all) => {
      await this.#change(TELL_NO_MORE);
      return all;
    });
    return { arrived };
  }

  /** The daemon locks partitions one by one and in its own order: where the two wait for each other PostgreSQL ends this. */
  async #change(statement: string): Promise<void> {
    for (;;) {
      try {
        await this.#client.query(statement);
        return;
      } catch (thrown) {
        if (!(thrown instanceof pg.DatabaseError) || thrown.code !== DEADLOCK_DETECTED) throw thrown;
      }
    }
  }

  async send(account: number, to: Phone, text: string) {
    const calledAt = nowMs();
    await this.#api.send(this.#accounts[account] ?? '', { to: `+${to.number}`, text });
    return { calledAt, answeredAt: nowMs() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  /** Looks for the last message of each account, which is committed after all others; then counts them all. */
  async #findLast(lists: readonly (readonly string[])[]): Promise<number> {
    let last = 0;
    for (const [index, ids] of lists.entries()) {
      const values = [this.#accounts[index], ids.at(-1)];
      const find = 'select 1 from message_keys where account_id = $1 and bare_id = $2';
      while ((await this.#client.query(find, values)).rowCount === 0) await delay(LOOK_AGAIN_MS);
      last = nowMs();
    }
    const count = 'select count(distinct bare_id)::int as count from messages where bare_id = any($1)';
    const { rows } = await this.#client.query<{ count: number }>(count, [lists.flat()]);
    const wanted = lists.flat().length;
    if (rows[0]?.count !== wanted) throw new Error(`${rows[0]?.count} of ${wanted} messages are stored.`);
    return last;
  }
}
