import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LEASE_TERMS } from '../../src/instances/lease-terms.ts';
import { ChaosTraffic } from '../support/chaos-traffic.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import {
  countHeld,
  findRun,
  findTaking,
  listFacts,
  listPresences,
  listStill,
  listWork,
  readTime,
  untilServed,
} from '../support/instance-facts.ts';
import {
  DOUBLE_FAULTS,
  INSTANCE_FAULTS,
  type InstanceFault,
  LONG_FAULTS,
} from '../support/instance-faults.ts';
import { type Instance, InstanceStage } from '../support/instance-stage.ts';
import { untilFound } from '../support/patient-look.ts';
import { type Crash, loseProfiles, settleLoss } from '../support/profile-loss.ts';
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
/** The same, until others have noticed that an instance is dead, stands still or is cut off. */
const NOTICED_WITHIN_MS = 30_000;
/** How long all that was accepted may take to be sent, and every ack to be heard. */
const SETTLE_WITHIN_MS = 240_000;
/** Longer than a lease while others are there; far shorter than one of an instance that is alone. */
const SHARED_MS = 30_000;

/** Left out of the everyday run: the others have it in them. */
const RARE = ['SIGKILL and start'];
const random = makeRandom(seed);
const FAULTS = isLongRun
  ? [...INSTANCE_FAULTS, ...LONG_FAULTS]
  : INSTANCE_FAULTS.filter(({ name }) => !RARE.includes(name));
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

/** The instances, whoever holds the most accounts first. */
async function listByAccounts(): Promise<readonly Instance[]> {
  const counts = countHeld(await listFacts(stage.db));
  return stage.instances.toSorted((a, b) => (counts[b.id] ?? 0) - (counts[a.id] ?? 0));
}

async function listHeld(struck: readonly Instance[]): Promise<string[]> {
  const ids = struck.map(({ id }) => id);
  return (await listFacts(stage.db)).flatMap(({ accountId, holder }) =>
    holder !== null && ids.includes(holder) ? [accountId] : [],
  );
}

interface Suffered {
  /** Ends what was suffered. */
  readonly end: () => Promise<void>;
  /** The accounts that those held that were struck. */
  readonly held: readonly string[];
  /** When it struck, by PostgreSQL's clock. */
  readonly since: Date;
}

/** Strikes, and resolves once every account is served, with what ends the fault. */
async function suffer(
  { name, sessions }: Pick<InstanceFault, 'name' | 'sessions'>,
  struck: readonly Instance[],
  strike: () => Promise<() => Promise<void>>,
): Promise<Suffered> {
  const before = await listPresences(accounts);
  const held = await listHeld(struck);
  const anew = sessions === 'go on' ? [] : held;
  const since = await readTime(stage.db);
  const struckAt = performance.now();
  const end = await strike();
  await untilServed(stage, accounts, { before, anew, except: sessions === 'move' ? struck : [] });
  const servedAfterMs = performance.now() - struckAt;
  times.note(name, servedAfterMs);
  expect(servedAfterMs).toBeLessThan(SERVED_WITHIN_MS);
  const after = await listPresences(accounts);
  const spared = accounts.filter(({ accountId }) => !anew.includes(accountId));
  expect(spared.map(({ accountId }) => after.get(accountId))).toEqual(
    spared.map(({ accountId }) => before.get(accountId)),
  );
  return { end, held, since };
}

/** That others have noticed it in time, by what they wrote when they began its sessions. */
async function expectNoticed({ name }: InstanceFault, instance: Instance, { held, since }: Suffered) {
  const takenAt = await findTaking(stage.db, { of: held, except: instance, since });
  const noticedAfterMs = (takenAt?.getTime() ?? Number.POSITIVE_INFINITY) - since.getTime();
  times.note(`${name}: noticed`, noticedAfterMs);
  expect(noticedAfterMs).toBeLessThan(NOTICED_WITHIN_MS);
}

