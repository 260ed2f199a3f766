import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import wwebjs from 'whatsapp-web.js';
import type { Phone } from '../../../../simulator/client.ts';
import type { PasskeyLook } from '../../../../simulator/protocol.ts';
import type { AccountId } from '../../../../src/accounts/ids.ts';
import { PoolStage } from '../../../support/pool-stage.ts';
import { listTree } from '../../../support/process-tree.ts';

let stage: PoolStage;
let shop: Phone;
let accountId: AccountId;
let count = 0;

beforeAll(async () => {
  stage = await PoolStage.open({ timings: { pairingCodeRefreshMs: 60_000 } });
});

beforeEach(async () => {
  count += 1;
  shop = await stage.world.phone(`pairing-${count}`);
});

afterEach(async () => {
  await stage.world.faults.clear();
  await stage.pool.disconnect(accountId);
});

afterAll(async () => {
  const missing = await stage.world.missingModules();
  await stage[Symbol.asyncDispose]();
  expect(missing).toEqual([]);
});

const expected = () => `+${shop.number}`;

/** The pairing code that is shown, other than that one. */
const code = (not?: string) =>
  stage.until('a pairing code', () => {
    const last = stage.of(accountId).pairingCodes.at(-1);
    return last !== null && last !== not ? last : undefined;
  });

const refuseCode = (mode: 'refuse' | 'hang') =>
  stage.world.faults.set({ kind: 'pairing-code', mode, phone: shop.name, count: 1 });

const states = () => stage.of(accountId).states.map(({ state }) => state);

describe('pairing by a code', () => {
  it('links the phone that types it, shows no QR, and takes the code back', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.pool.start(accountId);
    expect(await code()).toMatch(/^[1-9A-Z]{8}$/);
    await stage.reached(accountId, 'awaiting_scan', null);
    expect(await stage.store.getAccount(accountId)).toMatchObject({
      state: 'awaiting_scan',
      pairingCodeExpiresAt: expect.any(Date),
    });
    await shop.enterCode(await code());
    await stage.connected(accountId);
    expect(stage.of(accountId).qrs.filter(Boolean)).toEqual([]);
    expect(await stage.store.getAccount(accountId)).toMatchObject({ linked: true, pairingCode: null });
    await stage.reopen();
    await stage.pool.restore();
    await stage.connected(accountId, 2);
    expect(stage.of(accountId).pairingCodes.filter(Boolean)).toHaveLength(1);
  });

  it('replaces the code before it dies', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.reopen({ timings: { pairingCodeRefreshMs: 300 } });
    await stage.pool.start(accountId);
    const first = await code();
    expect(await code(first)).not.toBe(first);
    await stage.reopen();
  });

  it('keeps the code when the QR references below it are used up (A6)', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.pool.start(accountId);
    const shown = await code();
    await stage.world.exhaustQr();
    // Answered after the page has heard of it.
    await stage.world.page({ do: 'push-state', times: 1 });
    await shop.enterCode(shown);
    await stage.connected(accountId);
    expect(stage.of(accountId).pairingCodes.filter(Boolean)).toEqual([shown]);
  });

  it('asks for another when the page was loaded anew, which took the first one back', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.pool.start(accountId);
    const first = await code();
    await stage.world.page({ do: 'reload' });
    await shop.enterCode(await code(first));
    await stage.connected(accountId);
  });

  it('says that WhatsApp gives none, and asks for no more until a user does (A3, F42)', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.reopen({ timings: { pairingCodeRefreshMs: 500 } });
    await refuseCode('refuse');
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'disconnected', 'pairing_code_refused');
    expect(await stage.rested(accountId)).toMatchObject({
      lastError: expect.stringContaining('too many codes'),
      wanted: false,
    });
    expect(stage.browsers(accountId)).toEqual([]);
    await stage.pool.start(accountId, { fresh: true });
    const shown = await code();
    await refuseCode('refuse');
    await stage.reached(accountId, 'disconnected', 'pairing_code_refused', 2);
    await stage.rested(accountId);
    expect(stage.of(accountId).pairingCodes.at(-1)).toBeNull();
    await stage.reopen();
    await stage.pool.start(accountId, { fresh: true });
    await shop.enterCode(await code(shown));
    await stage.connected(accountId);
  });

  it('tries again when WhatsApp does not answer (F42)', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.reopen({ timings: { callDeadlineMs: 1_000 } });
    await refuseCode('hang');
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    await shop.enterCode(await code());
    await stage.connected(accountId);
    await stage.reopen();
  });

  it('asks for none on behalf of a number that was linked: it was logged out (F22)', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.pool.start(accountId);
    await shop.enterCode(await code());
    await stage.connected(accountId);
    const asked = await stage.world.faults.set({ kind: 'pairing-code', mode: 'refuse', phone: shop.name });
    await stage.world.faults.set({ kind: 'refusal', mode: 'early', phone: shop.name });
    for (const pid of stage.browsers(accountId)) process.kill(pid, 'SIGSTOP');
    await shop.logoutDevice();
    for (const pid of stage.browsers(accountId)) process.kill(pid, 'SIGKILL');
    await stage.reached(accountId, 'needs_human', 'logged_out');
    expect((await stage.world.faults.list()).find(({ id }) => id === asked.id)?.struck).toBe(0);
  });

  it('gives up when nobody types one, and its slot is free again', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.reopen({ timings: { pairingCodeRefreshMs: 50, pairingCodesBeforeGivingUp: 3 } });
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'disconnected', 'qr_given_up');
    await stage.rested(accountId);
    const told = stage.of(accountId).pairingCodes;
    expect(told.at(-1)).toBeNull();
    expect(told.filter((each) => each !== null)).toHaveLength(3);
    await stage.reopen();
  });

  it('offers a code again after a logout', async () => {
    accountId = await stage.create({ expected: expected(), pairing: 'code' });
    await stage.pool.start(accountId);
    const first = await code();
    await shop.enterCode(first);
    await stage.connected(accountId);
    await shop.logoutDevice();
    await stage.rested(accountId);
    await stage.pool.start(accountId, { fresh: true });
    await shop.enterCode(await code(first));
    await stage.connected(accountId, 2);
  });
});

