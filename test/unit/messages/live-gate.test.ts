import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AccountId, makeAccountId } from '../../../src/accounts/ids.ts';
import { type LiveGate, openLiveGate } from '../../../src/messages/live-gate.ts';
import { ackEvent } from '../../support/inbound-events.ts';
import { makeMessage } from '../../support/scripted-session.ts';
import { silentLog } from '../../support/silent-log.ts';

const [A, B] = ['4915100000001@c.us', '4915100000002@c.us'];
const account = makeAccountId();
let passed: string[];
let gaps: AccountId[];
let gate: LiveGate;

beforeEach(() => {
  vi.useFakeTimers();
  passed = [];
  gaps = [];
  gate = openLiveGate({
    emit: (_, events) => passed.push(...events.map(({ key }) => key.bareId)),
    onGap: (accountId) => gaps.push(accountId),
    log: silentLog,
  });
});
afterEach(() => vi.useRealTimers());

const tell = (...names: string[]) =>
  gate.accept(
    account,
    names.map((name) => makeMessage(name.startsWith('a') ? A : B, name, 1_000)),
  );

describe('a gate', () => {
  it('is shut at first, passes chats on as they are read, and is open in the end', () => {
    tell('a1', 'b1', 'a2');
    expect(passed).toEqual([]);
    gate.await(account, [A, B]);
    tell('b2');
    expect([gate.isAwaited(account, A), gate.isAwaited(account, 'other')]).toEqual([true, false]);
    expect([gate.isHeld(account, A, 'a2'), gate.isHeld(account, B, 'a2')]).toEqual([true, false]);
    gate.pass(account, A);
    expect(passed).toEqual(['a1', 'a2']);
    tell('a3', 'b3');
    gate.open(account);
    tell('b4');
    expect(passed).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'b4']);
  });

  it('passes on at once what belongs to chats that are not read', () => {
    tell('a1', 'b1');
    gate.await(account, [B]);
    expect(passed).toEqual(['a1']);
    tell('a2');
    expect(passed).toEqual(['a1', 'a2']);
  });

  it('keeps the order of a message and its changes', () => {
    tell('a1');
    gate.accept(account, [ackEvent('a1', 1, 2_000, { chatId: A })]);
    gate.open(account);
    expect(passed).toEqual(['a1', 'a1']);
  });

  it('drops what it cannot hold, says so once, and holds again when the page is read again', () => {
    tell(...Array.from({ length: 5_001 }, (_, n) => `a${n}`));
    tell('a-dropped');
    gate.await(account, [A]);
    tell('a-dropped too');
    expect(passed).toEqual([]);
    expect(gaps).toEqual([account]);
    gate.shut(account);
    tell('a-held');
    gate.open(account);
    expect(passed).toEqual(['a-held']);
  });

  it('holds no more bytes than it may', () => {
    const text = 'x'.repeat(1_000_000);
    for (let n = 0; n < 9; n += 1) gate.accept(account, [makeMessage(A, `a${n}`, 1_000, { text })]);
    expect(gaps).toEqual([account]);
  });

  it('keeps what it holds until the account is connected again, however long that takes', async () => {
    tell('a1');
    gate.shut(account);
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(passed).toEqual([]);
    gate.shut(account);
    gate.await(account, [A]);
    gate.pass(account, A);
    expect(passed).toEqual(['a1']);
  });

  it('passes on what it holds of a page that is gone for good, and holds what the next one tells', () => {
    tell('a1', 'b1');
    gate.giveUp(account);
    tell('a2');
    expect(passed).toEqual(['a1', 'b1']);
    gate.open(account);
    expect(passed).toEqual(['a1', 'b1', 'a2']);
  });

  it('drops the messages that it holds when it ends, for they would be stored before older ones', () => {
    tell('a1', 'b1');
    gate[Symbol.dispose]();
    expect(passed).toEqual([]);
  });

  it('passes on the changes that it holds when it ends, for not every page can tell them again', () => {
    tell('a1');
    gate.accept(account, [
      ackEvent('a-old', 3, 2_000, { chatId: A }),
      ackEvent('b-old', 2, 2_000, { chatId: B }),
    ]);
    gate[Symbol.dispose]();
    expect(passed).toEqual(['a-old', 'b-old']);
  });
});