/** Whoever is back before others can have looked twice has at once all that its former run held. */
async function expectItsOwn({ name }: InstanceFault, instance: Instance, { held, since }: Suffered) {
  const { startedAt } = await untilFound('The run', () => findRun(stage.db, instance));
  const backAfterMs = startedAt.getTime() - since.getTime();
  times.note(`${name}: its next run`, backAfterMs);
  if (backAfterMs >= LEASE_TERMS.deadGraceMs) return;
  const facts = await listFacts(stage.db);
  const holders = facts.filter(({ accountId }) => held.includes(accountId)).map(({ holder }) => holder);
  expect(holders).toEqual(held.map(() => instance.id));
}

/** How every account is, and under which lease, with the browsers of those that were struck. */
async function readStill(struck: readonly Instance[]) {
  return { accounts: await listStill(stage.db), browsers: struck.map((instance) => instance.browsers()) };
}

/**
 * Who comes back does nothing to what others have by then. Nothing else befalls a session meanwhile: what moves is its doing,
 * also if it bears another's name, as all does that is written about an account. Of what moves anyway, it has no part.
 */
async function comesBack(struck: readonly Instance[], end: () => Promise<void>): Promise<void> {
  const before = await readStill(struck);
  const work = await Promise.all(struck.map((instance) => listWork(stage.db, instance)));
  await end();
  expect(await readStill(struck)).toEqual(before);
  const known = new Set(work.flat());
  const late = await Promise.all(struck.map((instance) => listWork(stage.db, instance)));
  expect(late.flat().filter((each) => !known.has(each))).toEqual([]);
  await expectNoOverlap();
}

it.each(PLAN.map((fault, n) => ({ fault, title: `${n + 1}/${PLAN.length}, ${fault.name}` })))(
  'serves every account again, and lets who comes back do nothing to them: $title',
  async ({ fault }) => {
    const [instance] = (await listByAccounts()) as [Instance];
    const suffered = await suffer(fault, [instance], () => fault.strike(stage, instance));
    if (fault.sessions === 'start anew') await expectItsOwn(fault, instance, suffered);
    if (fault.sessions === 'move') {
      expect(instance.browsers()).toEqual([]);
      await expectNoticed(fault, instance, suffered);
    }
    await comesBack([instance], suffered.end);
  },
);

it.each(isLongRun ? DOUBLE_FAULTS : [])('serves every account on the last of three: $name', async (fault) => {
  const sorted = await listByAccounts();
  // The emptiest is dealt the most of what the fullest leaves.
  const struck = [sorted[0], sorted.at(-1)] as [Instance, Instance];
  const double = { name: fault.name, sessions: 'move' } as const;
  const { end } = await suffer(double, struck, () => fault.strike(stage, ...struck));
  expect(struck.map((instance) => instance.browsers())).toEqual([[], []]);
  await comesBack(struck, end);
});

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

if (isLongRun) {
  it('goes on from the last copies where the profiles are out of reach, and lacks what the pages took unheard at the end', async () => {
    const [instance] = (await listByAccounts()) as [Instance];
    const ids = await listHeld([instance]);
    const held = accounts.filter(({ accountId }) => ids.includes(accountId));
    const alice = await stage.world.phone('alice');
    const crash = Promise.withResolvers<Crash>();
    const { end } = await suffer(
      { name: 'SIGKILL, profiles lost', sessions: 'move' },
      [instance],
      async () => {
        crash.resolve(await loseProfiles(stage, instance, { held, peer: alice }));
        return () => instance.start();
      },
    );
    const told = stage.instances.map((each) => each.daemon().output()).join('');
    for (const id of ids) expect(told).toMatch(new RegExp(`an account had open is out of reach.*${id}`));
    for (const account of held) {
      await stage.api.send(account.accountId, { to: `+${alice.number}`, text: 'afterwards' });
      const { unexplained, ...loss } = await settleLoss(
        stage,
        account,
        await crash.promise,
        SETTLE_WITHIN_MS,
      );
      const counts = Object.entries(loss).map(([what, list]) => `${list.length} ${what}`);
      console.log(`${account.phone.name}, without its profile: ${counts.join(', ')}`);
      expect(unexplained).toEqual([]);
    }
    await comesBack([instance], end);
  });
}

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
