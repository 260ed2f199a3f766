import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeAccountId } from '../../../src/accounts/ids.ts';
import { type ReadBackDeps, readChatBack } from '../../../src/messages/chat-read-back.ts';
import type {
  InboundEvent,
  MessageEvent,
  ReadMessage,
  ReadPlace,
} from '../../../src/messages/inbound-event.ts';
import { makeMessage, ScriptedSession } from '../../support/scripted-session.ts';

const CHAT = '4915100000001@c.us';
const GLIMPSE = { pageChatId: CHAT, chatId: CHAT, lastMessageAt: 1, mark: '' };

/** Messages `m0` (oldest) to `m<count - 1>`, `perSecond` of them with the same time. */
function makeChat(count: number, perSecond = 1): MessageEvent[] {
  return Array.from({ length: count }, (_, index) =>
    makeMessage(CHAT, `m${index}`, 1_000 * (1 + Math.floor(index / perSecond))),
  );
}

function read(messages: readonly ReadMessage[], known: (bareId: string) => boolean = () => false) {
  const session = new ScriptedSession(makeAccountId());
  session.receive(...messages);
  const emitted: InboundEvent[] = [];
  const deps: ReadBackDeps = {
    readPage: (chat, offset, limit) => session.readChat(chat.pageChatId, { offset, limit }),
    listKnown: async (events) =>
      events
        .filter(({ key }) => known(key.bareId))
        .map(({ key }) => ({
          bareId: key.bareId,
          row: {
            direction: 'incoming',
            status: 'delivered',
            editedAt: null,
            revokedAt: null,
            reactions: [],
            votes: new Map(),
          },
        })),
    emit: async (events) => {
      emitted.push(...events);
    },
    now: () => 0,
  };
  return {
    session,
    emitted,
    run: (floor: number, atLeast = 0, bottom = floor) =>
      readChatBack(GLIMPSE, { floor, atLeast, bottom }, deps),
  };
}

const ids = (events: readonly InboundEvent[]) => events.map(({ key }) => key.bareId);
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`);

describe('reading a chat back', () => {
  it.each([0, 1, 49, 50, 51, 100, 499, 500, 501, 1_234])(
    'emits all %d messages once, oldest first',
    async (count) => {
      const { emitted, run } = read(makeChat(count));
      const counted = await run(0);
      expect(ids(emitted)).toEqual(names(0, count));
      expect(counted).toMatchObject({ read: count, recovered: count, changed: 0 });
      expect(emitted.every((event) => event.kind === 'message' && event.recovered)).toBe(true);
    },
  );

  it('keeps the order of the page among messages of the same second', async () => {
    const { emitted, run } = read(makeChat(700, 200));
    await run(0);
    expect(ids(emitted)).toEqual(names(0, 700));
  });

  it('stops at the floor and leaves out what is older', async () => {
    const { emitted, run, session } = read(makeChat(1_000));
    await run(901_000);
    expect(ids(emitted)).toEqual(names(900, 1_000));
    expect(session.pagesRead.length).toBeLessThan(5);
  });

  it('goes on beyond the floor until it has read enough, but not into what is no concern of ours', async () => {
    const far = read(makeChat(1_000));
    expect(await far.run(990_000, 200, 0)).toMatchObject({ read: 200 });
    expect(ids(far.emitted)).toEqual(names(800, 1_000));
    const near = read(makeChat(1_000));
    await near.run(990_000, 200, 901_000);
    expect(ids(near.emitted)).toEqual(names(900, 1_000));
  });

  it('emits the reactions to what was missed behind it', async () => {
    const message = makeMessage(CHAT, 'm0', 1_000);
    const { key, chatId } = message;
    const reaction = { kind: 'reaction', key, chatId, senderId: CHAT, emoji: '👍', at: 2_000 } as const;
    const { emitted, run } = read([{ ...message, reactions: [reaction] }]);
    await run(0);
    expect(emitted).toEqual([{ ...message, recovered: true }, reaction]);
  });

  it('finds holes below known messages', async () => {
    const { emitted, run } = read(makeChat(300), (id) => Number(id.slice(1)) % 100 !== 7);
    await run(0);
    expect(ids(emitted)).toEqual(['m7', 'm107', 'm207']);
  });

  it('loses and doubles nothing while messages arrive and are deleted under it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_500 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(1_000), { maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        async (count, arrivals, deletions, perSecond) => {
          const { session, emitted, run } = read(makeChat(count, perSecond));
          const deleted = new Set<string>();
          let arrived = 0;
          session.onRead = (page) => {
            const chat = session.chats.get(CHAT) ?? [];
            const burst = page < 25 ? (arrivals[page % arrivals.length] ?? 0) : 0;
            for (let n = 0; n < burst; n += 1) {
              arrived += 1;
              session.receive(makeMessage(CHAT, `new${arrived}`, 1_000_000_000 + arrived));
            }
            const at = deletions[page - 1];
            if (at !== undefined && at < chat.length) {
              for (const gone of chat.splice(at, 8)) deleted.add(gone.key.bareId);
            }
          };
          await run(0);
          const old = ids(emitted).filter((id) => id.startsWith('m'));
          expect(new Set(old).size).toBe(old.length);
          expect(old.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)))).toEqual(old);
          const missed = names(0, count).filter((id) => !old.includes(id) && !deleted.has(id));
          expect(missed).toEqual([]);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it.each([1, 3, 50, 120])('reads on over %d messages in a row that cannot be read', async (count) => {
    const { session, emitted, run } = read(makeChat(200));
    const places = Array.from({ length: count }, (_, n): ReadPlace => {
      return { kind: 'unreadable', key: { bareId: `unreadable ${n}` }, at: 150_000 };
    });
    session.chats.get(CHAT)?.splice(170, 0, ...places);
    expect(await run(0)).toMatchObject({ read: 200, recovered: 200 });
    expect(ids(emitted)).toEqual(names(0, 200));
  });

  it('passes on what a page throws', async () => {
    const { session, run } = read(makeChat(300));
    session.onRead = (page) => {
      if (page === 3) throw new Error('the page is stuck');
    };
    await expect(run(0)).rejects.toThrow('the page is stuck');
  });
});
