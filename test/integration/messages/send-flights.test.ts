import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ingestAddresses } from '../../../src/db/ingest-store.ts';
import { AppError } from '../../../src/lib/errors.ts';
import {
  ALICE,
  FILE,
  openSenderDatabase,
  RATE_LINE,
  type SenderDatabase,
  SenderStage,
  WAITS,
} from '../../support/sender-stage.ts';

let database: SenderDatabase;
let stage: SenderStage;

beforeAll(async () => {
  database = await openSenderDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
});
afterEach(() => stage[Symbol.asyncDispose]());

describe('chats side by side', () => {
  const hang = () => new Promise<never>(() => undefined);
  const chats = Array.from({ length: 10 }, (_, index) => `49170000001${index}@c.us`);

  it('do not wait for one that hangs, and each keeps its order', async () => {
    await stage.accept('slow');
    for (const text of ['1', '2', '3']) for (const to of [...chats, ALICE]) await stage.accept(text, { to });
    const last = Promise.withResolvers<void>();
    let sent = 0;
    stage.connect({
      onSend: ({ chatId }) => (chatId === ALICE ? hang() : undefined),
      onSent() {
        sent += 1;
        if (sent === 3 * chats.length) last.resolve();
      },
    });
    await last.promise;
    for (const to of chats) expect(stage.network.textsOf(to)).toEqual(['1', '2', '3']);
    expect(stage.network.textsOf(ALICE)).toEqual([]);
  });

  it('are as many as the page can bear, each with one message', async () => {
    for (const to of chats) for (const text of ['1', '2']) await stage.accept(text, { to });
    const asked: string[] = [];
    const full = Promise.withResolvers<void>();
    stage.connect({
      onSend({ chatId }) {
        asked.push(chatId);
        if (asked.length === 8) full.resolve();
        return hang();
      },
    });
    await full.promise;
    const waits = stage.log.next(WAITS);
    stage.sender.wake(stage.account.id);
    expect((await waits).fields).toMatchObject({ underWay: 8 });
    expect(asked.toSorted()).toEqual(chats.slice(0, 8));
  });

  it('do not wait for look-ups that drag on, even of those that go before them', async () => {
    const many = Array.from({ length: 12 }, (_, nth) => `4917000010${nth + 10}@c.us`);
    for (const to of many) await stage.accept('1', { to });
    const asked: string[] = [];
    const full = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    stage.connect({
      onPrepare(to) {
        if (!many.includes(to)) return;
        if (asked.push(to) === 8) full.resolve();
        return hang();
      },
      onSent: () => left.resolve(),
    });
    await full.promise;
    await stage.accept('known');
    const waits = stage.log.next(WAITS);
    stage.advance(4_999);
    expect((await waits).fields).toMatchObject({ underWay: 8 });
    stage.advance(1);
    await left.promise;
    expect(stage.network.textsOf(ALICE)).toEqual(['known']);
    expect(asked).toEqual(many);
  });

  it.each([
    ['a text', undefined],
    ['a file', FILE],
  ])('leave half of the room to those that never failed, with %s', async (_what, content) => {
    const many = Array.from({ length: 30 }, (_, nth) => `4917000010${nth + 10}@c.us`);
    for (const to of many) await stage.accept('1', { to, ...(content && { content }) });
    const asked: string[] = [];
    const left = Promise.withResolvers<void>();
    let isDead = false;
    stage.connect({
      onPrepare(to) {
        if (!many.includes(to)) return;
        if (!isDead) throw new AppError('SESSION_FAULT');
        asked.push(to);
        return hang();
      },
      onSent: () => left.resolve(),
    });
    await stage.settled();
    isDead = true;
    for (let nth = 0; nth < 20; nth += 1) {
      const waits = stage.log.next(WAITS);
      stage.advance(5_000);
      await waits;
    }
    await stage.accept('', { content: FILE });
    stage.advance(5_000);
    await left.promise;
    expect(asked).toHaveLength(12);
  });

  it('send one file at a time, and texts meanwhile', async () => {
    const [first = '', second = '', third = ''] = chats;
    await stage.accept('', { to: first, content: FILE });
    await stage.accept('', { to: second, content: FILE });
    await stage.accept('a text', { to: third });
    const upload = Promise.withResolvers<void>();
    const text = Promise.withResolvers<void>();
    const asked: string[] = [];
    stage.connect({
      onPrepare: (to) => void asked.push(to),
      onSend: ({ chatId }) => (chatId === first ? upload.promise : undefined),
      onSent: ({ chatId }) => (chatId === third ? text.resolve() : undefined),
    });
    await text.promise;
    expect(asked).toEqual([first, third]);
    upload.resolve();
    await stage.settled();
    expect(stage.network.textsOf(second)).toEqual(['media']);
  });

  it('share the limit a minute exactly', async () => {
    await stage.restart({ messageRateLimit: 3 });
    for (const to of chats) await stage.accept('1', { to });
    const limited = stage.log.next(RATE_LINE);
    stage.connect();
    await limited;
    await stage.settled();
    expect(stage.network.carried).toHaveLength(3);
    await stage.pass(60_000);
    expect(stage.network.carried).toHaveLength(6);
  });

  it('do not wait for a LID that hangs where their own LIDs are known (fact A16)', async () => {
    const [inBook = '', inKey = ''] = chats;
    await stage.accept('slow', { to: '777@lid' });
    await ingestAddresses(
      stage.db,
      stage.account.id,
      [{ lid: '778@lid', phone: inBook }],
      new Date(stage.clock.now()),
    );
    for (const to of [inBook, inKey, '779@lid', '1@g.us']) await stage.accept('1', { to });
    const all = Promise.withResolvers<void>();
    stage.connect({
      lids: { [inKey]: '780@lid' },
      canonical: { '779@lid': ALICE },
      onPrepare: (to) => (to === '777@lid' ? hang() : undefined),
      onSent: () => void (stage.network.carried.length === 4 && all.resolve()),
    });
    await all.promise;
  });

  it('are one where one of them turns out to be the other (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1', { to: lid });
    await stage.accept('2');
    const named = Promise.withResolvers<void>();
    stage.connect({
      canonical: { [lid]: ALICE },
      onPrepare: (to) => (to === lid ? named.promise : named.resolve()),
    });
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});
