import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiMessage } from '../../scripts/daemon-api.ts';
import type { Phone } from '../../simulator/client.ts';
import { untilFound } from '../support/patient-look.ts';
import { openStage, type Stage } from '../support/stage.ts';

/** Of the first day, by docs/limits.md. */
const WARM_UP = 20;
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

let stage: Stage;
let shop: Phone;
let alice: Phone;
let accountId: string;

beforeAll(async () => {
  stage = await openStage();
  shop = await stage.world.phone('shop');
  alice = await stage.world.phone('alice');
  accountId = await stage.link(shop);
  await alice.send(shop, 'I have a question');
  await stage.api.message(accountId, 'the question', ({ text }) => text === 'I have a question');
});
afterAll(() => stage[Symbol.asyncDispose]());

const send = ({ number }: Phone, text: string) => stage.api.send(accountId, { to: `+${number}`, text });
const reached = (messageId: string, status: string) =>
  stage.api.message(
    accountId,
    `message ${messageId} in status ${status}`,
    (message) => message.messageId === messageId && message.status === status,
  );
const carried = async (text: string) =>
  (await stage.world.messages({ phone: shop })).filter((each) => each.text === text);

it('keeps first messages while new chats are used up, also over a restart, and answers go on (A25)', async () => {
  await shop.limit({ capping: { total: 10, used: 10 } });
  await stage.daemon().kill();
  await stage.start();
  const first = await send(await stage.world.phone('bob'), 'hello Bob');
  await reached(await send(alice, 'an answer'), 'delivered');
  await reached(first, 'pending');
  expect((await stage.world.truth()).refused).toEqual([]);
  await shop.limit({ capping: null });
  await reached(first, 'delivered');
  expect(await carried('hello Bob')).toHaveLength(1);
});

it('writes to nobody new until the lock ends of which the page tells (A25)', async () => {
  const { timelock } = await shop.limit({ timelock: { forMs: 12_000 } });
  const first = await send(await stage.world.phone('carol'), 'hello Carol');
  await reached(await send(alice, 'another answer'), 'delivered');
  await reached(first, 'pending');
  await reached(first, 'delivered');
  expect((await stage.world.truth()).refused).toEqual([]);
  const [message] = await carried('hello Carol');
  expect((message?.t ?? 0) * 1_000).toBeGreaterThan((timelock?.endsAt ?? Number.POSITIVE_INFINITY) - 1_000);
});

describe('with warm-up, jitter and breaker on', () => {
  let young: string;
  let phone: Phone;
  let group: string;
  const texts = { first: 'to a stranger', second: 'to another stranger' };

  const sendTo = (to: string, text: string) => stage.api.send(young, { to, text });
  const reach = (messageId: string, status: string) =>
    stage.api.message(
      young,
      `message ${messageId} in status ${status}`,
      (message) => message.messageId === messageId && message.status === status,
    );
  const LEFT: readonly string[] = ['sent', 'delivered'];
  const leaves = (messageId: string) =>
    stage.api.message(
      young,
      `message ${messageId}, sent`,
      (message) => message.messageId === messageId && LEFT.includes(message.status),
    );
  const sent = async () =>
    (await stage.world.messages({ phone }))
      .filter(({ from }) => from === phone.number)
      .map(({ text }) => text);

  /** Resolves once the daemon, which logs how long it waits, waits for longer than a pause; `since` is a length of its output. */
  const restsLong = (since: number) =>
    untilFound('A long rest', async () => {
      const told = stage.daemon().output().slice(since);
      const delays = [...told.matchAll(/The pace of the account delays .*delayMs=(\d+)/g)];
      return delays.some(([, delayMs]) => Number(delayMs) > LONGEST_PAUSE_MS) || undefined;
    });

  beforeAll(async () => {
    phone = await stage.world.phone('young shop');
    young = await stage.link(phone);
    await stage.api.call('PATCH', `/accounts/${young}`, { timezone: zoneOfNoon() });
    const team = await stage.world.group({ subject: 'Team', owner: alice, participants: [alice, phone] });
    group = `${team.id}@g.us`;
    await alice.send(team, 'Welcome');
    await stage.api.message(young, 'the welcome', ({ text }) => text === 'Welcome');
    let last = '';
    for (let n = 1; n < WARM_UP - 1; n += 1) last = await sendTo(group, `at once ${n}`);
    await leaves(last);
    await stage.daemon().stop();
    const on = { WHATSAPP_WARMUP: 'on', WHATSAPP_JITTER: 'on', WHATSAPP_BREAKER: 'on' };
    await stage.start({ ...on, LOG_LEVEL: 'debug' });
    await stage.api.reached(young, 'Connected');
  });

  it('rests with strangers after WhatsApp’s lock for new chats, and goes on elsewhere', async () => {
    await stage.world.faults.set({ kind: 'send', mode: 'fail', error: 463, count: 1, phone: phone.name });
    await reach(await sendTo(`+${(await stage.world.phone('dave')).number}`, texts.first), 'failed');
    const before = stage.daemon().output().length;
    await sendTo(`+${(await stage.world.phone('erin')).number}`, texts.second);
    await restsLong(before);
    expect(stage.daemon().output()).toMatch(/the breaker has opened.*openedBy=locked/);
    await leaves(await sendTo(group, 'the last of the day'));
  });

  it('has sent what its first day allows, and goes on with answers, in their order and with pauses', async () => {
    await alice.send(phone, 'Are you there?');
    await stage.api.message(young, 'the question', ({ text }) => text === 'Are you there?');
    const resting = await sendTo(group, 'too much for the day');
    const before = stage.daemon().output().length;
    const ids: string[] = [];
    for (const text of ['yes', 'we are', 'here']) ids.push(await sendTo(`+${alice.number}`, text));
    const answers: ApiMessage[] = [];
    for (const id of ids) answers.push(await reach(id, 'delivered'));
    const handed = answers.map(({ handedAt }) => Date.parse(String(handedAt)));
    const pauses = handed.slice(1).map((at, n) => at - (handed[n] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(SHORTEST_PAUSE_MS);
    expect((await sent()).slice(-3)).toEqual(['yes', 'we are', 'here']);
    await restsLong(before);
    await reach(resting, 'pending');
  });

  it('has lost nothing of what it kept, once they are off', async () => {
    const all = await stage.api.messages(young);
    await stage.daemon().stop();
    await stage.start();
    const kept = all
      .filter(({ status }) => status === 'pending')
      .map(({ messageId, text }) => ({ messageId, text }));
    expect(kept.map(({ text }) => text)).toEqual(['too much for the day', texts.second]);
    for (const { messageId } of kept) await leaves(messageId);
    const atOnce = Array.from({ length: WARM_UP - 2 }, (_, n) => `at once ${n + 1}`);
    const late = ['the last of the day', 'yes', 'we are', 'here'];
    const left = await sent();
    expect(left.slice(0, -2)).toEqual([...atOnce, ...late]);
    // They are of two chats, which do not wait for each other.
    expect(left.slice(-2).toSorted()).toEqual([texts.second, 'too much for the day'].toSorted());
  });
});

/** A time zone whose midnight is far. */
function zoneOfNoon(): string {
  const hours = 12 - new Date().getUTCHours();
  return hours === 0 ? 'Etc/UTC' : `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}
