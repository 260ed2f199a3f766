import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, parseTenantId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestAddresses, ingestEvents } from '../../../src/db/ingest-store.ts';
import { findMessage, listMessages } from '../../../src/db/message-store.ts';
import type { InboundEvent, VoteEvent } from '../../../src/messages/inbound-event.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  editEvent,
  insertTestAccount,
  messageEvent,
  reactionEvent,
  revokeEvent,
  T0,
  voteEvent,
} from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

const ALICE = '491700000001@c.us';
const LID = '9900011@lid';

const stack = new AsyncDisposableStack();
let db: Executor;
let account: AccountId;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  account = await insertTestAccount(db);
});

const ingest = (...events: InboundEvent[]) => ingestEvents(db, account, events, new Date());

async function onlyMessage() {
  const { items } = await listMessages(db, account, {}, { limit: 10, after: null });
  expect(items).toHaveLength(1);
  return items[0] ?? expect.fail('no message');
}

const poll = messageEvent('P1', {
  type: 'poll',
  nativeType: 'poll_creation',
  poll: { question: 'When?', options: ['now', 'later', 'never'], multipleAnswers: true },
});
function vote(choices: number[], at: number, voterId = ALICE): VoteEvent {
  return { ...voteEvent('P1', choices, at), voterId };
}

/** Every order of some events. */
function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, at) => ordersOf(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

describe('votes of a poll', () => {
  it.each(ordersOf([poll, vote([0, 2], T0 + 1), vote([1], T0 + 2)]).map((events) => ({ events })))(
    'count as each voter’s last, in whatever order they come (%#)',
    async ({ events }) => {
      for (const event of events) await ingest(event);
      expect((await onlyMessage()).votes).toEqual([
        { voterId: ALICE, options: ['later'], at: new Date(T0 + 2) },
      ]);
    },
  );

  it('come together with the poll, and are told of everybody', async () => {
    await ingest(vote([0], T0 + 1, '491700000002@c.us'), poll, vote([2, 0, 2], T0 + 3));
    expect((await onlyMessage()).votes).toEqual([
      { voterId: '491700000002@c.us', options: ['now'], at: new Date(T0 + 1) },
      { voterId: ALICE, options: ['never', 'now'], at: new Date(T0 + 3) },
    ]);
  });

  it('of one second come in the same order at each look, and so do reactions', async () => {
    const [first, second] = ['491700000003@c.us', '491700000004@c.us'];
    const reacted = { ...reactionEvent('P1', '👍', T0 + 1) };
    for (const senderId of [second, first]) {
      await ingest(poll, vote([0], T0 + 1, senderId), { ...reacted, senderId });
    }
    const { reactions, votes } = await onlyMessage();
    expect(reactions.map(({ senderId }) => senderId)).toEqual([first, second]);
    expect(votes.map(({ voterId }) => voterId)).toEqual([first, second]);
  });

  it('are gone once they are taken back, and stay so', async () => {
    await ingest(poll, vote([1], T0 + 1), vote([], T0 + 3), vote([0], T0 + 2));
    expect((await onlyMessage()).votes).toEqual([]);
  });

  it('leave out what the poll does not have', async () => {
    await ingest(poll, vote([1, 7], T0 + 1));
    expect((await onlyMessage()).votes).toMatchObject([{ options: ['later'] }]);
  });
});

describe('reactions', () => {
  it('are shown with who and when; one that was taken back is not', async () => {
    await ingest(messageEvent('A1'), reactionEvent('A1', '👍', T0 + 1), {
      ...reactionEvent('A1', '❤️', T0 + 2),
      senderId: '491700000002@c.us',
    });
    await ingest(reactionEvent('A1', '', T0 + 3));
    const { reactions, id } = await onlyMessage();
    expect(reactions).toEqual([{ senderId: '491700000002@c.us', emoji: '❤️', at: new Date(T0 + 2) }]);
    expect(
      (await findMessage(db, { tenantId: parseTenantId('default'), grantee: null }, id))?.reactions,
    ).toEqual(reactions);
  });

  it('of one person under both addresses are one (A16)', async () => {
    await ingest(
      messageEvent('A1'),
      { ...reactionEvent('A1', '👍', T0 + 1), senderId: LID },
      { ...reactionEvent('A1', '🎉', T0 + 2), senderId: ALICE },
    );
    await ingestAddresses(db, account, [{ lid: LID, phone: ALICE }], new Date());
    expect((await onlyMessage()).reactions).toMatchObject([{ senderId: ALICE, emoji: '🎉' }]);
  });
});

describe('versions of an edited message', () => {
  const first = { text: 'text of A1', at: new Date(T0) };
  const edits = [editEvent('A1', 'better', T0 + 1_000), editEvent('A1', 'best', T0 + 2_000)];

  it.each([
    { order: [messageEvent('A1'), ...edits] },
    { order: [...edits, messageEvent('A1')] },
    { order: [edits[0], messageEvent('A1'), edits[1], edits[0]] },
  ])('are kept with the original under the message’s own time (%#)', async ({ order }) => {
    for (const event of order) if (event !== undefined) await ingest(event);
    const message = await onlyMessage();
    expect(message.text).toBe('best');
    expect(message.versions).toEqual([
      first,
      { text: 'better', at: new Date(T0 + 1_000) },
      { text: 'best', at: new Date(T0 + 2_000) },
    ]);
  });

  it('come from an edit that is read back', async () => {
    await ingest(messageEvent('A1'));
    await ingest(messageEvent('A1', { text: 'better', editedAt: T0 + 1_000, recovered: true }));
    expect((await onlyMessage()).versions).toEqual([first, { text: 'better', at: new Date(T0 + 1_000) }]);
  });

  it('begin with what was found of a message that was edited before it was seen', async () => {
    await ingest(messageEvent('A1', { text: 'better', editedAt: T0 + 1_000, recovered: true }));
    await ingest(editEvent('A1', 'best', T0 + 2_000));
    expect((await onlyMessage()).versions).toEqual([
      { text: 'better', at: new Date(T0 + 1_000) },
      { text: 'best', at: new Date(T0 + 2_000) },
    ]);
  });

  it('are none of a message that was never edited, also if it was deleted', async () => {
    await ingest(messageEvent('A1'), revokeEvent('A1', T0 + 1));
    expect((await onlyMessage()).versions).toEqual([]);
  });
});
