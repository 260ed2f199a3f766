import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openStage } from '../support/stage.ts';

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
