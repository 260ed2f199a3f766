import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Phone } from '../../../../simulator/client.ts';
import type { ReasonCode } from '../../../../src/accounts/reason.ts';
import type { SessionState } from '../../../../src/accounts/state.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { isLongRun } from '../../../support/scale.ts';
import { StagedAccount } from '../../../support/staged-account.ts';

let stage: PoolStage;
let alice: Phone;
let account: StagedAccount;
let count = 0;

beforeAll(async () => {
  stage = await PoolStage.open();
  alice = await stage.world.phone('alice');
});

beforeEach(async () => {
  count += 1;
  const phone = await stage.world.phone(`shop-${count}`);
  account = new StagedAccount(stage, { id: await stage.link(phone), phone, peer: alice });
});

afterEach(() => account.endsWell());

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

/** Cases that differ little from others are for the long run. */
function more<T>(...cases: readonly T[]): readonly T[] {
  return isLongRun ? cases : [];
}

function leftInTemp(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^\.?org\.chromium\./.test(name));
}

describe('a browser', () => {
  it('that is killed is replaced (A10, F7)', async () => {
    const before = leftInTemp();
    process.kill(Number(account.roots()[0]), 'SIGKILL');
    await stage.reached(account.id, 'reconnecting', 'browser_died');
    await account.comesBack();
    await stage.pool.disconnect(account.id);
    expect(leftInTemp()).toEqual(before);
  });

  it('whose page crashes is replaced (A10, F8)', async () => {
    for (const pid of account.processes('--type=renderer')) process.kill(pid, 'SIGKILL');
    await stage.reached(account.id, 'reconnecting', 'page_crashed');
    await account.comesBack();
  });

  it('whose page stands still is replaced (F9)', async () => {
    for (const pid of account.processes('--type=renderer')) process.kill(pid, 'SIGSTOP');
    await stage.reached(account.id, 'reconnecting', 'page_unresponsive');
    await account.comesBack();
  });

  it('whose page is busy for ever is replaced (F9)', async () => {
    await account.phone.page({ do: 'busy', ms: 60_000 });
    await stage.reached(account.id, 'reconnecting', 'page_unresponsive');
    await account.comesBack();
  });

  it('that stands still as a whole is killed and replaced (A11, F10)', async () => {
    process.kill(Number(account.roots()[0]), 'SIGSTOP');
    await stage.reached(account.id, 'reconnecting', 'page_unresponsive');
    await account.comesBack();
  });

  it('that stands still does not keep the pool from closing (A11, F10)', async () => {
    process.kill(Number(account.roots()[0]), 'SIGSTOP');
    await stage.reopen();
    expect(stage.browsers(account.id)).toEqual([]);
    await stage.pool.restore();
    await account.comesBack();
  });
});

describe('a page', () => {
  it('that loses its line and finds it again keeps its session (F1)', async () => {
    await account.phone.page({ do: 'drop', ms: 1_000 });
    await account.receives('during the drop');
    await account.sends('after the drop', 1);
    // The line may be said to be down meanwhile; the browser and its page stay.
    expect(account.falls()).toEqual([]);
    expect(stage.of(account.id).connections).toHaveLength(1);
  });

  it('whose sync goes off and on again is not ready twice (F2)', async () => {
    await account.phone.page({ do: 'toggle-sync' });
    await account.phone.page({ do: 'drop', ms: 200, toggleSync: true });
    await account.receives('after the toggle');
    expect(stage.of(account.id).connections).toHaveLength(1);
  });

  it('that reloads is ready again in the same browser, and its session a new one (F3)', async () => {
    const pid = account.roots()[0];
    await account.phone.page({ do: 'reload' });
    await account.comesBack();
    expect(account.roots()[0]).toBe(pid);
    expect(account.falls()).toEqual([]);
    expect(stage.of(account.id).connections[0]?.signal.aborted).toBe(true);
  });

  it('that reloads and navigates again before it has synced tells everything once (F5, F6)', async () => {
    await account.set({ kind: 'sync', mode: 'at', delayMs: 1_000 });
    const logins = (await account.phone.view()).devices.reduce((sum, device) => sum + device.logins, 0);
    await account.phone.page({ do: 'reload' });
    await stage.world.waitFor({ logins: logins + 1, phone: account.phone.name });
    await account.phone.page({ do: 'push-state', times: 2 });
    await account.phone.page({ do: 'iframe', times: 2 });
    await account.comesBack();
    await account.phone.page({ do: 'toggle-sync' });
    await account.receives('after it all');
    expect(stage.of(account.id).connections).toHaveLength(2);
  });

  it.each(['push-state', 'iframe'] as const)(
    'that navigates within itself (%s) is left alone (F5)',
    async (kind) => {
      await account.phone.page({ do: kind, times: 3 });
      await account.phone.page({ do: 'toggle-sync' });
      await account.receives('after the navigation');
      expect(stage.of(account.id).connections).toHaveLength(1);
      expect(account.falls()).toEqual([]);
    },
  );

  it('that reloads into a page without WhatsApp is replaced (A3, F14)', async () => {
    await account.set({ kind: 'page', mode: 'blank', count: 1 });
    await account.phone.page({ do: 'reload' });
    await stage.reached(account.id, 'reconnecting', 'launch_failed');
    await account.comesBack();
  });

  it('that reloads while its server is away is replaced (A3, F14)', async () => {
    await account.set({ kind: 'page', mode: 'reset' });
    await account.phone.page({ do: 'reload' });
    await stage.reached(account.id, 'reconnecting', 'page_unreachable');
    await stage.world.faults.clear();
    await account.comesBack();
  });

  it('that navigates away is replaced (F14)', async () => {
    await account.phone.page({ do: 'navigate', url: 'about:blank' });
    await stage.reached(account.id, 'reconnecting', 'launch_failed');
    await account.comesBack();
  });

  it('that reloads while its server hangs is replaced (F15)', async () => {
    await account.set({ kind: 'page', mode: 'hang', count: 1 });
    await account.phone.page({ do: 'reload' });
    await stage.reached(account.id, 'reconnecting', 'page_unresponsive');
    await stage.world.faults.clear();
    await account.comesBack();
  });
});

