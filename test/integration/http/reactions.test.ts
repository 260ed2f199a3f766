import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { openTestServer, type TestServer } from '../../support/http-server.ts';
import {
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  revokeEvent,
  T0,
} from '../../support/inbound-events.ts';
import { ScriptedSession } from '../../support/scripted-session.ts';

const OWN = '491700000099@c.us';

let server: TestServer;
let id: AccountId;
let session: ScriptedSession;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  await server.db.deleteFrom('accounts').execute();
  id = await server.makeAccount({ phoneNumber: '+491700000099' });
  session = new ScriptedSession(id);
  server.channel.connected.set(id, session);
});

const receive = (...events: Parameters<typeof ingestEvents>[2]) =>
  ingestEvents(server.db, id, events, new Date());
const react = (messageId: string | undefined, emoji: unknown, key = server.key) =>
  server.ask('POST', `/messages/${messageId}/reaction`, { body: { emoji }, key });

async function received(): Promise<string> {
  const { added } = await receive(messageEvent('A1'));
  return added[0] ?? expect.fail('not stored');
}

it('reacts through the page, stores it and shows it', async () => {
  const messageId = await received();
  const answer = await react(messageId, '👍🏽');
  expect(answer).toMatchObject({ status: 200, body: { success: true } });
  expect(answer.body.data).toMatchObject({
    messageId,
    reactions: [{ senderId: OWN, emoji: '👍🏽', at: expect.any(String) }],
  });
  expect(session.reacted).toEqual([{ bareId: 'A1', emoji: '👍🏽' }]);
  const listed = await server.ask('GET', `/accounts/${id}/messages`);
  expect(listed.body.data).toMatchObject([{ reactions: [{ senderId: OWN, emoji: '👍🏽' }] }]);
});

it('gives the same reaction to the page once, and takes one back once', async () => {
  const messageId = await received();
  for (const emoji of ['👍', '👍', '❤️', '', '']) expect((await react(messageId, emoji)).status).toBe(200);
  expect(session.reacted.map(({ emoji }) => emoji)).toEqual(['👍', '❤️', '']);
  expect((await react(messageId, '')).body.data.reactions).toEqual([]);
});

it('leaves those of others alone, and is the same as the one that the page tells of', async () => {
  const messageId = await received();
  await receive(reactionEvent('A1', '🎉', T0));
  await react(messageId, '👍');
  await receive({ ...reactionEvent('A1', '👍', Date.now()), senderId: OWN });
  expect((await react(messageId, '👍')).body.data.reactions).toMatchObject([
    { emoji: '🎉' },
    { senderId: OWN, emoji: '👍' },
  ]);
  expect(session.reacted).toHaveLength(1);
});

it('counts to no limit', async () => {
  await react(await received(), '👍');
  const { data } = (await server.ask('GET', `/accounts/${id}`)).body;
  expect(data).toMatchObject({ messagesSentToday: 0, _count: { messages: 1 } });
});

it.each(['👍👍', 'x', 'ok 👍', ' ', 3, null, undefined])('refuses %j as an emoji', async (emoji) => {
  const { status, body } = await react(await received(), emoji);
  expect(status).toBe(400);
  expect(body.error.details).toMatchObject([{ field: 'emoji' }]);
  expect(session.reacted).toEqual([]);
});

it.each(['👍', '❤️', '🇩🇪', '👨‍👩‍👧‍👦', '1️⃣', '☺️'])('takes %j as an emoji', async (emoji) => {
  expect((await react(await received(), emoji)).status).toBe(200);
});

it('is refused while the account is not connected', async () => {
  const messageId = await received();
  server.channel.connected.clear();
  const { status, body } = await react(messageId, '👍');
  expect([status, body.error.code]).toEqual([409, 'ACCOUNT_NOT_CONNECTED']);
});

it('is refused for a message that is not on WhatsApp', async () => {
  const accepted = await server.ask('POST', `/accounts/${id}/messages`, {
    body: { to: '+491700000001', text: 'not sent yet' },
  });
  const deleted = (await receive(messageEvent('D1'), revokeEvent('D1', T0 + 1))).added[0];
  const refused = (await receive(ownMessageEvent('R1', { ack: -1 }))).added[0];
  for (const messageId of [accepted.body.data?.messageId, deleted, refused]) {
    const { status, body } = await react(messageId, '👍');
    expect([status, body.error.code]).toEqual([409, 'MESSAGE_NOT_REACTABLE']);
  }
  expect(session.reacted).toEqual([]);
});

it.each([
  { code: 'MESSAGE_NOT_REACTABLE', status: 409 },
  { code: 'SESSION_DEADLINE', status: 503 },
] as const)('tells of a page that answers $code, and stores nothing', async ({ code, status }) => {
  const messageId = await received();
  session.onReact = () => Promise.reject(new AppError(code));
  const answer = await react(messageId, '👍');
  expect(answer.status).toBe(status);
  expect(answer.body.error.code).toBe(status === 503 ? 'UNAVAILABLE' : code);
  expect((await server.ask('GET', `/messages/${messageId}`)).body.data.reactions).toEqual([]);
});

it('is for those who may send, and knows no message of others', async () => {
  const messageId = await received();
  expect((await react(messageId, '👍', await server.makeKey('viewer'))).status).toBe(403);
  const stranger = await react(messageId, '👍', await server.makeKey('owner', 'elsewhere'));
  expect([stranger.status, stranger.body.error.code]).toEqual([404, 'MESSAGE_NOT_FOUND']);
  expect((await react('none', '👍')).status).toBe(404);
});
