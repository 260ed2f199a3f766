import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ControlError } from '../../simulator/client.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { JudgedTraffic } from '../support/judged-traffic.ts';
import { makeRandom } from '../support/random.ts';
import { isLongRun, scaled, seed } from '../support/scale.ts';
import { findProcessIds, openStage, type Stage } from '../support/stage.ts';
import { compareOrder } from '../support/stored-order.ts';

const ACCOUNTS = scaled(2, 5);
/** Messages of all accounts together, in each direction. */
const INCOMING = scaled(1_000, 50_000);
const OUTGOING = scaled(160, 5_000);
/** How often the daemon is killed, and how often each other harm strikes. */
const KILLS = scaled(2, 20);
const TIMES = scaled(1, 5);
/** A harm strikes so long after its messages began to flow at most; milliseconds. */
const STRIKE_WITHIN_MS = 2_000;
/** How long the last of so many may take to settle. */
const PATIENCE_MS = scaled(90_000, 600_000);

let stage: Stage;
let traffic: JudgedTraffic;
const accounts: JudgedAccount[] = [];
const random = makeRandom(seed);

beforeAll(async () => {
  console.log(`kills: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await openStage({
    // Limits that hold nothing back are counted all the same.
    env: { API_RATE_LIMIT: '0', WHATSAPP_DAILY_LIMIT: '1000000', WHATSAPP_MESSAGE_RATE_LIMIT: '100000' },
  });
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    accounts.push({ accountId: await stage.link(phone), phone });
  }
  traffic = await JudgedTraffic.open(stage, accounts, random);
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.browsers()).toEqual([]);
});

/** Kills the oldest process that has the text on its command line; there must be one. */
async function kill(text: string): Promise<void> {
  const pid = await stage.api.until(`A process of ${text}`, async () => findProcessIds(text)[0]);
  process.kill(pid, 'SIGKILL');
}

/** Does something to the pages; there are none for a while after a start, a reload or a drop. */
async function strikePages(action: Parameters<Stage['world']['page']>[0]): Promise<void> {
  await stage.api.until('Pages to strike', async () => {
    try {
      await stage.world.page(action);
      return true;
    } catch (thrown) {
      if (thrown instanceof ControlError && thrown.status === 409) return undefined;
      throw thrown;
    }
  });
}

/** Everything that can go wrong between a phone and the database, by name, and how often it does. */
const HARMS: Record<string, { readonly times: number; readonly strike: () => Promise<unknown> }> = {
  'SIGKILL of the daemon': {
    times: KILLS,
    strike: async () => {
      await stage.daemon().kill();
      await stage.start();
    },
  },
  'stop and start of the daemon': {
    times: TIMES,
    strike: async () => {
      await stage.daemon().stop();
      await stage.start();
    },
  },
  'SIGKILL of a browser': {
    times: TIMES,
    strike: () => kill(`--user-data-dir=${stage.folder}/data/live/session-${accounts[0]?.accountId}`),
  },
  'SIGKILL of PostgreSQL': { times: TIMES, strike: () => kill(`${stage.folder}/data/postgres`) },
  'SIGKILL of Redis': { times: TIMES, strike: () => kill(`${stage.folder}/data/redis`) },
  'a reload of the pages': { times: TIMES, strike: () => strikePages({ do: 'reload' }) },
  'a reload between a receipt and its message': {
    times: TIMES,
    strike: () => stage.world.faults.set({ kind: 'receipt', mode: 'reload', count: 1 }),
  },
  'a dropped socket': { times: TIMES, strike: () => strikePages({ do: 'drop', ms: 1_500 }) },
  'extra navigations': { times: TIMES, strike: () => strikePages({ do: 'push-state', times: 3 }) },
};

const PLAN = random.shuffle(
  Object.entries(HARMS).flatMap(([name, { times, strike }]) =>
    Array.from({ length: times }, () => ({ name, strike })),
  ),
);

/** What each account gets, and sends, while one harm strikes; the totals are reached. */
const PORTION = {
  incoming: Math.ceil(INCOMING / PLAN.length / ACCOUNTS),
  outgoing: Math.ceil(OUTGOING / PLAN.length / ACCOUNTS),
};

it(`loses, doubles and disorders nothing of ${INCOMING} and ${OUTGOING} messages, whatever is killed meanwhile`, async () => {
  for (const [index, { name, strike }] of PLAN.entries()) {
    if (isLongRun) console.log(`kills: ${index + 1} of ${PLAN.length}, ${name}`);
    const flowing = traffic.flow(PORTION);
    // Unheard while the harm is waited for, it would end the run without a word of the harm.
    flowing.catch(() => undefined);
    await delay(random.next() * STRIKE_WITHIN_MS);
    await strike();
    await flowing;
  }
  for (const account of accounts) {
    await stage.api.reached(account.accountId, 'Connected');
    const compared = await settleWithTruth(stage.api, stage.world, account, { patienceMs: PATIENCE_MS });
    const carried = PLAN.length * (PORTION.incoming + PORTION.outgoing);
    expect(compared).toEqual({ ...EQUAL_TO_TRUTH, carried });
    const order = await compareOrder(stage, account);
    expect(order.misplaced).toEqual([]);
    expect(order.compared).toBeGreaterThan(carried / 2);
    const own = (await stage.world.messages({ phone: account.phone })).filter(
      (each) => each.from === account.phone.number,
    );
    expect(own).toHaveLength(new Set(own.map((each) => each.text)).size);
    expect(own).toHaveLength(PLAN.length * PORTION.outgoing);
  }
});
