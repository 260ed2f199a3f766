import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Phone } from '../../simulator/client.ts';
import { untilFound } from '../support/patient-look.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { openTemporaryFolder } from '../support/temporary-folder.ts';

/** Far apart, one of them not by whole hours, and in no order of their midnights. */
const ZONES = ['Asia/Kathmandu', 'Pacific/Kiritimati', 'America/St_Johns'];
const LIMIT = 2;
const ACCEPTED = 2 * LIMIT + 1;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

interface Shop {
  readonly accountId: string;
  readonly phone: Phone;
  readonly zone: string;
  /** The first instant of its next date. */
  readonly midnight: number;
}

const resources = new AsyncDisposableStack();
let folder: string;
let stage: Stage;
let alice: Phone;
/** In the order of their midnights. */
const shops: Shop[] = [];

beforeAll(async () => {
  folder = resources.use(await openTemporaryFolder()).path;
  mkdirSync(folder, { recursive: true });
  const preload = new URL('../support/clock-step.ts', import.meta.url);
  preload.searchParams.set('folder', folder);
  stage = resources.use(await openStage({ env: { NODE_OPTIONS: `--import=${preload.href}` } }));
  alice = await stage.world.phone('alice');
  for (const zone of ZONES) {
    const phone = await stage.world.phone(`shop in ${zone.split('/')[1]}`);
    const accountId = await stage.link(phone);
    await stage.api.call('PATCH', `/accounts/${accountId}`, { dailyLimit: LIMIT, timezone: zone });
    shops.push({ accountId, phone, zone, midnight: nextMidnight(zone, Date.now()) });
  }
  shops.sort((a, b) => a.midnight - b.midnight);
});
afterAll(() => resources.disposeAsync());

/** The first instant at which the zone's date is another than now, to the millisecond. */
function nextMidnight(zone: string, now: number): number {
  const dateAt = (instant: number) => new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(instant);
  let [before, after] = [now, now + DAY_MS + 60 * MINUTE_MS];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dateAt(middle) === dateAt(now)) before = middle;
    else after = middle;
  }
  return after;
}

/** By how much the daemon's wall clock is off. */
let offsetMs = 0;

function setClock(ms: number): void {
  offsetMs = ms;
  writeFileSync(join(folder, 'clock'), String(ms));
}

/** Starts the daemon, which must be down, at that instant of its wall clock. */
async function startAt(instant: number): Promise<void> {
  setClock(instant - Date.now());
  await stage.start();
  for (const { accountId } of shops) await stage.api.reached(accountId, 'Connected');
}

/** The texts of a shop's messages in that status, in the order in which they were accepted. */
async function textsIn({ accountId }: Shop, isIt: (status: string) => boolean): Promise<(string | null)[]> {
  const messages = (await stage.api.messages(accountId)).toReversed();
  return messages.filter(({ status }) => isIt(status)).map(({ text }) => text);
}

const deferredOf = (shop: Shop) => textsIn(shop, (status) => status === 'deferred');
const carriedOf = async ({ phone }: Shop) =>
  (await stage.world.messages({ phone })).filter(({ from }) => from === phone.number).map(({ text }) => text);
const texts = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `message ${from + n}`);

/** Resolves once so many of a shop's messages were carried; they are the first ones, in their order. */
async function carries(shop: Shop, count: number): Promise<void> {
  await untilFound(`${count} messages of ${shop.phone.name}`, async () =>
    (await carriedOf(shop)).length >= count ? true : undefined,
  );
  expect(await carriedOf(shop)).toEqual(texts(1, count));
}

it('accepts and sends the limit of the day, and keeps the others', async () => {
  for (const shop of shops) {
    const statuses: string[] = [];
    for (const text of texts(1, ACCEPTED)) {
      const body = { to: `+${alice.number}`, text, onLimit: 'defer' };
      const accepted = await stage.api.call<{ status: string }>(
        'POST',
        `/accounts/${shop.accountId}/messages`,
        body,
      );
      statuses.push(accepted.status);
    }
    expect(statuses).toEqual(texts(1, ACCEPTED).map((_, n) => (n < LIMIT ? 'pending' : 'deferred')));
    await carries(shop, LIMIT);
  }
});

it('releases nothing before midnight', async () => {
  await stage.daemon().stop();
  await startAt((shops[0]?.midnight ?? 0) - 2.5 * MINUTE_MS);
  for (const shop of shops) {
    expect(await deferredOf(shop)).toEqual(texts(LIMIT + 1, ACCEPTED));
    expect((await stage.api.account(shop.accountId)).messagesSentToday).toBe(LIMIT);
  }
});

it('releases those of the first at its midnight while the daemon is up', async () => {
  const [first, ...others] = shops as [Shop, ...Shop[]];
  const { pid } = stage.daemon();
  const restMs = first.midnight - (Date.now() + offsetMs);
  expect(restMs).toBeGreaterThan(0);
  // By whole minutes: the jobs are due at the seconds at which they were.
  setClock(offsetMs + Math.floor(restMs / MINUTE_MS) * MINUTE_MS);
  await untilFound('The clock of the daemon', async () =>
    readFileSync(join(folder, `clock-${pid}`), 'utf8') === String(offsetMs) ? true : undefined,
  );
  await carries(first, 2 * LIMIT);
  expect(Date.now() + offsetMs).toBeGreaterThanOrEqual(first.midnight);
  expect(await deferredOf(first)).toEqual(texts(2 * LIMIT + 1, ACCEPTED));
  for (const other of others) expect(await carriedOf(other)).toEqual(texts(1, LIMIT));
});

it('releases those of the others after their own midnight, in their order, though the daemon was down over it', async () => {
  const others = shops.slice(1);
  for (const [index, shop] of others.entries()) {
    await (index % 2 === 0 ? stage.daemon().kill() : stage.daemon().stop());
    await startAt(shop.midnight + 2 * MINUTE_MS);
    await carries(shop, 2 * LIMIT);
    expect(await deferredOf(shop)).toEqual(texts(2 * LIMIT + 1, ACCEPTED));
    expect((await stage.api.account(shop.accountId)).messagesSentToday).toBe(LIMIT);
    for (const later of others.slice(index + 1)) {
      expect([later.zone, await deferredOf(later)]).toEqual([later.zone, texts(LIMIT + 1, ACCEPTED)]);
      expect(await carriedOf(later)).toEqual(texts(1, LIMIT));
    }
  }
});

it('sends what is left on the day after, and tells the days apart', async () => {
  await stage.daemon().kill();
  await startAt(Math.max(...shops.map(({ midnight }) => midnight)) + DAY_MS + 2 * MINUTE_MS);
  for (const shop of shops) {
    await carries(shop, ACCEPTED);
    expect(await deferredOf(shop)).toEqual([]);
    const days = await stage.api.call<{ date: string; sent: number }[]>(
      'GET',
      `/accounts/${shop.accountId}/usage`,
    );
    expect(days.slice(0, 3).map(({ sent }) => sent)).toEqual([1, LIMIT, LIMIT]);
  }
});
