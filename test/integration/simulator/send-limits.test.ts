import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Message } from 'whatsapp-web.js';
import { type Phone, type Simulator, startSimulator } from '../../../simulator/client.ts';
import { DrivenClient, Profile } from './driven-client.ts';

let simulator: Simulator;
let profile: Profile;
let driven: DrivenClient;
let shop: Phone;
let alice: Phone;

beforeAll(async () => {
  simulator = await startSimulator();
  profile = await Profile.open();
  shop = await simulator.world.phone('shop');
  alice = await simulator.world.phone('alice');
  driven = await new DrivenClient(simulator, profile).link(shop);
  await driven.evaluate(`(() => {
    window.told = [];
    const backend = window.require('WAWebBackendApi');
    const fire = backend.frontendFireAndForget;
    backend.frontendFireAndForget = (event, details) => { window.told.push(event); return fire(event, details); };
  })()`);
  await alice.send(shop, 'a chat that alice began');
  await driven.events.message('a chat that alice began');
});

afterAll(async () => {
  await driven[Symbol.asyncDispose]();
  await profile[Symbol.asyncDispose]();
  await simulator[Symbol.asyncDispose]();
});

afterEach(async () => {
  await shop.limit({ timelock: null, capping: null });
});

const capping = (call: string) =>
  driven.evaluate(`window.require('WAWebIndividualNewChatMessageCappingLimitUtils').${call}`);
const timelock = (call: string) => driven.evaluate(`window.require('WAWebReachoutTimelockUtils').${call}`);
const stored = (key: string) =>
  driven.evaluate(`window.require('WAWebUserPrefsIndexedDBStorage').userPrefsIdb.get('${key}')`);

/** Resolves when the page has been told so. */
async function told(event: string): Promise<void> {
  await driven.client.pupPage?.waitForFunction(`window.told.includes('${event}') && (window.told = [])`);
}

/** The ack of a message to somebody, 1 or -1. */
async function ackOf(name: string, text: string): Promise<number> {
  const to = await simulator.world.phone(name);
  const sent = await driven.client.sendMessage(to.jid, text, { sendSeen: false });
  const [, ack] = await driven.events.when(
    'message_ack',
    (message: Message, level: number) => message.id.id === sent.id.id && (level === 1 || level === -1),
  );
  return Number(ack);
}

it('says nothing while nothing is limited', async () => {
  expect(await capping('getCappingStatus()')).toBe('NONE');
  expect(await capping('isUserCapped()')).toBe(false);
  expect(await timelock('isUserReachoutTimelocked()')).toBe(false);
});

it('counts chats with strangers, warns twice, and refuses more of them with 463 (A25)', async () => {
  await shop.limit({ capping: { total: 20, used: 15 } });
  expect(await capping('getCappingStatus()')).toBe('NONE');
  const seen: unknown[] = [];
  for (let n = 16; n <= 20; n += 1) {
    expect(await ackOf(`stranger-${n}`, 'good day')).toBe(1);
    seen.push(await capping('getCappingStatus()'));
  }
  expect(seen).toEqual(['FIRST_WARNING', 'FIRST_WARNING', 'FIRST_WARNING', 'SECOND_WARNING', 'CAPPED']);
  await told('individualNewChatMessageCappingStateChange');
  expect(await capping('getCappingData()')).toMatchObject({ total_quota: 20, used_quota: 20 });
  expect(await ackOf('stranger-21', 'one too many')).toBe(-1);
  expect((await simulator.world.truth()).refused.at(-1)).toMatchObject({ error: 463 });
  // Who wrote first, or has been written to in this cycle and answered, can be written to all the same.
  expect(await ackOf('alice', 'as you asked')).toBe(1);
});

it('counts anew when the cycle is over', async () => {
  await shop.limit({ capping: { status: 'CAPPED', cycleMs: 3_000 } });
  for (const status of ['CAPPED', 'NONE']) {
    await driven.client.pupPage?.waitForFunction(
      `window.require('WAWebIndividualNewChatMessageCappingLimitUtils').getCappingStatus() === '${status}'`,
    );
  }
  expect(await ackOf('stranger-31', 'again')).toBe(1);
});

it('is locked for strangers until the lock ends, and says when (A25)', async () => {
  const before = Date.now();
  const { timelock: lock } = await shop.limit({ timelock: { forMs: 1_500, type: 'WEB_COMPANION_ONLY' } });
  await told('reachoutTimelockEnforcementSet');
  expect(await stored('WAReachoutTimelockState')).toMatchObject({
    time_enforcement_ends: lock?.endsAt,
    enforcement_type: 'WEB_COMPANION_ONLY',
  });
  expect(lock?.endsAt).toBeGreaterThanOrEqual(before + 1_500);
  expect(await ackOf('stranger-41', 'let me in')).toBe(-1);
  expect(await ackOf('alice', 'we know each other')).toBe(1);
  await told('reachoutTimelockEnforcementLifted');
  expect(await timelock('isUserReachoutTimelocked()')).toBe(false);
  expect(await ackOf('stranger-41', 'now?')).toBe(1);
});

it('tells a page that was away at its next login, and one that asks', async () => {
  await driven.evaluate('window.told = []');
  await shop.page({ do: 'drop', ms: 0 });
  await shop.limit({ timelock: { forMs: 600_000 } });
  await told('reachoutTimelockEnforcementSet');
  await driven.evaluate(
    `window.require('WAWebUserPrefsIndexedDBStorage').userPrefsIdb.remove('WAReachoutTimelockState')`,
  );
  await driven.evaluate(`window.require('WAWebGetReachoutTimelockJob').fetchReachoutTimelock()`);
  expect(await timelock('isUserReachoutTimelocked()')).toBe(true);
});