describe('a demand for a passkey (A24)', () => {
  beforeEach(async () => {
    await stage.world.faults.set({ kind: 'passkey', mode: 'demand', phone: shop.name });
    accountId = await stage.create();
    await stage.pool.start(accountId);
    await stage.scan(accountId, shop);
    await stage.reached(accountId, 'needs_human', 'passkey');
  });

  it('is told as what it is, and linking goes on when the phone approves', async () => {
    await shop.answerPasskey(true);
    await stage.connected(accountId);
    await stage.reached(accountId, 'connected', null);
    expect(states().slice(0, 3)).toEqual(['starting', 'awaiting_scan', 'needs_human']);
  });

  it('stands while the QR codes rotate below it, and once declined there is one to scan again', async () => {
    await stage.world.rotateQr();
    await shop.answerPasskey(false);
    await stage.world.rotateQr();
    await stage.reached(accountId, 'awaiting_scan', null, 2);
    // The one that is valid now; the rotation before may have been told, too.
    const [waiting] = (await stage.world.truth()).waitingPages;
    const valid = await stage.until('the QR code that is valid', () =>
      stage.of(accountId).qrs.find((qr) => qr?.startsWith(`${waiting?.ref},`)),
    );
    await shop.scan(String(valid));
    await stage.reached(accountId, 'needs_human', 'passkey', 2);
    await shop.answerPasskey(true);
    await stage.connected(accountId);
    await stage.reached(accountId, 'connected', null);
    expect(states().slice(0, 5)).toEqual([
      'starting',
      'awaiting_scan',
      'needs_human',
      'awaiting_scan',
      'needs_human',
    ]);
  });

  it('shows a code again if the page stands still meanwhile (F9)', async () => {
    const isRenderer = (pid: number) =>
      listTree(pid).some((entry) => entry.pid === pid && entry.commandLine.includes('--type=renderer'));
    for (const pid of stage.browsers(accountId).filter(isRenderer)) process.kill(pid, 'SIGSTOP');
    await stage.reached(accountId, 'reconnecting', 'page_unresponsive');
    await stage.reached(accountId, 'awaiting_scan', null, 2);
  });

  it('ends the session if nobody answers, with an alert that says what to do', async () => {
    await stage.reopen({ timings: { passkeyDeadlineMs: 500 } });
    await stage.pool.start(accountId, { fresh: true });
    const seen = stage.of(accountId).qrs.filter(Boolean).length;
    await shop.scan(
      String(await stage.until('a new QR', () => stage.of(accountId).qrs.filter(Boolean)[seen])),
    );
    await stage.until('an alert', () =>
      stage.of(accountId).alerts.find(({ reason }) => reason === 'passkey'),
    );
    expect(await stage.rested(accountId)).toMatchObject({
      state: 'needs_human',
      reason: 'passkey',
      wanted: false,
    });
    expect(stage.browsers(accountId)).toEqual([]);
    await stage.reopen();
  });
});

