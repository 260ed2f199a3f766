import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChaosTraffic } from '../support/chaos-traffic.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import {
  countHeld,
  countStates,
  findRun,
  listFacts,
  listPresences,
  untilServed,
} from '../support/instance-facts.ts';
import { INSTANCE_FAULTS, type InstanceFault } from '../support/instance-faults.ts';
import { type Instance, InstanceStage } from '../support/instance-stage.ts';
import { untilFound } from '../support/patient-look.ts';
import { makeRandom } from '../support/random.ts';
import { RecoveryTimes } from '../support/recovery-times.ts';
import { isLongRun, scaled, seed } from '../support/scale.ts';

const ACCOUNTS = 9;
/** Phones that link at the same time. */
const TOGETHER = 3;
const NAMES = ['one', 'two', 'three'];
/** What a single instance rides out. */
const OUTAGE_MS = 40_000;
/** What users are promised: from a fault until every account is served again. */
const SERVED_WITHIN_MS = 60_000;
/** How long all that was accepted may take to be sent, and every ack to be heard. */
const SETTLE_WITHIN_MS = 240_000;
/** Longer than a lease while others are there; far shorter than one of an instance that is alone. */
const SHARED_MS = 30_000;

/** Left out of the everyday run: the others have it in them. */
const RARE = ['SIGKILL and start'];
const random = makeRandom(seed);
const FAULTS = INSTANCE_FAULTS.filter(({ name }) => isLongRun || !RARE.includes(name));
const PLAN = Array.from({ length: scaled(1, 3) }, () => random.shuffle(FAULTS)).flat();
const times = new RecoveryTimes();
const accounts: JudgedAccount[] = [];

let stage: InstanceStage;
let traffic: ChaosTraffic;

