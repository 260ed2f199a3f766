import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SESSION_STATES, type SessionState } from '../../../src/accounts/state.ts';
import { foldGrace, foldState, stateToView } from '../../../src/webhooks/account-fold.ts';

const GRACE_MS = 5_000;

/** What states that are entered at these seconds come to, looked at for the last time in the end. */
function told(
  before: SessionState | null,
  states: readonly (readonly [number, SessionState])[],
  end = 1_000,
) {
  let view = stateToView(before);
  const all: [number, string][] = [];
  for (const [second, state] of states) {
    const step = foldState(view, { state, reason: null }, { at: second * 1_000, graceMs: GRACE_MS });
    view = step.view;
    all.push(...step.told.map(({ at, state: word }): [number, string] => [at / 1_000, word]));
  }
  all.push(
    ...foldGrace(view, end * 1_000).told.map(({ at, state }): [number, string] => [at / 1_000, state]),
  );
  return all;
}

describe('what is told of an account', () => {
  it('is nothing of a line that drops for a second', () => {
    expect(
      told('connected', [
        [10, 'reconnecting'],
        [11, 'syncing'],
        [12, 'connected'],
      ]),
    ).toEqual([]);
  });

  it('is trouble that lasts, when it has lasted, and that it is over', () => {
    expect(
      told('connected', [
        [10, 'reconnecting'],
        [13, 'syncing'],
        [20, 'connected'],
      ]),
    ).toEqual([
      [15, 'reconnecting'],
      [20, 'connected'],
    ]);
  });

  it('is trouble that nothing follows', () => {
    expect(told('connected', [[10, 'reconnecting']])).toEqual([[15, 'reconnecting']]);
  });

  it('is once that it reconnects, however many attempts that takes', () => {
    const attempts = [10, 20, 30, 40].map((second) => [second, 'reconnecting'] as const);
    expect(told('connected', attempts)).toEqual([[15, 'reconnecting']]);
  });

  it('is nothing of a daemon that is started anew within seconds, and a longer absence', () => {
    expect(
      told('connected', [
        [10, 'starting'],
        [11, 'syncing'],
        [14, 'connected'],
      ]),
    ).toEqual([]);
    expect(
      told('connected', [
        [10, 'starting'],
        [30, 'connected'],
      ]),
    ).toEqual([
      [15, 'reconnecting'],
      [30, 'connected'],
    ]);
  });

  it('is at once what needs a human, or was meant', () => {
    expect(
      told('connected', [
        [10, 'reconnecting'],
        [11, 'needs_human'],
      ]),
    ).toEqual([[11, 'needs_human']]);
    expect(
      told('connected', [
        [10, 'closing'],
        [11, 'disconnected'],
      ]),
    ).toEqual([[11, 'disconnected']]);
  });

  it('is that it is connected, when it is linked for the first time', () => {
    const steps = [
      [1, 'starting'],
      [2, 'awaiting_scan'],
      [3, 'pairing'],
      [4, 'syncing'],
      [9, 'connected'],
    ];
    expect(told('registered', steps as [number, SessionState][])).toEqual([[9, 'connected']]);
  });

  it('does not depend on when it is looked at', () => {
    const states = Object.keys(SESSION_STATES) as SessionState[];
    const step = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(...states));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let second = 0;
        const entered = steps.map(([after, state]) => {
          second += after;
          return [second, state] as const;
        });
        let view = stateToView('connected');
        const looked: [number, string][] = [];
        let at = 0;
        const note = (result: ReturnType<typeof foldGrace>) => {
          view = result.view;
          looked.push(...result.told.map((each): [number, string] => [each.at / 1_000, each.state]));
        };
        for (const [second2, state] of entered) {
          for (; at < second2 * 1_000; at += 500) note(foldGrace(view, at));
          note(foldState(view, { state, reason: null }, { at: second2 * 1_000, graceMs: GRACE_MS }));
        }
        note(foldGrace(view, 1_000_000));
        expect(looked).toEqual(told('connected', entered));
      }),
    );
  });
});
