import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChaosTraffic } from '../support/chaos-traffic.ts';
import { type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import {
  type AccountFact,
  countHeld,
  countLogins,
  findRun,
  listFacts,
  untilServed,
} from '../support/instance-facts.ts';
import { INSTANCE_FAULTS, type InstanceFault } from '../support/instance-faults.ts';
import { CAPACITY, type Instance, InstanceStage } from '../support/instance-stage.ts';
import { makeRandom } from '../support/random.ts';
import { RecoveryTimes } from '../support/recovery-times.ts';
import { seed } from '../support/scale.ts';

const ACCOUNTS = 9;
const NAMES = ['one', 'two', 'three'];

const random = makeRandom(seed);
const times = new RecoveryTimes();
const accounts: JudgedAccount[] = [];

let stage: InstanceStage;
let traffic: ChaosTraffic | undefined;

beforeAll(async () => {
  console.log(`instances: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await InstanceStage.open(random);
});
afterAll(async () => {
  await traffic?.[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
  console.log(`instances, seed ${seed}: from the fault until every account was connected\n${times.table()}`);
});

it('hands what one instance held to those that joined it', async () => {
  const first = await stage.join('first');
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    accounts.push({ accountId: await stage.link(phone), phone });
  }
  for (const name of NAMES) await stage.join(name);
  const before = await countLogins(accounts);
  const at = performance.now();
  first.isServing = false;
  expect(await first.daemon().stop()).toBe(0);
  const facts = await untilServed(stage, accounts, { before });
  console.log('drain', performance.now() - at);
  stage.instances.shift();
  expect(countHeld(facts)).toEqual({ one: 3, two: 3, three: 3 });
});