describe('a demand for a passkey that the page shows in another way (A24)', () => {
  const demand = async (mode: PasskeyLook) => {
    // A while after the scan: the log-in screen has been seen by then.
    await stage.world.faults.set({ kind: 'passkey', mode, delayMs: 2_000, phone: shop.name });
    accountId = await stage.create();
    await stage.pool.start(accountId);
    await stage.scan(accountId, shop);
  };

  it.each<[PasskeyLook, string]>([
    ['dialog', 'by a dialog alone'],
    ['webauthn', 'by a call of WebAuthn alone'],
    ['element', 'by a mere element'],
    ['language', 'in another language'],
  ])('is told as what it is: %s, %s', async (mode) => {
    await demand(mode);
    await stage.reached(accountId, 'needs_human', 'passkey');
    await shop.answerPasskey(true);
    await stage.connected(accountId);
    await stage.reached(accountId, 'connected', null);
    expect(stage.of(accountId).alerts.map(({ reason }) => reason)).toEqual(['passkey']);
  });

  it('is told as a likely cause if it is not shown at all, and the browser is not started for ever', async () => {
    await stage.reopen({ timings: { readyDeadlineMs: 2_000 } });
    await demand('silent');
    await stage.reached(accountId, 'needs_human', 'link_stalled');
    expect(await stage.rested(accountId)).toMatchObject({ reason: 'link_stalled', wanted: false });
    expect(stage.of(accountId).alerts).toMatchObject([
      { kind: 'needs_human', reason: 'link_stalled', text: expect.stringContaining('passkey') },
    ]);
    expect(states().slice(states().indexOf('pairing'))).toEqual(['pairing', 'needs_human']);
    await stage.reopen();
  });
});

it('takes a log-in screen that speaks of passkeys for no demand, though it is drawn behind its code (A24)', async () => {
  await stage.reopen({ timings: { loginScreenMs: 3_000, levelCheckMs: 100 } });
  const { qrFirstMs = 0, qrNextMs = 0, qrCount = 0 } = await stage.world.settings({});
  await stage.world.settings({ qrFirstMs: 500, qrNextMs: 500, qrCount: 30 });
  const hint = await stage.world.faults.set({ kind: 'login-screen', mode: 'passkey-hint', delayMs: 200 });
  accountId = await stage.create();
  await stage.pool.start(accountId);
  await stage.world.waitFor({ fault: hint.id, struck: 1 });
  const codes = () => stage.of(accountId).qrs.filter(Boolean);
  const drawn = codes().length;
  // Each is told by a page that has been looked at several times since the last.
  await stage.until('codes above it', () => codes().length > drawn + 4);
  await stage.world.settings({ qrFirstMs, qrNextMs });
  await stage.world.rotateQr();
  const [waiting] = (await stage.world.truth()).waitingPages;
  await shop.scan(
    String(
      await stage.until('the last code', () => codes().find((qr) => qr?.startsWith(`${waiting?.ref},`))),
    ),
  );
  await stage.connected(accountId);
  expect(stage.of(accountId).alerts).toEqual([]);
  await stage.world.settings({ qrCount });
  await stage.reopen();
});

it('shows on the phone under a name of ours', async () => {
  accountId = await stage.create({ displayName: 'Shop in Berlin' });
  await stage.pool.start(accountId);
  await stage.scan(accountId, shop);
  await stage.connected(accountId);
  expect((await shop.view()).devices).toMatchObject([{ name: 'Switchboard (Shop in Berlin)' }]);
});

it('is over, and says so, when the library cannot bring its stored session back', async () => {
  const failure = { failed: true, failureEventPayload: 'the stored session is damaged', restart: false };
  const auth: { onAuthenticationNeeded(): Promise<object> } = Object(wwebjs.LocalAuth.prototype);
  const strategy = vi.spyOn(auth, 'onAuthenticationNeeded').mockResolvedValue(failure);
  try {
    accountId = await stage.create();
    await stage.pool.start(accountId);
    await stage.reached(accountId, 'needs_human', 'auth_failed');
  } finally {
    strategy.mockRestore();
  }
  expect(await stage.rested(accountId)).toMatchObject({
    reason: 'auth_failed',
    lastError: 'the stored session is damaged',
    wanted: false,
    linked: false,
  });
  expect(stage.browsers(accountId)).toEqual([]);
  expect(stage.of(accountId).alerts.map(({ reason }) => reason)).toEqual(['auth_failed']);
  await stage.pool.start(accountId, { fresh: true });
  await stage.scan(accountId, shop);
  await stage.connected(accountId);
});
