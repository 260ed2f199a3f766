import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSpec, Phone } from '../../../../simulator/client.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import type { ReasonCode } from '../../../../src/accounts/reason.ts';
import type { SessionState } from '../../../../src/accounts/state.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { isLongRun } from '../../../support/scale.ts';

let stage: PoolStage;
let shop: Phone;
let alice: Phone;
let accountId: AccountId;
let count = 0;

beforeAll(async () => {
  stage = await PoolStage.open();
  alice = await stage.world.phone('alice');
});

beforeEach(async () => {
  count += 1;
  shop = await stage.world.phone(`shop-${count}`);
  accountId = await stage.link(shop);
});

afterEach(async () => {
  await stage.world.faults.clear();
  await stage.pool.disconnect(accountId);
  expect(stage.browsers(accountId)).toEqual([]);
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

/** Cases that differ little from others are for the long run. */
function more<T>(...cases: readonly T[]): readonly T[] {
  return isLongRun ? cases : [];
}

const set = (spec: FaultSpec) => stage.world.faults.set({ ...spec, phone: shop.name });
const falls = () => stage.of(accountId).states.filter(({ state }) => state === 'reconnecting');

/** One message goes in, told once. */
async function receives(text: string): Promise<void> {
  await alice.send(shop, text);
  await stage.received(accountId, text);
  expect(stage.messages(accountId).filter((each) => each.text === text)).toHaveLength(1);
}

/** One message goes out under its own id, carried once. */
async function sends(text: string, nth: number): Promise<void> {
  const session = await stage.connected(accountId, nth);
  const prepared = await session.prepareSend(alice.jid);
  await session.send(prepared, { kind: 'text', text }, {});
  await stage.world.waitFor({ message: { text, from: shop.name } });
}

async function comesBack(nth = 2): Promise<void> {
  await stage.connected(accountId, nth);
  await receives(`in after ${nth}`);
  await sends(`out after ${nth}`, nth);
}

/** Processes of the account's browser whose command line has the text. */
function processes(text: string): number[] {
  return stage
    .browsers(accountId)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text));
}

function browser(): number {
  const root = stage
    .browsers(accountId)
    .filter((pid) => !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type='));
  return root[0] ?? 0;
}

function leftInTemp(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^\.?org\.chromium\./.test(name));
}

describe('a browser', () => {
  it('that is killed is replaced (A10, F7)', async () => {
    const before = leftInTemp();
    process.kill(browser(), 'SIGKILL');
    await stage.reached(accountId, 'reconnecting', 'browser_died');
    await comesBack();
    await stage.pool.disconnect(accountId);
    expect(leftInTemp()).toEqual(before);
  });

  it('whose page crashes is replaced (A10, F8)', async () => {
    for (const pid of processes('--type=renderer')) process.kill(pid, 'SIGKILL');
    await stage.reached(accountId, 'reconnecting', 'page_crashed');
    await comesBack();
  });

  it('whose page stands still is replaced (F9)', async () => {
    for (const pid of processes('--type=renderer')) process.kill(pid, 'SIGSTOP');
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    await comesBack();
  });

  it('whose page is busy for ever is replaced (F9)', async () => {
    await shop.page({ do: 'busy', ms: 60_000 });
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    await comesBack();
  });

  it('that stands still as a whole is killed and replaced (A11, F10)', async () => {
    process.kill(browser(), 'SIGSTOP');
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    await comesBack();
  });

  it('that stands still does not keep the pool from closing (A11, F10)', async () => {
    process.kill(browser(), 'SIGSTOP');
    await stage.reopen();
    expect(stage.browsers(accountId)).toEqual([]);
    await stage.pool.restore();
    await comesBack();
  });
});

