import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccountId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import type { InboundEvent, MessageEvent } from '../../../src/messages/inbound-event.ts';
import type { Ack } from '../../../src/messages/message.ts';
import { openTestDatabase } from '../../support/database.ts';
import {
  ackEvent,
  editEvent,
  insertTestAccount,
  messageEvent,
  ownMessageEvent,
  reactionEvent,
  revokeEvent,
  storedMediaEvent,
  T0,
  targetOf,
} from '../../support/inbound-events.ts';
import { scaled, seed } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';

const NOW = new Date(T0 + 60_000);

const stack = new AsyncDisposableStack();
let db: Executor;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());

/** All that can happen to one message, in the order in which it would. */
function storyOf(bareId: string, { fromMe, isImage }: { fromMe: boolean; isImage: boolean }): InboundEvent[] {
  const target = targetOf(bareId, { fromMe });
  const content: Partial<MessageEvent> = isImage
    ? { type: 'image', text: null, caption: 'first', media: { mimeType: 'x/y', fileName: 'f', fileSize: 1 } }
    : { text: 'first' };
  const make = fromMe ? ownMessageEvent : messageEvent;
  const edited = isImage ? { caption: 'third' } : { text: 'third' };
  const acks: Ack[] = fromMe ? [0, 1, 2, 3, 4] : [3];
  return [
    make(bareId, content),
    ...acks.map((ack) => ackEvent(bareId, ack, T0 + 1_000 + ack * 1_000, target)),
    storedMediaEvent(bareId, T0 + 2_000),
    { kind: 'media', ...target, result: { status: 'failed' }, at: T0 + 1_500 },
    editEvent(bareId, 'second', T0 + 10_000),
    editEvent(bareId, 'third', T0 + 11_000),
    make(bareId, { ...content, ...edited, editedAt: T0 + 11_000, ack: 2, recovered: true }),
    reactionEvent(bareId, '👍', T0 + 12_000),
    reactionEvent(bareId, '', T0 + 13_000),
    reactionEvent(bareId, '🎉', T0 + 14_000),
    revokeEvent(bareId, T0 + 20_000),
    revokeEvent(bareId, T0 + 21_000),
    make(bareId, { type: 'revoked', nativeType: 'revoked', text: null, recovered: true }),
  ];
}

/** Some of a story, always with the message itself, and what may have come of it. */
const story = fc
  .record({ bareId: fc.uuid(), fromMe: fc.boolean(), isImage: fc.boolean() })
  .chain(({ bareId, ...kind }) => {
    const [message, ...rest] = storyOf(bareId, kind);
    return fc.subarray(rest).map((some) => (message === undefined ? some : [message, ...some]));
  });

/** The events of some messages in their order, and the same ones shuffled, repeated and cut into batches. */
const tellings = fc.array(story, { minLength: 1, maxLength: 3 }).chain((stories) => {
  const events = stories.flat();
  const all = fc.shuffledSubarray(events, { minLength: events.length });
  const again = fc.shuffledSubarray(events, { maxLength: Math.min(events.length, 8) });
  return fc.record({
    events: fc.constant(events),
    retold: fc
      .tuple(all, again)
      .chain(([first, second]) =>
        fc.shuffledSubarray([...first, ...second], { minLength: first.length + second.length }),
      ),
    batchSize: fc.integer({ min: 1, max: 12 }),
  });
});

async function stateOf(account: AccountId) {
  const messages = await db
    .selectFrom('messages')
    .selectAll()
    .where('account_id', '=', account)
    .orderBy('bare_id')
    .execute();
  const reactions = await db
    .selectFrom('message_reactions as r')
    .innerJoin('messages as m', 'm.id', 'r.message_id')
    .select(['m.bare_id', 'r.sender_id', 'r.emoji', 'r.reacted_at'])
    .where('r.account_id', '=', account)
    .where('r.emoji', '<>', '')
    .orderBy('m.bare_id')
    .execute();
  const waiting = await db
    .selectFrom('waiting_changes')
    .select('event')
    .where('account_id', '=', account)
    .execute();
  const usage = await db
    .selectFrom('account_usage')
    .select(['received'])
    .where('account_id', '=', account)
    .execute();
  return {
    // `recovered` says how a message was learned of first, and so depends on it.
    messages: messages.map(({ id, seq, account_id, created_at, recovered, ...told }) => told),
    reactions,
    waiting,
    usage,
  };
}

it('ends in the same state in whatever order, batches and repetitions the events come', async () => {
  const property = fc.asyncProperty(tellings, async ({ events, retold, batchSize }) => {
    const [plain, other] = [await insertTestAccount(db), await insertTestAccount(db)];
    await ingestEvents(db, plain, events, NOW);
    for (let at = 0; at < retold.length; at += batchSize) {
      await ingestEvents(db, other, retold.slice(at, at + batchSize), NOW);
    }
    expect(await stateOf(other)).toEqual(await stateOf(plain));
  });
  await fc.assert(property, { seed, numRuns: scaled(60, 3_000) });
});

it('lets no order of acks move a status back', async () => {
  const acks = fc.shuffledSubarray<Ack>([0, 1, 2, 3, 4], { minLength: 1 });
  const property = fc.asyncProperty(acks, fc.boolean(), async (told, refused) => {
    const account = await insertTestAccount(db);
    const highest = Math.max(...told);
    const refusal = refused && highest >= 2 ? [ackEvent('A', -1, T0 + 30_000)] : [];
    await ingestEvents(db, account, [ownMessageEvent('A')], NOW);
    for (const ack of told) await ingestEvents(db, account, [ackEvent('A', ack, T0 + ack * 1_000)], NOW);
    await ingestEvents(db, account, refusal, NOW);
    const row = await db
      .selectFrom('messages')
      .selectAll()
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow();
    expect(row.status).toBe(['sent', 'sent', 'delivered', 'read', 'played'][highest]);
    const times = [row.sent_at, row.delivered_at, row.read_at, row.played_at];
    expect(times.map((time) => time !== null)).toEqual([true, highest >= 2, highest >= 3, highest >= 4]);
  });
  await fc.assert(property, { seed, numRuns: scaled(30, 1_000) });
});