beforeAll(async () => {
  console.log(`instances: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  stage = await InstanceStage.open(random);
});
afterAll(async () => {
  await traffic?.[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
  console.log(`instances, seed ${seed}: from the fault until every account was served\n${times.table()}`);
});

async function linkEvery(step: number, first: number): Promise<void> {
  for (let n = first; n < ACCOUNTS; n += step) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    accounts.push({ accountId: await stage.link(phone), phone });
  }
}

/** How much longer an instance's lease is valid, by the database's last word; milliseconds. */
async function leaseLeft(instance: Instance): Promise<number> {
  const found = await untilFound('The run', () => findRun(stage.db, instance));
  return found.leaseUntil.getTime() - Date.now();
}

/** Of no account a second browser was ever seen while there was one. */
async function expectNoOverlap(): Promise<void> {
  const devices = await Promise.all(accounts.map(async ({ phone }) => (await phone.view()).devices));
  const seen = devices.map((list) => list.map(({ overlaps, maxLines }) => ({ overlaps, maxLines })));
  expect(seen).toEqual(accounts.map(() => [{ overlaps: 0, maxLines: 1 }]));
}

it('makes several of an instance that was alone, and hands what it holds to the others when it stops', async () => {
  const first = await stage.join('first');
  await Promise.all(Array.from({ length: TOGETHER }, (_, n) => linkEvery(TOGETHER, n)));
  expect(await leaseLeft(first)).toBeGreaterThan(SHARED_MS);
  await Promise.all(NAMES.map((name) => stage.join(name)));
  await untilFound('The shorter lease', async () => (await leaseLeft(first)) < SHARED_MS || undefined);
  traffic = new ChaosTraffic(stage, accounts, await stage.world.phone('alice'));

  const before = await listPresences(accounts);
  first.isServing = false;
  const struckAt = performance.now();
  expect(await first.daemon().stop()).toBe(0);
  const anew = accounts.map(({ accountId }) => accountId);
  const facts = await untilServed(stage, accounts, { before, anew });
  times.note('drained stop', performance.now() - struckAt);
  stage.forget(first);
  expect(countHeld(facts)).toEqual({ one: 3, two: 3, three: 3 });
  await expectNoOverlap();
});

/** The instance that holds the most accounts. */
async function findFullest(): Promise<Instance> {
  const counts = countHeld(await listFacts(stage.db));
  const [fullest] = stage.instances.toSorted((a, b) => (counts[b.id] ?? 0) - (counts[a.id] ?? 0));
  return fullest as Instance;
}

/** Strikes, and resolves once every account is served, with what ends the fault. */
async function suffer(fault: InstanceFault, instance: Instance): Promise<() => Promise<void>> {
  const before = await listPresences(accounts);
  const held = (await listFacts(stage.db)).flatMap(({ accountId, holder }) =>
    holder === instance.id ? [accountId] : [],
  );
  const anew = fault.sessions === 'go on' ? [] : held;
  const struckAt = performance.now();
  const end = await fault.strike(stage, instance);
  await untilServed(stage, accounts, { before, anew, except: fault.sessions === 'move' ? [instance] : [] });
  const servedAfterMs = performance.now() - struckAt;
  times.note(fault.name, servedAfterMs);
  expect(servedAfterMs).toBeLessThan(SERVED_WITHIN_MS);
  const after = await listPresences(accounts);
  const spared = accounts.filter(({ accountId }) => !anew.includes(accountId));
  expect(spared.map(({ accountId }) => after.get(accountId))).toEqual(
    spared.map(({ accountId }) => before.get(accountId)),
  );
  return end;
}

/** Who holds what, under which lease, and how much an instance has written about accounts. */
async function readHoldings(instance: Instance) {
  const facts = await listFacts(stage.db);
  return {
    leases: facts.map(({ accountId, holder, run, epoch }) => ({ accountId, holder, run, epoch })),
    states: await countStates(stage.db, instance),
    browsers: instance.browsers(),
  };
}

it.each(PLAN.map((fault, n) => ({ fault, title: `${n + 1}/${PLAN.length}, ${fault.name}` })))(
  'serves every account again, and lets who comes back do nothing to them: $title',
  async ({ fault }) => {
    const instance = await findFullest();
    const end = await suffer(fault, instance);
    const before = await readHoldings(instance);
    if (fault.sessions === 'move') expect(before.browsers).toEqual([]);
    await end();
    expect(await readHoldings(instance)).toEqual(before);
    await expectNoOverlap();
  },
);

it('has lost nothing, doubled nothing, missed no ack, and kept the order of each chat', async () => {
  await traffic[Symbol.asyncDispose]();
  for (const account of accounts) {
    const compared = await settleWithTruth(stage.api, stage.world, account, {
      patienceMs: SETTLE_WITHIN_MS,
    });
    console.log(`${account.phone.name}: ${compared.carried} carried`);
    expect(compared).toEqual({ ...EQUAL_TO_TRUTH, carried: expect.any(Number) });
    const carried = await stage.world.messages({ phone: account.phone });
    const sent = carried.filter(({ from }) => from === account.phone.number).map(({ text }) => text);
    expect(sent).toEqual(traffic.accepted(account));
  }
  await expectNoOverlap();
});

it('stops one after another, until the last one is alone', async () => {
  const [last, ...others] = stage.instances as [Instance, ...Instance[]];
  for (const instance of others) {
    instance.isServing = false;
    expect(await instance.daemon().stop()).toBe(0);
    expect(instance.browsers()).toEqual([]);
  }
  expect(countHeld(await untilServed(stage, accounts))).toEqual({ [last.id]: ACCOUNTS });
  await expectNoOverlap();
  if (isLongRun) await ridesOut(last);
  expect(await last.daemon().stop()).toBe(0);
  expect(last.browsers()).toEqual([]);
});

/** An instance that is alone goes on without PostgreSQL, with the browsers that it has. */
async function ridesOut(instance: Instance): Promise<void> {
  // As if the others had been gone for ten minutes.
  await stage.db.updateTable('instances').set({ others_seen_at: null }).execute();
  await untilFound('The longer lease', async () => (await leaseLeft(instance)) > SHARED_MS || undefined);
  const before = { browsers: instance.browsers(), presences: await listPresences(accounts) };
  expect(before.browsers).toHaveLength(ACCOUNTS);
  instance.postgres.cut();
  await delay(OUTAGE_MS);
  instance.postgres.heal();
  const alice = await stage.world.phone('alice');
  await Promise.all(accounts.map(({ phone }) => alice.send(phone, 'after the outage')));
  for (const { accountId } of accounts)
    await stage.api.message(accountId, 'what came', ({ text }) => text === 'after the outage');
  expect({ browsers: instance.browsers(), presences: await listPresences(accounts) }).toEqual(before);
}
