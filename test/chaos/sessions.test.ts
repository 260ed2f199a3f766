import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CHAOS_KINDS, type ChaosKind, HUMAN_KINDS } from '../support/chaos-kinds.ts';
import { makePlan, type Strike, type Wave } from '../support/chaos-plan.ts';
import { type ChaosAccount, ChaosPool } from '../support/chaos-pool.ts';
import { ChaosTraffic } from '../support/chaos-traffic.ts';
import { countDaemon, type DaemonFigures } from '../support/daemon-figures.ts';
import { openEmbeddedDatabase } from '../support/embedded-database.ts';
import { settleWithTruth } from '../support/ground-truth.ts';
import { bareIdOf } from '../support/message-account.ts';
import { listTree } from '../support/process-tree.ts';
import { makeRandom } from '../support/random.ts';
import { RecoveryTimes } from '../support/recovery-times.ts';
import { scaled, seed } from '../support/scale.ts';
import { findAllFalseSteps } from '../support/state-history.ts';

const ACCOUNTS = 5;
/** How often each kind strikes. */
const TIMES = scaled(1, 3);

/** Figures that a daemon may vary by without a leak: connections to its stores, its browsers and its users come and go. */
const SLACK = { files: 25, threads: 4, listeners: 0, resources: 40 };
/**
 * The same for memory, as factors. The heap, after a garbage collection, varies by a sixteenth from the traffic that is
 * under way. What the process takes besides follows its largest moment, a file or a read-back in flight, and is given
 * back late: that varies by a fifth. A life is too short to see a slow leak; one of every fault or message it sees.
 */
const MEMORY_FACTORS = { heapBytes: 1.25, memoryBytes: 1.5 };

const EQUAL = { lost: [], doubled: [], invented: [], different: [] };

const random = makeRandom(seed);
const PLAN = makePlan(CHAOS_KINDS, { times: TIMES, accounts: ACCOUNTS, random });
const times = new RecoveryTimes();

let pool: ChaosPool;
let traffic: ChaosTraffic;
/**
 * Of the daemon that runs now, when all of its sessions had been connected for the first time. A process holds nothing of
 * the one before it, so each is set against its own beginning: before it is killed, and at the end.
 */
let figuresAtFirst: DaemonFigures;

