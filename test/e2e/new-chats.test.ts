import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openStage, type Stage } from '../support/stage.ts';

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
