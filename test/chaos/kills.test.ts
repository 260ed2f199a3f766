import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiError } from '../../scripts/daemon-api.ts';
import { ControlError, type Phone } from '../../simulator/client.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { makeRandom } from '../support/random.ts';
import { scaled, seed } from '../support/scale.ts';
import { findProcessIds, openStage, type Stage } from '../support/stage.ts';

/** Each round does every harm once, in an order of its own. */
const ROUNDS = scaled(1, 10);
const ACCOUNTS = scaled(2, 5);
/** Messages a round and an account, in each direction. */
const INCOMING = 60;
const OUTGOING = 12;

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

let stage: Stage;
const accounts: { accountId: string; phone: Phone }[] = [];
let alice: Phone;

beforeAll(async () => {
  console.log(`chaos: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await openStage();
  alice = await stage.world.phone('alice');
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    accounts.push({ accountId: await stage.link(phone), phone });
  }
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

/** Everything that can go wrong between a phone and the database, by name. */
const HARMS: Record<string, () => Promise<unknown>> = {
  'SIGKILL of the daemon': async () => {
    await stage.daemon().kill();
    await stage.start();
  },
  'stop and start of the daemon': async () => {
    await stage.daemon().stop();
    await stage.start();
  },
  'SIGKILL of a browser': () =>
    kill(`--user-data-dir=${stage.folder}/data/live/session-${accounts[0]?.accountId}`),
  'SIGKILL of PostgreSQL': () => kill(`${stage.folder}/data/postgres`),
  'SIGKILL of Redis': () => kill(`${stage.folder}/data/redis`),
  'a reload of the pages': () => strikePages({ do: 'reload' }),
  'a dropped socket': () => strikePages({ do: 'drop', ms: 1_500 }),
  'extra navigations': () => strikePages({ do: 'push-state', times: 3 }),
};

/** Hands a message in until it is accepted; the key makes one of however many tries. */
async function sendSurely(accountId: string, text: string): Promise<string> {
  return stage.api.until(`The acceptance of ${text}`, async () => {
    try {
      return await stage.api.send(accountId, { to: `+${alice.number}`, text }, text);
    } catch (thrown) {
      // The daemon is down, a store is away, or an earlier try is still being accepted.
      if (!(thrown instanceof ApiError) || thrown.status >= 500 || thrown.code === 'IDEMPOTENCY_IN_PROGRESS')
        return undefined;
      throw thrown;
    }
  });
}

async function flow(round: string): Promise<void> {
  const work = accounts.flatMap(({ accountId, phone }) => [
    stage.world.burst({ from: ['alice', 'bob'], to: phone, count: INCOMING, rate: 30, text: `${round} in ` }),
    (async () => {
      for (let n = 0; n < OUTGOING; n += 1) await sendSurely(accountId, `${accountId} ${round} out ${n}`);
    })(),
  ]);
  await Promise.all(work);
}

it('loses and doubles nothing, whatever is killed while messages flow', async () => {
  const random = makeRandom(seed);
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const harm of random.shuffle(Object.keys(HARMS))) {
      const flowing = flow(`${round} ${harm}`);
      await HARMS[harm]?.();
      await flowing;
    }
  }
  for (const account of accounts) {
    await stage.api.reached(account.accountId, 'Connected');
    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL);
    const { messages } = await stage.world.truth();
    const own = messages.filter((each) => each.from === account.phone.number);
    expect(own).toHaveLength(new Set(own.map((each) => each.text)).size);
    expect(own).toHaveLength(ROUNDS * Object.keys(HARMS).length * OUTGOING);
  }
});