describe('a page', () => {
  it('that loses its line and finds it again keeps its session (F1)', async () => {
    await shop.page({ do: 'drop', ms: 1_000 });
    await receives('during the drop');
    await sends('after the drop', 1);
    // The line may be said to be down meanwhile; the browser and its page stay.
    expect(falls().filter(({ attempt }) => attempt !== undefined)).toEqual([]);
    expect(stage.of(accountId).connections).toHaveLength(1);
  });

  it('whose sync goes off and on again is not ready twice (F2)', async () => {
    await shop.page({ do: 'toggle-sync' });
    await shop.page({ do: 'drop', ms: 200, toggleSync: true });
    await receives('after the toggle');
    expect(stage.of(accountId).connections).toHaveLength(1);
  });

  it('that reloads is ready again in the same browser, and its session a new one (F3)', async () => {
    const pid = browser();
    await shop.page({ do: 'reload' });
    await comesBack();
    expect(browser()).toBe(pid);
    expect(falls()).toEqual([]);
    expect(stage.of(accountId).connections[0]?.signal.aborted).toBe(true);
  });

  it('that reloads and navigates again before it has synced tells everything once (F5, F6)', async () => {
    await set({ kind: 'sync', mode: 'at', delayMs: 1_000 });
    const logins = (await shop.view()).devices.reduce((sum, device) => sum + device.logins, 0);
    await shop.page({ do: 'reload' });
    await stage.world.waitFor({ logins: logins + 1, phone: shop.name });
    await shop.page({ do: 'push-state', times: 2 });
    await shop.page({ do: 'iframe', times: 2 });
    await comesBack();
    await shop.page({ do: 'toggle-sync' });
    await receives('after it all');
    expect(stage.of(accountId).connections).toHaveLength(2);
  });

  it.each(['push-state', 'iframe'] as const)(
    'that navigates within itself (%s) is left alone (F5)',
    async (kind) => {
      await shop.page({ do: kind, times: 3 });
      await shop.page({ do: 'toggle-sync' });
      await receives('after the navigation');
      expect(stage.of(accountId).connections).toHaveLength(1);
      expect(falls()).toEqual([]);
    },
  );

  it('that reloads into a page without WhatsApp is replaced (A3, F14)', async () => {
    await set({ kind: 'page', mode: 'blank', count: 1 });
    await shop.page({ do: 'reload' });
    await stage.reached(accountId, 'reconnecting', 'launch_failed');
    await comesBack();
  });

  it('that reloads while its server is away is replaced (A3, F14)', async () => {
    await set({ kind: 'page', mode: 'reset' });
    await shop.page({ do: 'reload' });
    await stage.reached(accountId, 'reconnecting', 'launch_failed');
    await stage.world.faults.clear();
    await comesBack();
  });

  it('that navigates away is replaced (F14)', async () => {
    await shop.page({ do: 'navigate', url: 'about:blank' });
    await stage.until('a fall', () => falls().length > 0);
    await comesBack();
  });

  it('that reloads while its server hangs is replaced (F15)', async () => {
    await set({ kind: 'page', mode: 'hang', count: 1 });
    await shop.page({ do: 'reload' });
    await stage.until('a fall', () => falls().length > 0);
    await stage.world.faults.clear();
    await comesBack();
  });
});

