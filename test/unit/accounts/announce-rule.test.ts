import { describe, expect, it } from 'vitest';
import type { SessionChange } from '../../../src/accounts/account.ts';
import { afterChange, afterGrace, NOTHING_ANNOUNCED } from '../../../src/accounts/announce-rule.ts';

const GRACE_MS = 5_000;

/** What happens when: milliseconds, and a state, with its reason and attempt where they matter. */
type Happening = readonly [atMs: number, change: SessionChange];

function to(state: SessionChange['state'], rest: Partial<SessionChange> = {}): SessionChange {
  return { state, reason: null, ...rest };
}

function fell(attempt: number, reason: SessionChange['reason'] = 'browser_died'): SessionChange {
  return to('reconnecting', { reason, attempt });
}

/** Everything that is announced, and when, if time goes on for long after the last change. */
function announcementsOf(happenings: readonly Happening[]): string[] {
  const told: string[] = [];
  let view = NOTHING_ANNOUNCED;
  const tell = (step: ReturnType<typeof afterGrace>, at: number) => {
    view = step.view;
    if (step.announce === null) return;
    const { state, reason, attempt } = step.announce;
    told.push([at, state, reason, attempt].filter((part) => part !== null && part !== undefined).join(' '));
  };
  const passTime = (until: number) => {
    if (view.held !== null && view.held.dueAt <= until)
      tell(afterGrace(view, view.held.dueAt), view.held.dueAt);
  };
  for (const [at, change] of happenings) {
    passTime(at);
    tell(afterChange(view, change, { now: at, graceMs: GRACE_MS }), at);
  }
  passTime(Number.POSITIVE_INFINITY);
  return told;
}

const cases: readonly (readonly [string, readonly Happening[], readonly string[]])[] = [
  [
    'every step of a first link at once',
    [
      [0, to('starting')],
      [1, to('awaiting_scan')],
      [2, to('pairing')],
      [3, to('syncing')],
      [4, to('connected')],
    ],
    ['0 starting', '1 awaiting_scan', '2 pairing', '3 syncing', '4 connected'],
  ],
  [
    'nothing of a page that reloads within the grace',
    [
      [0, to('connected')],
      [1_000, to('syncing')],
      [3_000, to('connected')],
    ],
    ['0 connected'],
  ],
  [
    'nothing of a browser that is back within the grace',
    [
      [0, to('connected')],
      [1_000, fell(1)],
      [5_900, to('connected')],
    ],
    ['0 connected'],
  ],
  [
    'trouble that lasts, once, as it then is',
    [
      [0, to('connected')],
      [1_000, to('syncing')],
      [3_000, fell(1)],
      [4_000, fell(2, 'launch_failed')],
    ],
    ['0 connected', '6000 reconnecting launch_failed 2'],
  ],
  [
    'no attempt by itself, and the end of the trouble at once',
    [
      [0, to('connected')],
      [1_000, fell(1)],
      [7_000, fell(2)],
      [9_000, fell(3, 'page_unreachable')],
      [60_000, to('connected')],
    ],
    ['0 connected', '6000 reconnecting browser_died 1', '60000 connected'],
  ],
  [
    'the same trouble again after it was over, each time with its own grace',
    [
      [0, to('connected')],
      [1_000, fell(1)],
      [2_000, to('connected')],
      [5_000, fell(1)],
    ],
    ['0 connected', '10000 reconnecting browser_died 1'],
  ],
  [
    'a page that loads after a long fall only if that lasts too',
    [
      [0, fell(1)],
      [6_000, to('syncing')],
      [8_000, fell(2)],
      [20_000, to('syncing')],
      [21_000, to('connected')],
    ],
    ['5000 reconnecting browser_died 1', '21000 connected'],
  ],
  [
    'a matter for a person at once, instead of what was held',
    [
      [0, to('connected')],
      [1_000, fell(1)],
      [2_000, to('needs_human', { reason: 'logged_out' })],
    ],
    ['0 connected', '2000 needs_human logged_out'],
  ],
  [
    'another reason as news, the same one not',
    [
      [0, to('needs_human', { reason: 'passkey' })],
      [1, to('needs_human', { reason: 'passkey' })],
      [2, to('needs_human', { reason: 'logged_out' })],
    ],
    ['0 needs_human passkey', '2 needs_human logged_out'],
  ],
  [
    'a disconnect and a start on wish at once',
    [
      [0, to('connected')],
      [1, to('closing')],
      [2, to('disconnected', { reason: 'user_disconnected' })],
      [3, to('starting')],
    ],
    ['0 connected', '1 closing', '2 disconnected user_disconnected', '3 starting'],
  ],
  [
    'a first start that fails for a moment not',
    [
      [0, to('starting')],
      [1_000, fell(1, 'launch_failed')],
      [3_000, to('awaiting_scan')],
    ],
    ['0 starting', '3000 awaiting_scan'],
  ],
];

describe('what is announced of a session', () => {
  it.each(cases)('is %s', (_title, happenings, told) => {
    expect(announcementsOf(happenings)).toEqual(told);
  });

  it('waits for the grace to the last millisecond', () => {
    const { view } = afterChange(NOTHING_ANNOUNCED, fell(1), { now: 0, graceMs: GRACE_MS });
    expect(afterGrace(view, GRACE_MS - 1)).toEqual({ view, announce: null });
    expect(afterGrace(view, GRACE_MS).announce).toEqual(fell(1));
  });
});
