import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/lib/errors.ts';
import type { PageStore } from '../../support/fake-network.ts';
import {
  ALICE,
  BOB,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
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

describe('acks and echoes', () => {
  it('has the page make its line anew, once, if the server has not confirmed by then (F36)', async () => {
    await stage.accept('1');
    await stage.accept('2', { to: BOB });
    let renewed = 0;
    const onRenewLine = () => {
      renewed += 1;
    };
    const { session } = stage.connect({ ack: 0, onRenewLine });
    await stage.settled();
    await stage.pass(59_999);
    expect(renewed).toBe(0);
    await stage.pass(1);
    expect(renewed).toBe(1);

    const [first] = await stage.rows();
    session.page.set(first?.bare_id ?? '', 2);
    await stage.pass(10_000);
    expect(await stage.rows()).toMatchObject([{ status: 'delivered' }, { status: 'pending' }]);
    for (let hour = 0; hour < 3; hour += 1) await stage.pass(3_600_000);
    expect(renewed).toBe(1);
  });

  it('has the line made anew again for what went over the new one, also if the page does not do it (F36)', async () => {
    await stage.accept('1');
    let renewed = 0;
    stage.connect({
      ack: 0,
      onRenewLine() {
        renewed += 1;
        throw new AppError('SESSION_DEADLINE');
      },
    });
    await stage.settled();
    await stage.pass(60_000);
    await stage.accept('2');
    await stage.settled();
    expect(renewed).toBe(1);
    await stage.pass(60_000);
    expect(renewed).toBe(2);
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('has the line made anew, once, for what was handed over before the clock was set back', async () => {
    await stage.accept('1');
    await stage.accept('2', { to: BOB });
    let renewed = 0;
    const onRenewLine = () => {
      renewed += 1;
    };
    const { session } = stage.connect({ ack: 0, onRenewLine });
    await stage.settled();
    await stage.pass(30_000);
    stage.clock.set(-3_600_000);
    await stage.pass(29_999);
    expect(renewed).toBe(0);
    await stage.pass(30_001);
    expect(renewed).toBe(1);
    const [first] = await stage.rows();
    session.page.set(first?.bare_id ?? '', 2);
    await stage.pass(10_000);
    expect(await stage.rows()).toMatchObject([{ status: 'delivered' }, { status: 'pending' }]);
    for (let nth = 0; nth < 5; nth += 1) await stage.pass(600_000);
    expect(renewed).toBe(1);
  });

  it('has the line made anew for what went over it after the clock was set back', async () => {
    let renewed = 0;
    stage.connect({
      ack: 0,
      onRenewLine() {
        renewed += 1;
      },
    });
    await stage.settled();
    stage.clock.set(-3_600_000);
    await stage.accept('1');
    await stage.settled();
    await stage.pass(59_999);
    expect(renewed).toBe(0);
    await stage.pass(1);
    expect(renewed).toBe(1);
  });

  it('has the line made anew, ever more rarely, if no look-up of a recipient is answered (F36)', async () => {
    await stage.accept('1');
    await stage.accept('2', { to: BOB });
    const renewedAt: number[] = [];
    let isDead = true;
    const begin = stage.clock.monotonic();
    stage.connect({
      onPrepare() {
        if (isDead) throw new AppError('SESSION_DEADLINE');
      },
      onRenewLine: () => void renewedAt.push(stage.clock.monotonic() - begin),
    });
    await stage.settled();
    for (let second = 0; second < 60; second += 1) await stage.pass(1_000);
    expect(renewedAt).toEqual([]);
    for (let nth = 0; nth < 16; nth += 1) await stage.pass(30_000);
    const gaps = renewedAt.map((at, nth) => at - (renewedAt[nth - 1] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    for (const [nth, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(60_000 * 2 ** nth);
    isDead = false;
    await stage.pass(60_000);
    expect([stage.network.textsOf(ALICE), stage.network.textsOf(BOB)]).toEqual([['1'], ['2']]);
  });

  it('leaves a line alone over which other recipients are found (F36)', async () => {
    await stage.accept('1');
    stage.connect({
      onPrepare(to) {
        if (to === ALICE) throw new AppError('SESSION_DEADLINE');
      },
      onRenewLine: () => expect.unreachable(),
    });
    await stage.settled();
    for (const text of ['2', '3', '4', '5']) {
      await stage.accept(text, { to: BOB });
      await stage.settled();
      await stage.pass(60_000);
    }
    expect(stage.network.textsOf(BOB)).toHaveLength(4);
    expect(stage.log.lines.filter(({ message }) => message.includes('line anew'))).toEqual([]);
  });

  it('takes the line of a new connection for a new one (F36)', async () => {
    await stage.accept('1');
    const page: PageStore = new Map();
    const { leave } = stage.connect({ ack: 0 }, { page });
    await stage.settled();
    await leave();
    stage.advance(60_000);
    stage.connect({ onRenewLine: () => expect.unreachable() }, { page });
    await stage.settled();
    expect(stage.log.lines.filter(({ message }) => message.includes('line anew'))).toEqual([]);
  });
});
