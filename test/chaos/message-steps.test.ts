import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MESSAGE_STEPS, type MessageStep } from '../../src/messages/message-step.ts';
import { MAX_HANDOVERS } from '../../src/messages/send-outcome.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { JudgedTraffic } from '../support/judged-traffic.ts';
import { armedBy, armStep, disarmStep } from '../support/kill-at-step.ts';
import { makeRandom } from '../support/random.ts';
import { scaled, seed } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { compareOrder } from '../support/stored-order.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ACCOUNTS = scaled(1, 5);
/** Messages of each account that flow while it is killed; some more come while it is away, and some afterwards. */
const PORTION = { incoming: scaled(20, 200), outgoing: scaled(5, 30) };
const MEANWHILE = { incoming: scaled(5, 50), outgoing: 0 };
/** It dies at the first to so-manieth time that it comes there; at the first where there may be no other. */
const LATEST = 3;
/** These are told while a daemon starts that has missed something. */
const AT_START: readonly MessageStep[] = ['page-read', 'watermark-saved'];
/** These are told of messages whose way is not straight: of what an earlier death left behind, or a bad page. */
const AFTER_DEATH: Partial<Record<MessageStep, MessageStep>> = { 'reclaim-committed': 'claim-committed' };
const AT_FAULT: Partial<Record<MessageStep, 'hang' | 'refuse'>> = {
  'unknown-written': 'hang',
  'failure-written': 'refuse',
};

const random = makeRandom(seed);
const resources = new AsyncDisposableStack();
let folder: TemporaryFolder;
let stage: Stage;
let traffic: JudgedTraffic;
const accounts: JudgedAccount[] = [];
/** Handed in in portions for each account. */
let outgoing = 0;

beforeAll(async () => {
  console.log(`message steps: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  folder = resources.use(await openTemporaryFolder());
  stage = resources.use(
    await openStage({
      env: {
        NODE_OPTIONS: armedBy(folder.path),
        LOG_LEVEL: 'debug',
        API_RATE_LIMIT: '0',
        // Limits that hold nothing back are counted all the same.
        WHATSAPP_DAILY_LIMIT: '1000000',
        WHATSAPP_MESSAGE_RATE_LIMIT: '100000',
      },
    }),
  );
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const phone = await stage.world.phone(`shop-${n}`, n % 2 === 0 ? { ids: '$1' } : { addresses: 'lid' });
    accounts.push({ accountId: await stage.link(phone), phone });
  }
  traffic = await JudgedTraffic.open(stage, accounts, random);
});
afterAll(() => resources.disposeAsync());
afterEach(() => disarmStep(folder.path));

/** Resolves when the daemon that runs now is gone. */
function gone(): Promise<true> {
  const { pid } = stage.daemon();
  return stage.api.until('The end of the daemon', async () => (isAlive(pid) ? undefined : true));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // There is no such process any more.
    return false;
  }
}

async function expectTruth(): Promise<void> {
  for (const account of accounts) {
    await stage.api.reached(account.accountId, 'Connected');
    expect(await settleWithTruth(stage.api, stage.world, account)).toMatchObject(EQUAL_TO_TRUTH);
    const { misplaced, compared } = await compareOrder(stage, account);
    expect(misplaced).toEqual([]);
    expect(compared).toBeGreaterThan(0);
    const sent = (await stage.world.messages({ phone: account.phone })).filter(
      ({ device }) => device !== null,
    );
    const texts = sent.map(({ text }) => text);
    expect(texts.filter((text) => text.startsWith('portion'))).toHaveLength(outgoing);
    expect(texts).toHaveLength(new Set(texts).size);
  }
}

/** Hands a portion in while the daemon that runs is to die at the step; resolves once it is dead, with the handing in. */
async function dieWhileFlowing(step: MessageStep): Promise<{ readonly flowing: Promise<void> }> {
  const isDead = AT_START.includes(step) || AFTER_DEATH[step] !== undefined;
  const mayComeOnce = isDead || step === 'media-kept';
  armStep(folder.path, { step, time: mayComeOnce ? 1 : 1 + Math.floor(random.next() * LATEST) });
  if (isDead) await stage.start();
  const flowing = traffic.flow(PORTION);
  outgoing += PORTION.outgoing;
  flowing.catch(() => undefined);
  await gone();
  disarmStep(folder.path);
  return { flowing };
}

it.each(MESSAGE_STEPS.filter((step) => AT_FAULT[step] === undefined))(
  'loses, doubles and disorders nothing when it is killed at %s',
  async (step) => {
    const before = AFTER_DEATH[step];
    const earlier = before === undefined ? undefined : await dieWhileFlowing(before);
    if (AT_START.includes(step)) {
      await stage.daemon().kill();
      await traffic.flow(MEANWHILE);
    }
    const { flowing } = await dieWhileFlowing(step);
    await traffic.flow(MEANWHILE);
    await stage.start();
    await Promise.all([flowing, earlier?.flowing]);
    await expectTruth();
  },
);

it.each(Object.entries(AT_FAULT))('loses and doubles nothing when it is killed at %s', async (step, mode) => {
  const [account] = accounts;
  const alice = await stage.world.phone('alice');
  // What the page refuses is tried again.
  const count = mode === 'refuse' ? MAX_HANDOVERS : 1;
  await stage.world.faults.set({ kind: 'send', mode, phone: account?.phone.name, count });
  armStep(folder.path, { step, time: 1 });
  const text = `killed at ${step}`;
  await stage.api.send(account?.accountId ?? '', { to: `+${alice.number}`, text });
  await gone();
  disarmStep(folder.path);
  await traffic.flow(MEANWHILE);
  await stage.start();
  await expectTruth();
  const message = await stage.api.message(account?.accountId ?? '', text, (each) => each.text === text);
  const carried = (await stage.world.messages({ phone: alice })).filter((each) => each.text === text);
  expect([message.status, carried.length]).toEqual(mode === 'refuse' ? ['failed', 0] : ['read', 1]);
});
