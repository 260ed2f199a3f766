import { SignJWT } from 'jose';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { openStage, type Stage } from '../support/stage.ts';
import {
  openWebhookConsumer,
  type ReceivedRequest,
  type WebhookConsumer,
} from '../support/webhook-consumer.ts';

const JWT_SECRET = 'a secret of the host application, 32 bytes and more';
/** In the order in which a message that is sent comes to them. */
const STEPS = ['pending', 'sent', 'delivered', 'read'];
const EVENTS = [
  'message.received',
  'message.status',
  'account.connected',
  'account.reconnecting',
  'account.needs_human',
];

let consumer: WebhookConsumer;
let stage: Stage;
let shop: Phone;
let alice: Phone;
let ben: Phone;
let accountId: string;
let webhook: { readonly id: string; readonly secret: string; readonly createdBy: string };

beforeAll(async () => {
  consumer = await openWebhookConsumer();
  stage = await openStage({ env: { WEBHOOK_ALLOW_PRIVATE: 'on', JWT_SECRET } });
  [shop, alice, ben] = [
    await stage.world.phone('shop'),
    await stage.world.phone('alice'),
    await stage.world.phone('ben'),
  ];
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await consumer[Symbol.asyncDispose]();
});

const requestsOf = (chat: Phone) => consumer.requests.filter(({ data }) => data.chatId === chat.jid);
const taken = (type: string) => consumer.taken().filter((each) => each.type === type);
const received = (chat: Phone) => taken('message.received').filter(({ data }) => data.chatId === chat.jid);
/** Whether the consumer has taken that this message came to that step. */
const isTold = (messageId: string, status: string) =>
  taken('message.status').some(({ data }) => data.messageId === messageId && data.status === status);

/** Tries that follow each other are of one event; this is the first of each. */
function eventsOf(requests: readonly ReceivedRequest[]): ReceivedRequest[] {
  return requests.filter(({ id }, nth) => id !== requests[nth - 1]?.id);
}

it('an admin of the host application subscribes with a JWT, and is told of what is linked then', async () => {
  const token = await new SignJWT({ tenant: 'default', role: 'admin' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ada')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));
  const body = { url: consumer.url, events: EVENTS };
  webhook = await stage.api.call('POST', '/webhooks', body, { authorization: `Bearer ${token}` });
  expect(webhook.createdBy).toBe('ada');
  accountId = await stage.link(shop);
  await consumer.until(() => taken('account.connected').length > 0);
  expect(taken('account.connected')).toMatchObject([{ data: { accountId, connectionStatus: 'Connected' } }]);
});

it('is told of a message that comes in, and of what becomes of the answer', async () => {
  await alice.send(shop, 'Good morning');
  await consumer.until(() => received(alice).length > 0);
  expect(received(alice)).toMatchObject([
    { data: { accountId, text: 'Good morning', direction: 'incoming' } },
  ]);
  const messageId = await stage.api.send(accountId, { to: `+${alice.number}`, text: 'Good morning to you' });
  await consumer.until(() => isTold(messageId, 'delivered'));
  await alice.read(shop);
  await consumer.until(() => isTold(messageId, 'read'));
});

it('is told of everything that happened while the consumer failed and the daemon was killed', async () => {
  consumer.answer = ({ data }) => (data.chatId === alice.jid ? 'hang' : 500);
  const before = consumer.requests.length;
  await alice.send(shop, 'a1');
  await alice.send(shop, 'a2');
  await ben.send(shop, 'b1');
  // What is sent before it came in is told before it.
  await stage.api.message(accountId, 'The question', ({ text }) => text === 'b1');
  const messageId = await stage.api.send(accountId, { to: `+${ben.number}`, text: 'b2' });
  await stage.api.message(accountId, 'The answer', (each) => {
    return each.messageId === messageId && each.status === 'delivered';
  });
  await consumer.until(() => {
    const tried = consumer.requests.slice(before).map(({ data }) => data.chatId);
    return [alice, ben].every(({ jid }) => tried.includes(jid));
  });
  await stage.daemon().kill();
  await alice.send(shop, 'a3');
  await ben.read(shop);
  consumer.answer = () => 200;
  await stage.start();
  await consumer.until(
    () => isTold(messageId, 'read') && received(alice).some(({ data }) => data.text === 'a3'),
  );

  const refused = consumer.requests.filter(({ answer }) => answer !== 200);
  expect(new Set(refused.map(({ data }) => data.text))).toEqual(new Set(['a1', 'b1']));
  for (const { id, body } of refused)
    expect(consumer.taken().find((each) => each.id === id)?.body).toBe(body);
});

it('is told of the logout that ends the session', async () => {
  await shop.logoutDevice();
  await consumer.until(() => taken('account.needs_human').length > 0);
  expect(taken('account.needs_human')).toMatchObject([
    { data: { accountId, reason: { code: 'logged_out' } } },
  ]);
});

it('was told of each event of a chat in order, by an id of its own', async () => {
  for (const chat of [alice, ben]) {
    const ids = eventsOf(requestsOf(chat)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }
  const incoming = (chat: Phone) => eventsOf(received(chat)).map(({ data }) => data.text);
  expect([incoming(alice), incoming(ben)]).toEqual([['Good morning', 'a1', 'a2', 'a3'], ['b1']]);
  for (const text of ['Good morning to you', 'b2']) {
    const own = eventsOf(taken('message.status')).filter(({ data }) => data.text === text);
    const steps = own.map(({ data }) => STEPS.indexOf(data.status));
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps[0]).toBeGreaterThanOrEqual(0);
  }
});

it('was sent nothing that the library does not take for signed, and is owed nothing more', async () => {
  const judge = new Webhook(webhook.secret);
  for (const { body, headers } of consumer.requests) judge.verify(body, headers);
  const deliveries = await stage.api.until('The end of the deliveries', async () => {
    const path = `/webhooks/${webhook.id}/deliveries?limit=100`;
    const all = await stage.api.call<{ eventId: string; status: string }[]>('GET', path);
    return all.every(({ status }) => status === 'delivered') ? all : undefined;
  });
  const ids = consumer.taken().map(({ id }) => id);
  expect(new Set(deliveries.map(({ eventId }) => eventId))).toEqual(new Set(ids));
});