describe('a state that WhatsApp pushes', () => {
  it.each<[string, SessionState, ReasonCode]>([
    ['CONFLICT', 'needs_human', 'replaced'],
    ['TOS_BLOCK', 'needs_human', 'banned'],
    ...more<[string, SessionState, ReasonCode]>(['SMB_TOS_BLOCK', 'needs_human', 'banned']),
    ['DEPRECATED_VERSION', 'needs_human', 'client_outdated'],
  ])('%s ends the session as %s for %s, and its link is kept (A13, F16)', async (pushed, state, reason) => {
    await account.phone.page({ do: 'state', state: pushed });
    await stage.reached(account.id, state, reason);
    expect(await stage.rested(account.id)).toMatchObject({ state, reason, wanted: false, linked: true });
    expect(stage.browsers(account.id)).toEqual([]);
    expect(stage.hasProfile(account.id)).toBe(true);
    await stage.pool.start(account.id);
    // From here on the API takes messages for it.
    expect(await stage.store.getAccount(account.id)).toMatchObject({ reason: null });
    await account.comesBack();
    expect(account.codes()).toBe(1);
  });

  it.each<[string, ReasonCode]>([
    ['PROXYBLOCK', 'proxy_blocked'],
    ['UNPAIRED', 'connection_lost'],
    ['UNPAIRED_IDLE', 'connection_lost'],
  ])('%s makes the session start anew, without a scan (A9, A13, F16, F17)', async (pushed, reason) => {
    await account.phone.page({ do: 'state', state: pushed });
    await stage.reached(account.id, 'reconnecting', reason);
    await account.comesBack();
    expect(account.codes()).toBe(1);
  });

  it.each(['OPENING', 'TIMEOUT', ...more('SOMETHING_NEW')])(
    '%s, if it lasts, is said, and mended by asking the page to try again (A9, F17)',
    async (pushed) => {
      await account.phone.page({ do: 'state', state: pushed });
      await stage.reached(account.id, 'reconnecting', 'connection_lost');
      await stage.reached(account.id, 'connected', null, 2);
      await account.receives('after the line came back');
      await account.sends('after the line came back', 1);
      expect(stage.of(account.id).connections).toHaveLength(1);
    },
  );

  it('OPENING that no asking mends makes the session start anew, without a scan (A9, F17)', async () => {
    const fault = await account.set({ kind: 'login', mode: 'hang' });
    await account.phone.page({ do: 'drop', ms: 10 });
    await stage.until('a restart', () => account.falls().find(({ attempt }) => attempt === 1));
    await stage.world.faults.clear(fault.id);
    await account.comesBack();
    expect(account.codes()).toBe(1);
  });
});

describe('a start and an end that cross', () => {
  it.each([0, 20, 150, 400, ...more(700)])(
    'an end %i ms after a start leaves no browser (F27)',
    async (delayMs) => {
      await stage.reopen();
      await stage.pool.start(account.id);
      // The very instant is what is tested: nothing tells of it.
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await stage.reopen();
      expect(stage.browsers(account.id)).toEqual([]);
      expect(stage.of(account.id).states.at(-1)).toMatchObject({
        state: 'disconnected',
        reason: 'daemon_stopped',
      });
      await stage.pool.restore();
      await account.comesBack();
    },
  );

  it('starts that come at once end in one browser (F31)', async () => {
    await Promise.all([1, 2, 3].map(() => stage.pool.start(account.id)));
    await account.comesBack();
    expect(account.roots()).toHaveLength(1);
  });
});
