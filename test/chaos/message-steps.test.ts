import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MESSAGE_STEPS, type MessageStep } from '../../src/messages/message-step.ts';
import { EQUAL_TO_TRUTH, type JudgedAccount, settleWithTruth } from '../support/ground-truth.ts';
import { JudgedTraffic } from '../support/judged-traffic.ts';
import { armedBy, armStep, disarmStep } from '../support/kill-at-step.ts';
import { makeRandom } from '../support/random.ts';
import { scaled, seed } from '../support/scale.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { openTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ACCOUNTS = scaled(1, 5);
/** Messages of each account that flow while it is killed; some more come while it is away, and some afterwards. */
const PORTION = { incoming: scaled(20, 200), outgoing: scaled(5, 30) };
const MEANWHILE = { incoming: scaled(5, 50), outgoing: 0 };
/** It dies at the first to so-manieth time that it comes there; at the first where there may be no other. */
const LATEST = 3;
/** These are told while a daemon starts that has missed something. */
const AT_START: readonly MessageStep[] = ['page-read', 'watermark-saved'];

const random = makeRandom(seed);
const resources = new AsyncDisposableStack();
let folder: TemporaryFolder;
let stage: Stage;
let traffic: JudgedTraffic;
const accounts: JudgedAccount[] = [];

beforeAll(async () => {
  console.log(`message steps: seed ${seed} (SWITCHBOARD_TEST_SEED plays another run)`);
  folder = resources.use(await openTemporaryFolder());
  stage = resources.use(
    await openStage({
      env: {
        NODE_OPTIONS: armedBy(folder.path),
        LOG_LEVEL: 'debug',
        API_RATE_LIMIT: '0',
        WHATSAPP_DAILY_LIMIT: '1000000',
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
    const sent = (await stage.world.messages({ phone: account.phone })).filter(
      ({ device }) => device !== null,
    );
    expect(sent).toHaveLength(new Set(sent.map(({ text }) => text)).size);
  }
}

it.each(MESSAGE_STEPS)('loses, doubles and disorders nothing when it is killed at %s', async (step) => {
  const isAtStart = AT_START.includes(step);
  const arming = { step, time: isAtStart ? 1 : 1 + Math.floor(random.next() * LATEST) };
  if (isAtStart) {
    await stage.daemon().kill();
    await traffic.flow(MEANWHILE);
    armStep(folder.path, arming);
    await stage.start();
  } else {
    armStep(folder.path, arming);
  }
  const flowing = traffic.flow(PORTION);
  flowing.catch(() => undefined);
  await gone();
  disarmStep(folder.path);
  await traffic.flow(MEANWHILE);
  await stage.start();
  await flowing;
  await expectTruth();
});