beforeAll(async () => {
  console.log(`chaos of sessions: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  pool = await ChaosPool.open(ACCOUNTS);
  traffic = new ChaosTraffic(pool.stage, pool.accounts, await pool.stage.world.phone('alice'));
  await allCarry(pool.accounts);
  figuresAtFirst = await countDaemon(pool);
});
afterAll(async () => {
  await traffic[Symbol.asyncDispose]();
  await pool[Symbol.asyncDispose]();
  console.log(
    `chaos of sessions, seed ${seed}: from the fault until messages went both ways\n${times.table()}`,
  );
});

const accountOf = ({ account }: Strike<ChaosKind>) => pool.accounts[account] as ChaosAccount;
const allCarry = (accounts: readonly ChaosAccount[]) =>
  Promise.all(accounts.map((account) => pool.carriesBothWays(account)));

/** Strikes one fault and ends it once `meanwhile` is over; resolves when what it struck carries messages again. */
async function suffer(strike: Strike<ChaosKind>, meanwhile: () => Promise<unknown>): Promise<void> {
  const { kind } = strike;
  const account = accountOf(strike);
  const struckAt = performance.now();
  const end = await kind.strike(pool, account);
  const before = performance.now();
  await meanwhile();
  if (kind.scope === 'one') times.note('(the others meanwhile)', performance.now() - before);
  await end?.();
  await allCarry(kind.scope === 'one' ? [account] : pool.accounts);
  times.note(kind.name, performance.now() - struckAt);
}

/** Strikes a wave. Whom it does not strike keeps its browser and its connection, and goes on carrying messages. */
async function sufferWave(wave: Wave<ChaosKind>): Promise<void> {
  const isOfAll = wave.some(({ kind }) => kind.scope === 'all');
  const struck = wave.map(accountOf);
  const spared = isOfAll ? [] : pool.accounts.filter((account) => !struck.includes(account));
  const before = await Promise.all(spared.map((account) => pool.undisturbed(account)));
  await Promise.all(wave.map((strike) => suffer(strike, () => allCarry(spared))));
  expect(await Promise.all(spared.map((account) => pool.undisturbed(account)))).toEqual(before);
}

/** One browser for each account that is connected, no helper besides, and nobody who was not waited for. */
function expectNoOrphans(connected: readonly ChaosAccount[]): void {
  const counts = pool.accounts.map((account) => pool.browsersOf(account).length);
  expect(counts).toEqual(pool.accounts.map((account) => (connected.includes(account) ? 1 : 0)));
  expect(pool.strayHelpers()).toEqual([]);
  const zombies = listTree(pool.stage.daemon().pid).filter(({ zombie }) => zombie);
  expect(zombies).toEqual([]);
}

async function expectNoGrowth(): Promise<void> {
  const figures = await countDaemon(pool);
  console.log('chaos of sessions: the daemon at first and now', figuresAtFirst, figures);
  for (const [name, slack] of Object.entries(SLACK)) {
    const key = name as keyof typeof SLACK;
    expect(figures[key], name).toBeLessThanOrEqual(figuresAtFirst[key] + slack);
  }
  for (const [name, factor] of Object.entries(MEMORY_FACTORS)) {
    const key = name as keyof typeof MEMORY_FACTORS;
    expect(figures[key], name).toBeLessThanOrEqual(figuresAtFirst[key] * factor);
  }
  expect(pool.stage.daemon().output()).not.toMatch(/MaxListenersExceeded|nobody holds|unforeseen|unhandled/i);
}

async function expectTruth(): Promise<void> {
  for (const account of pool.accounts) {
    const found = await settleWithTruth(pool.stage.api, pool.stage.world, account);
    expect(found).toMatchObject(EQUAL);
    const { messages } = await pool.stage.world.truth();
    const sent = messages
      .filter(({ from, text }) => from === account.phone.number && text.startsWith('from '))
      .map(({ text }) => text);
    // Nobody can tell of these, and that is what is told of them.
    const unknown = (await pool.stage.api.messages(account.accountId))
      .filter((message) => found.cutShort.includes(bareIdOf(message)))
      .map(({ text }) => text);
    expect([...sent, ...unknown].toSorted()).toEqual(traffic.accepted(account).toSorted());
  }
}

/** A sentence of the wave for the title of its test. */
function tell(wave: Wave<ChaosKind>): string {
  return wave.map(({ kind, account }) => `${kind.name} (account ${account})`).join(' and ');
}

it.each(PLAN.map((wave, n) => ({ wave, title: `${n + 1}/${PLAN.length}, ${tell(wave)}` })))(
  'brings back whom a fault strikes, and leaves the others alone: $title',
  async ({ wave }) => {
    const { pid } = pool.stage.daemon();
    const endsDaemon = wave.some(({ kind }) => kind.endsDaemon);
    if (endsDaemon) await expectNoGrowth();
    await sufferWave(wave);
    expectNoOrphans(pool.accounts);
    expect(pool.stage.daemon().pid === pid).toBe(!endsDaemon);
    if (endsDaemon) figuresAtFirst = await countDaemon(pool);
  },
);

it('leaves to a user what only a user can mend, says which, and keeps the rest connected', async () => {
  const accounts = random.shuffle(pool.accounts);
  const rest = accounts.slice(HUMAN_KINDS.length);
  const mend = await Promise.all(
    HUMAN_KINDS.map((kind, n) => kind.strike(pool, accounts[n] as ChaosAccount)),
  );
  await allCarry(rest);
  await vi.waitFor(() => expectNoOrphans(rest), { timeout: 20_000 });
  await Promise.all(mend.map((end) => end?.()));
  await allCarry(pool.accounts);
  expectNoOrphans(pool.accounts);
});

it('has lost nothing, doubled nothing and grown in nothing', async () => {
  await traffic[Symbol.asyncDispose]();
  await expectTruth();
  await expectNoGrowth();
  expect(await pool.stage.world.missingModules()).toEqual([]);
});

it('has kept a history of each account in which every step is one of the specification', async () => {
  await using opened = openEmbeddedDatabase(pool.stage);
  expect(await findAllFalseSteps(opened.db)).toEqual([]);
});

it('stops with every account and leaves no process', async () => {
  expect(await pool.stage.daemon().stop()).toBe(0);
  expect(pool.stage.browsers()).toEqual([]);
  expect(pool.accounts.flatMap((account) => pool.browsersOf(account))).toEqual([]);
  expect(pool.strayHelpers()).toEqual([]);
  // The guard ends when it sees that the daemon has.
  await vi.waitFor(() => expect(pool.processes()).toEqual([]), { timeout: 5_000 });
});
