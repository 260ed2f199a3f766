import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChaosTraffic } from '../support/chaos-traffic.ts';
import { type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { makeRandom } from '../support/random.ts';
import { scaled, seed } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';

const ACCOUNTS = 2;
const KILLS = scaled(4, 20);

/** What the daemon logs after each step of its vaults. */
const STEP = 'A step of the vault was done';
/** Steps of all accounts together: from the first sealing to the last, and of the openings. */
const STEPS_OF_STOP = 12 * ACCOUNTS;
const STEPS_OF_START = 5 * ACCOUNTS;
const LONGEST_RUN_MS = 4_000;

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

const random = makeRandom(seed);
const upTo = (most: number) => Math.ceil(random.next() * most);

/** Counts the steps that the daemon tells of, and lets a test wait for one. */
class StepCount {
  #told = 0;
  #waiting: { readonly from: number; readonly reached: () => void }[] = [];

  hear(text: string): void {
    this.#told += text.split(STEP).length - 1;
    for (const { from, reached } of this.#waiting) if (this.#told >= from) reached();
    this.#waiting = this.#waiting.filter(({ from }) => from > this.#told);
  }

  /** Resolves at the so manyth step from now on. */
  next(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ from: this.#told + count, reached: resolve });
    return promise;
  }
}

const steps = new StepCount();
let stage: Stage;
const accounts: JudgedAccount[] = [];
const devices = new Map<string, readonly string[]>();

const devicesOf = async ({ phone }: JudgedAccount) => (await phone.view()).devices.map(({ id }) => id);
const runtimePath = () => join(stage.folder, 'data', 'live');
const vaultPath = ({ accountId }: JudgedAccount) => join(stage.folder, 'data', 'sessions', accountId);

beforeAll(async () => {
  console.log(`chaos of vaults: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await openStage({
    env: { LOG_LEVEL: 'debug', API_RATE_LIMIT: '0' },
    onOutput: (text) => steps.hear(text),
  });
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    const account = { accountId: await stage.link(phone), phone };
    accounts.push(account);
    devices.set(account.accountId, await devicesOf(account));
  }
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.browsers()).toEqual([]);
});

/** Of the messages that WhatsApp carried from the account. */
async function textsOf({ phone }: JudgedAccount): Promise<string[]> {
  const { messages } = await stage.world.truth();
  return messages.filter(({ from }) => from === phone.number).map(({ text }) => text);
}

const allConnected = () =>
  Promise.all(accounts.map(({ accountId }) => stage.api.reached(accountId, 'Connected')));

/** Connected with the devices of the first link, and nobody was asked to scan. */
async function allComeBack(): Promise<void> {
  await allConnected();
  for (const account of accounts) {
    expect(await devicesOf(account)).toEqual(devices.get(account.accountId));
  }
  expect(stage.daemon().output()).not.toContain('scan this code');
}

/** Where in its life a daemon may be killed. Each leaves it dead. */
const MOMENTS: Record<string, () => Promise<void>> = {
  'while sessions run': async () => {
    await delay(random.next() * LONGEST_RUN_MS);
    await stage.daemon().kill();
  },
  'while sessions are sealed': async () => {
    const step = steps.next(upTo(STEPS_OF_STOP));
    // It may end before it comes there: then this was a clean stop.
    await Promise.race([step, stage.daemon().stop()]);
    await stage.daemon().kill();
  },
  'while it stops': async () => {
    const stopped = stage.daemon().stop();
    await Promise.race([delay(random.next() * 1_500), stopped]);
    await stage.daemon().kill();
  },
  'while sessions are opened': async () => {
    await stage.daemon().stop();
    const step = steps.next(upTo(STEPS_OF_START));
    await stage.start();
    await Promise.race([step, allConnected()]).catch(() => undefined);
    await stage.daemon().kill();
  },
};

it('brings every session back without a scan, at whatever moment the daemon is killed', async () => {
  const traffic = new ChaosTraffic(stage, accounts, await stage.world.phone('alice'));
  {
    await using _flow = traffic;
    let moments: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      if (moments.length === 0) moments = random.shuffle(Object.keys(MOMENTS));
      await MOMENTS[moments.pop() ?? '']?.();
      await stage.start();
      await allComeBack();
    }
  }
  for (const account of accounts) {
    const accepted = traffic.accepted(account);
    // What was accepted last may still be on its way.
    await stage.api.until(
      'The last message',
      async () => (await textsOf(account)).length >= accepted.length || undefined,
    );
    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL);
    expect((await textsOf(account)).toSorted()).toEqual(accepted.toSorted());
  }
});

it('leaves nothing open at a clean stop after that, and comes back from the vault alone', async () => {
  expect(await stage.daemon().stop()).toBe(0);
  expect(stage.browsers()).toEqual([]);
  expect(await readdir(runtimePath()).catch(() => [])).toEqual([]);
  for (const account of accounts) {
    const sealed = (await readdir(vaultPath(account))).filter((name) => /^\d+\.vault$/.test(name));
    expect(sealed.length).toBeGreaterThan(0);
    expect(sealed.length).toBeLessThanOrEqual(3);
  }
  await stage.start();
  await allComeBack();
});
