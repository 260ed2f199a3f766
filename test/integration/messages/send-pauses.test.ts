/** Chats that pause after a fault and keep their order meanwhile. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import {
  ALICE,
  BOB,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';

const GROUP = '120363041234567890@g.us';

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

describe('sending', () => {
  it('tries a recipient again that could not be resolved, and lets other chats go first', async () => {
    let faults = 1;
    await stage.accept('1', { to: BOB });
    await stage.accept('2', { to: BOB });
    await stage.accept('3');
    stage.connect({
      onPrepare(to) {
        if (to === BOB && faults-- > 0) throw new AppError('SESSION_DEADLINE');
      },
    });
    await stage.settled();
    expect(stage.network.carried.map(({ content }) => 'text' in content && content.text)).toEqual(['3']);
    await stage.pass(1_000);
    expect(stage.network.textsOf(BOB)).toEqual(['1', '2']);
  });

  it('ends a message to which the page has opened no chat for an hour, and frees its place of the day', async () => {
    await stage.setDailyLimit(1);
    await stage.accept('1', { to: GROUP });
    await stage.accept('2', { onLimit: 'defer' });
    stage.connect({
      onPrepare(to) {
        if (to === GROUP) throw new AppError('SEND_REFUSED', { message: 'no such chat' });
      },
    });
    await stage.settled();
    for (let minute = 0; minute < 10; minute += 1) await stage.pass(60_000);
    await stage.pass(49 * 60_000);
    expect(await stage.rows()).toMatchObject([{ status: 'pending' }, { status: 'deferred' }]);
    await stage.pass(60_000);
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'failed', failed_code: 'SEND_REFUSED', failed_reason: 'no such chat', handed_at: null },
      { status: 'sent' },
    ]);
  });

  it.each(['SESSION_DEADLINE', 'SESSION_FAULT'] as const)('never ends one for %s', async (code) => {
    await stage.accept('1', { to: GROUP });
    let isBad = true;
    stage.connect({
      onPrepare() {
        if (isBad) throw new AppError(code);
      },
    });
    await stage.settled();
    for (let nth = 0; nth < 12; nth += 1) await stage.pass(600_000);
    isBad = false;
    await stage.pass(60_000);
    expect(stage.network.textsOf(GROUP)).toEqual(['1']);
  });

  it('lets a message rest that goes to a chat in which an earlier one waits for room', async () => {
    const other = '491700000003@c.us';
    await stage.setDailyLimit(1);
    const first = await stage.accept('1');
    const second = await stage.accept('2', { to: other, onLimit: 'defer' });
    // As if the second had been accepted while there was room, and the first had not.
    const change = async (id: string, values: { status: 'deferred' | 'pending'; slot_date: string | null }) =>
      stage.db.updateTable('messages').set(values).where('id', '=', id).execute();
    await change(first, { status: 'deferred', slot_date: null });
    await change(second, { status: 'pending', slot_date: '2026-03-02' });
    let asked = 0;
    stage.connect({
      canonical: { [other]: ALICE },
      onPrepare(to) {
        if (to === other) asked += 1;
      },
    });
    await stage.settled();
    expect(asked).toBe(2);
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      const before = asked;
      await stage.pass(pauseMs - 1);
      expect(asked).toBe(before);
      await stage.pass(1);
      expect(asked).toBe(before + 1);
    }
    expect(stage.network.given).toEqual([]);
    await stage.setDailyLimit(2);
    await stage.pass(8_000);
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('tries again what the page could not be given, and keeps its chat in order meanwhile', async () => {
    let withheld = 7;
    await stage.accept('1');
    await stage.accept('2');
    await stage.accept('3', { to: BOB });
    stage.connect({
      onSend({ chatId }) {
        if (chatId === ALICE && withheld-- > 0) throw new AppError('SEND_WITHHELD');
      },
    });
    await stage.settled();
    expect(await stage.rows()).toMatchObject([
      { status: 'pending', unknown_since: null },
      { status: 'pending', handed_at: null },
      { status: 'sent' },
    ]);
    const [first] = await stage.rows();
    const pausesMs = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 60_000];
    await stage.passEach(pausesMs, () => expect(stage.network.textsOf(ALICE)).toEqual([]));
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
    expect(stage.network.carried.find(({ chatId }) => chatId === ALICE)?.bareId).toBe(first?.bare_id);
    expect(stage.network.given).toHaveLength(3);
    const [sent] = (await stage.usage()).map((day) => day.sent);
    expect(sent).toBe(3);
  });

  it('gives the page at once what it could not be given, when its line is back (F1)', async () => {
    let isDown = true;
    await stage.accept('1');
    await stage.accept('2');
    stage.connect({
      onSend() {
        if (isDown) throw new AppError('SEND_WITHHELD');
      },
    });
    await stage.settled();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000]) await stage.pass(pauseMs);
    isDown = false;
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual([]);
    stage.sender.hearLineBack(stage.account.id);
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });
});
