import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openTestDatabase } from '../support/database.ts';
import { openStage } from '../support/stage.ts';
import { StoredHistory } from '../support/stored-history.ts';

it('restores every account at a start; one that fails delays no other, and the log says how far it is', async () => {
  await using stage = await openStage();
  const { world, api } = stage;
  const alice = await world.phone('alice');
  const shops = await Promise.all(['one', 'two', 'three'].map((name) => world.phone(name)));
  const accounts: string[] = [];
  for (const shop of shops) accounts.push(await stage.link(shop));
  await stage.daemon().stop();
  await world.faults.set({ kind: 'page', mode: 'reset', phone: 'one' });
  await stage.start();

  const progress = async () => {
    const lines = (await readFile(join(stage.folder, 'logs', 'combined.log'), 'utf8')).trim().split('\n');
    return lines
      .map((line) => JSON.parse(line).progress as string | undefined)
      .filter((each) => each !== undefined);
  };
  const [failing, ...others] = accounts;
  for (const accountId of others) await api.reached(accountId, 'Connected');
  const half = `2/3 restored, 1 failed: ${failing} (page_unreachable)`;
  await api.until(half, async () => (await progress()).find((each) => each === half));
  expect(await api.account(String(failing))).toMatchObject({
    connectionStatus: 'Reconnecting',
    reason: { code: 'page_unreachable' },
  });
  const { id } = await alice.send(shops[1] ?? 'two', 'served meanwhile');
  await world.waitFor({ receipted: id, phone: 'two' });

  await world.faults.clear();
  await api.reached(String(failing), 'Connected');
  await api.until('3/3', async () => (await progress()).find((each) => each === '3/3 restored'));
});

/** As many as the default of WHATSAPP_MAX_CONNECTIONS. */
const MANY = 10;

it('makes ten linked accounts ready that start at once (A19; the library alone brings up four of them)', async () => {
  await using database = await openTestDatabase();
  await using history = new StoredHistory(database.url);
  await using stage = await openStage({ env: { DATABASE_URL: database.url } });
  const { world, api } = stage;
  const alice = await world.phone('alice');
  const shops = await Promise.all(Array.from({ length: MANY }, (_, n) => world.phone(`shop-${n}`)));
  const accounts = await Promise.all(shops.map((shop) => stage.link(shop)));
  await stage.daemon().stop();

  const startedAt = Date.now();
  await stage.start();
  await Promise.all(accounts.map((accountId) => api.reached(accountId, 'Connected')));
  const readyMs = await Promise.all(
    accounts.map(async (accountId) => {
      const events = await history.since(accountId, startedAt);
      const states = events.map(({ state }) => state).filter((state) => state !== 'syncing');
      expect(states).toEqual(['starting', 'connected']);
      return (events.at(-1)?.at ?? Number.NaN) - startedAt;
    }),
  );
  const times = readyMs.toSorted((a, b) => a - b).map((ms) => (ms / 1_000).toFixed(1));
  console.log(`ten accounts at once, ready after so many seconds: ${times.join(' ')}`);
  await Promise.all(
    shops.map(async (shop, n) => {
      await alice.send(shop, `to ${shop.name}`);
      await api.message(String(accounts[n]), shop.name, ({ text }) => text === `to ${shop.name}`);
    }),
  );
});
