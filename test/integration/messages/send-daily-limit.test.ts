import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseInstanceId } from '../../../src/accounts/ids.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { makeDayTurn } from '../../../src/messages/day-turn.ts';
import {
  ALICE,
  BOB,
  openSenderDatabase,
  RATE_LINE,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';
import { findNextToSend } from '../../support/single-messages.ts';

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

describe('the daily limit', () => {
  const DAY_MS = 86_400_000;

  async function statuses() {
    return (await stage.rows()).map(({ text, status, slot_date }) => [text, status, slot_date]);
  }

  async function defer(text: string): Promise<void> {
    await stage.db
      .updateTable('messages')
      .set({ status: 'deferred', slot_date: null })
      .where('account_id', '=', stage.account.id)
      .where('text', '=', text)
      .execute();
  }

  it('lets a message that waited over midnight go with a slot of the new date', async () => {
    await stage.accept('1');
    stage.clock.advance(DAY_MS);
    const written = stage.acksWritten(1);
    stage.connect();
    await written;
    expect(await statuses()).toEqual([['1', 'sent', '2026-03-03']]);
    const usage = (await stage.usage()).map(({ local_date, taken, sent }) => ({ local_date, taken, sent }));
    expect(usage).toEqual([
      { local_date: '2026-03-02', taken: 0, sent: 0 },
      { local_date: '2026-03-03', taken: 1, sent: 1 },
    ]);
  });

  it('lets messages go in order that waited for months, within the limit a minute', async () => {
    await stage.restart({ messageRateLimit: 2 });
    await stage.accept('1');
    stage.clock.advance(100 * DAY_MS);
    for (const body of ['2', '3']) await stage.accept(body);
    stage.clock.advance(100 * DAY_MS);
    const two = stage.acksWritten(2);
    const limited = stage.log.next(RATE_LINE);
    stage.connect();
    await two;
    await limited;
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
    const third = stage.acksWritten(1);
    stage.advance(60_000);
    await third;
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3']);
  });

  it('defers what finds the new date full, and lets it go when the next one has begun', async () => {
    await stage.setDailyLimit(2);
    for (const body of ['1', '2']) await stage.accept(body);
    for (const body of ['3', '4', '5']) await stage.accept(body, { onLimit: 'defer' });
    stage.clock.advance(DAY_MS);
    const two = stage.acksWritten(2);
    stage.connect();
    await two;
    expect((await statuses()).map(([, status]) => status)).toEqual([
      'sent',
      'sent',
      'deferred',
      'deferred',
      'deferred',
    ]);
    stage.clock.advance(DAY_MS);
    const turnDays = makeDayTurn({
      db: stage.db,
      instanceId: parseInstanceId('test'),
      clock: stage.clock,
      log: stage.log,
      onTurned: (id) => stage.sender.wake(id),
    });
    const four = stage.acksWritten(2);
    expect(await turnDays()).toBeGreaterThanOrEqual(1);
    await four;
    expect(await turnDays()).toBe(0);
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2', '3', '4']);
    expect((await statuses()).at(-1)).toEqual(['5', 'deferred', null]);
  });

  it('chooses nothing of a chat that would pass by a deferred message of it', async () => {
    for (const body of ['1', '2']) await stage.accept(body);
    await stage.accept('3', { to: BOB });
    await defer('1');
    expect(
      await findNextToSend(stage.db, stage.account.id, [], { at: new Date(stage.clock.now()) }),
    ).toMatchObject({
      text: '3',
    });
  });

  it('lets no message pass by a deferred one of its chat under the other name (fact A16)', async () => {
    const lid = '777@lid';
    await stage.accept('1', { to: lid });
    await stage.accept('2');
    await defer('1');
    stage.connect({ lids: { [ALICE]: lid } });
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('gives the place of a message that never left to the next one', async () => {
    await stage.setDailyLimit(1);
    await stage.accept('to nobody', { to: BOB });
    await stage.accept('next', { onLimit: 'defer' });
    const written = stage.acksWritten(1);
    stage.connect({
      onPrepare(to) {
        if (to === BOB) throw new AppError('NOT_ON_WHATSAPP');
      },
    });
    await written;
    expect(await statuses()).toEqual([
      ['to nobody', 'failed', null],
      ['next', 'sent', '2026-03-02'],
    ]);
  });

  it('keeps the place of a message that left and was refused', async () => {
    await stage.setDailyLimit(1);
    await stage.accept('refused');
    await stage.accept('next', { onLimit: 'defer' });
    const written = stage.acksWritten(1);
    stage.connect({ ack: -1, reason: '463' });
    await written;
    expect(await statuses()).toEqual([
      ['refused', 'failed', '2026-03-02'],
      ['next', 'deferred', null],
    ]);
  });
});
