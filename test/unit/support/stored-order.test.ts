import { describe, expect, it } from 'vitest';
import type { CarriedMessage } from '../../../simulator/client.ts';
import { judgeOrder, type StoredPlace } from '../../support/stored-order.ts';

const phone = { number: '4915100000001' };
const ALICE = '4915100000002';
const BOB = '4915100000003';

interface Given {
  readonly id: string;
  /** Second in which it was written. */
  readonly t: number;
  /** Where each device's page took it. */
  readonly at: Readonly<Record<string, number>>;
  readonly from?: string;
  readonly to?: CarriedMessage['to'];
  readonly seq: number;
  readonly chatSeq?: number | null;
}

const judge = (...given: Given[]) => {
  const carried = given.map(({ id, t, at, from = ALICE, to = { user: phone.number } }) => ({
    id,
    t,
    from,
    to,
    devices: Object.fromEntries(
      Object.entries(at).map(([device, place]) => [device, { deliveries: 1, receiptedAt: 1, place }]),
    ),
  }));
  const places = given.map(({ id, seq, chatSeq = seq }): [string, StoredPlace] => [id, { seq, chatSeq }]);
  return judgeOrder(carried as unknown as CarriedMessage[], new Map(places), phone);
};
const on = (place: number, device = 1) => ({ [`${phone.number}:${device}`]: place });

describe('the order in which messages are stored', () => {
  it('is the page’s, over seconds and within one', () => {
    const found = judge(
      { id: 'A', t: 1, at: on(1), seq: 1 },
      { id: 'B', t: 1, at: on(2), seq: 2 },
      { id: 'C', t: 2, at: on(3), seq: 3 },
    );
    expect(found).toEqual({ misplaced: [], compared: 3 });
  });

  it.each([
    ['the same second', 1],
    ['another second', 2],
  ])('is broken by a row before one of %s that the page took earlier', (_, t) => {
    const found = judge({ id: 'A', t: 1, at: on(1), seq: 2 }, { id: 'B', t, at: on(2), seq: 1 });
    expect(found.misplaced).toEqual([
      `${ALICE} on ${phone.number}:1, by row: B at 1 before A at 2`,
      `${ALICE} on ${phone.number}:1, by log: B at 1 before A at 2`,
    ]);
  });

  it('is broken by the log alone', () => {
    const { misplaced } = judge(
      { id: 'A', t: 1, at: on(1), seq: 1, chatSeq: 2 },
      { id: 'B', t: 1, at: on(2), seq: 2, chatSeq: 1 },
    );
    expect(misplaced).toEqual([expect.stringContaining('by log')]);
  });

  it('counts what the phone itself wrote into a chat, and what several people wrote into a group', () => {
    const group = { group: 'g' };
    const { misplaced } = judge(
      { id: 'A', t: 1, at: on(1), seq: 4 },
      { id: 'B', t: 1, at: on(2), seq: 3, from: phone.number, to: { user: ALICE } },
      { id: 'C', t: 1, at: on(3), seq: 2, to: group },
      { id: 'D', t: 1, at: on(4), seq: 1, from: BOB, to: group },
    );
    expect(misplaced.filter((each) => each.includes('by row'))).toEqual([
      expect.stringContaining('B at 3 before A at 4'),
      expect.stringContaining('D at 1 before C at 2'),
    ]);
  });

  it.each([
    ['where its time puts it', 2],
    ['where the page took it', 4],
  ])('leaves a message that came late %s', (_, seq) => {
    const found = judge(
      { id: 'A', t: 1, at: on(1), seq: 1 },
      { id: 'C', t: 3, at: on(2), seq: 3 },
      { id: 'late', t: 2, at: on(3), seq },
    );
    expect(found).toEqual({ misplaced: [], compared: 2 });
  });

  it('is that of each chat and of each device by itself; what several took says nothing', () => {
    const found = judge(
      { id: 'A', t: 1, at: on(1), seq: 4 },
      { id: 'B', t: 1, at: on(2), seq: 3, from: BOB },
      { id: 'C', t: 2, at: on(3, 2), seq: 2 },
      { id: 'D', t: 3, at: { ...on(4), ...on(5, 2) }, seq: 1 },
    );
    expect(found).toEqual({ misplaced: [], compared: 3 });
  });
});
