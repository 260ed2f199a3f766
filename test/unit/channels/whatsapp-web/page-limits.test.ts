import { afterEach, expect, it } from 'vitest';
import { pageLimitsToCapping } from '../../../../src/channels/whatsapp-web/limit-conversion.ts';
import { readLimits } from '../../../../src/channels/whatsapp-web/page-limits.ts';
import { UNTOLD_REST_MS } from '../../../../src/limits/capping.ts';
import { closeStrangePage, openStrangePage } from '../../../support/strange-page.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const END = Date.parse('2026-05-09T00:00:00Z');
const CAPPING = 'WAWebIndividualNewChatMessageCappingLimitUtils';
const TIMELOCK = 'WAWebReachoutTimelockUtils';
const PREFERENCES = 'WAWebUserPrefsIndexedDBStorage';
const FREE = { status: 'NONE', cycleEndsAt: null, timelockedUntil: null };

afterEach(closeStrangePage);

async function read(modules: Record<string, unknown>) {
  openStrangePage(modules);
  return pageLimitsToCapping(JSON.parse(JSON.stringify(await readLimits())), NOW);
}

const cappingOf = (data: unknown) => ({ getCappingData: () => data });
const preferences = (values: Record<string, unknown>) => ({
  userPrefsIdb: { get: async (key: string) => values[key] },
});

it('knows nothing of a page that tells nothing (A25)', async () => {
  expect(await read({})).toBeUndefined();
  expect(await read({ [CAPPING]: {}, [TIMELOCK]: {} })).toBeUndefined();
  const throwing = () => {
    throw new Error('of the page');
  };
  expect(await read({ [CAPPING]: { getCappingData: throwing } })).toBeUndefined();
  expect(await read({ [CAPPING]: cappingOf({ capping_status: 'NEW_WORD' }) })).toBeUndefined();
});

it('reads how far new chats are used up, and until when', async () => {
  const data = { capping_status: 'CAPPED', cycle_end_timestamp: END / 1_000 };
  const capped = { ...FREE, status: 'CAPPED', cycleEndsAt: END };
  expect(await read({ [CAPPING]: cappingOf(data) })).toEqual(capped);
  expect(await read({ [CAPPING]: cappingOf(Promise.resolve(data)) })).toEqual(capped);
  expect(await read({ [CAPPING]: cappingOf(undefined) })).toEqual(FREE);
  expect(await read({ [CAPPING]: { getCappingStatus: () => 'FIRST_WARNING' } })).toEqual({
    ...FREE,
    status: 'FIRST_WARNING',
  });
});

it('reads a lock, and its end in milliseconds or seconds', async () => {
  const locked = { isUserReachoutTimelocked: () => true };
  for (const end of [END, END / 1_000]) {
    const state = preferences({ WAReachoutTimelockState: { time_enforcement_ends: end } });
    expect(await read({ [TIMELOCK]: locked, [PREFERENCES]: state })).toEqual({
      ...FREE,
      timelockedUntil: END,
    });
  }
  const renamed = { ...locked, REACHOUT_TIMELOCK_IDB_KEY: 'other' };
  const other = preferences({ other: { time_enforcement_ends: END } });
  expect(await read({ [TIMELOCK]: renamed, [PREFERENCES]: other })).toMatchObject({ timelockedUntil: END });
  expect(await read({ [TIMELOCK]: { isUserReachoutTimelocked: async () => false } })).toEqual(FREE);
});

it('takes a lock without a known end for one of an hour', async () => {
  expect(await read({ [TIMELOCK]: { isUserReachoutTimelocked: () => true } })).toEqual({
    ...FREE,
    timelockedUntil: NOW + UNTOLD_REST_MS,
  });
});