describe('a state that WhatsApp pushes', () => {
  it.each<[string, SessionState, ReasonCode]>([
    ['CONFLICT', 'needs_human', 'replaced'],
    ['TOS_BLOCK', 'needs_human', 'banned'],
    ...more<[string, SessionState, ReasonCode]>(['SMB_TOS_BLOCK', 'needs_human', 'banned']),
    ['DEPRECATED_VERSION', 'needs_human', 'client_outdated'],
  ])('%s ends the session as %s for %s, and its link is kept (A13, F16)', async (pushed, state, reason) => {
    await shop.page({ do: 'state', state: pushed });
    await stage.reached(accountId, state, reason);
    expect(await stage.rested(accountId)).toMatchObject({ state, reason, wanted: false, linked: true });
    expect(stage.browsers(accountId)).toEqual([]);
    expect(stage.hasProfile(accountId)).toBe(true);
    await stage.pool.start(accountId);
    await comesBack();
    expect(stage.of(accountId).qrs.filter(Boolean)).toHaveLength(1);
  });

  it.each<[string, ReasonCode]>([
    ['PROXYBLOCK', 'proxy_blocked'],
    ['UNPAIRED', 'connection_lost'],
    ['UNPAIRED_IDLE', 'connection_lost'],
  ])('%s makes the session start anew, without a scan (A9, A13, F16, F17)', async (pushed, reason) => {
    await shop.page({ do: 'state', state: pushed });
    await stage.reached(accountId, 'reconnecting', reason);
    await comesBack();
    expect(stage.of(accountId).qrs.filter(Boolean)).toHaveLength(1);
  });

  it.each(['OPENING', 'TIMEOUT', ...more('SOMETHING_NEW')])(
    '%s, if it lasts, is said, and mended by asking the page to try again (A9, F17)',
    async (pushed) => {
      await shop.page({ do: 'state', state: pushed });
      await stage.reached(accountId, 'reconnecting', 'connection_lost');
      await stage.reached(accountId, 'connected', null, 2);
      await receives('after the line came back');
      await sends('after the line came back', 1);
      expect(stage.of(accountId).connections).toHaveLength(1);
    },
  );

  it('OPENING that no asking mends makes the session start anew, without a scan (A9, F17)', async () => {
    const fault = await set({ kind: 'login', mode: 'hang' });
    await shop.page({ do: 'drop', ms: 10 });
    await stage.until('a restart', () => falls().find(({ attempt }) => attempt === 1));
    await stage.world.faults.clear(fault.id);
    await comesBack();
    expect(stage.of(accountId).qrs.filter(Boolean)).toHaveLength(1);
  });
});

describe('an unlink on the phone', () => {
  const isLoggedOut = async () => {
    await stage.reached(accountId, 'needs_human', 'logged_out');
    expect(await stage.rested(accountId)).toMatchObject({
      state: 'needs_human',
      reason: 'logged_out',
      wanted: false,
      linked: false,
      qr: null,
    });
    expect(stage.browsers(accountId)).toEqual([]);
    expect(stage.hasProfile(accountId)).toBe(false);
  };
  const isLinkedAnew = async () => {
    await stage.pool.start(accountId, { fresh: true });
    const qr = await stage.until('a new QR', () => stage.of(accountId).qrs.filter(Boolean)[1]);
    await shop.scan(String(qr));
    await comesBack();
    await stage.reopen();
    await stage.pool.restore();
    await comesBack(3);
  };

  it('ends the session, leaves nothing, and a new scan lasts (A12, F19, F20)', async () => {
    await shop.logoutDevice();
    await isLoggedOut();
    expect((await stage.store.getAccount(accountId)).lastError).toContain('minutes after it was made');
    await isLinkedAnew();
  });

  it('that shows only as a state ends it as well (F21)', async () => {
    await shop.logoutDevice({ navigate: false });
    await isLoggedOut();
  });

  it.each<[string, Extract<FaultSpec, { kind: 'refusal' }>]>([
    ['before anybody looks', { kind: 'refusal', mode: 'early' }],
    ['100 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 100 }],
    ['1000 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 1_000 }],
    ...more<[string, Extract<FaultSpec, { kind: 'refusal' }>]>(
      ['300 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 300 }],
      ['2500 ms after the load', { kind: 'refusal', mode: 'late', delayMs: 2_500 }],
    ),
    ['by a state only', { kind: 'refusal', mode: 'state-only' }],
  ])('while it was down is learnt %s (F22)', async (_title, refusal) => {
    await stage.reopen();
    await shop.logoutDevice();
    await set(refusal);
    await stage.pool.restore();
    await isLoggedOut();
  });
});

describe('a start and an end that cross', () => {
  it.each([20, 150, ...more(0, 400, 700)])(
    'an end %i ms after a start leaves no browser (F27)',
    async (delayMs) => {
      await stage.reopen();
      await stage.pool.start(accountId);
      // The very instant is what is tested: nothing tells of it.
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await stage.reopen();
      expect(stage.browsers(accountId)).toEqual([]);
      await stage.pool.restore();
      await comesBack();
    },
  );

  it('starts that come at once end in one browser (F31)', async () => {
    await Promise.all([1, 2, 3].map(() => stage.pool.start(accountId)));
    await comesBack();
    const roots = stage
      .browsers(accountId)
      .filter((pid) => !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type='));
    expect(roots).toHaveLength(1);
  });
});
