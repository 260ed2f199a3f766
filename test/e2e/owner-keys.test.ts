import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type DaemonProcess, startDaemon } from '../../scripts/daemon-process.ts';
import { openTestDatabase } from '../support/database.ts';
import { openOwnRedis } from '../support/own-redis.ts';
import { openTemporaryFolder } from '../support/temporary-folder.ts';

it('each of two instances keeps the key that it made, which is good at both, whoever of them is restarted', async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openTestDatabase());
  const redis = stack.use(await openOwnRedis(['--maxmemory-policy', 'noeviction']));
  const { path: folder } = stack.use(await openTemporaryFolder());
  const stores = { DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
  const start = async (name: string): Promise<DaemonProcess> => {
    const own = { DATA_PATH: join(folder, name), LOG_DIR: join(folder, name, 'logs') };
    return stack.use(await startDaemon({ env: { ...stores, ...own, OWNER_API_KEY: '' } }));
  };
  const readKey = async (name: string) =>
    (await readFile(join(folder, name, 'owner-api-key'), 'utf8')).trim();
  const ask = async ({ url }: DaemonProcess, key: string) =>
    (await fetch(`${url}/api/v1/whatsapp/accounts`, { headers: { 'x-api-key': key } })).status;

  let [one, two] = [await start('one'), await start('two')];
  const keys = [await readKey('one'), await readKey('two')];
  expect(new Set(keys).size).toBe(2);
  const askAll = () => Promise.all([one, two].flatMap((daemon) => keys.map((key) => ask(daemon, key))));
  expect(await askAll()).toEqual([200, 200, 200, 200]);

  await one.stop();
  one = await start('one');
  expect(await askAll()).toEqual([200, 200, 200, 200]);
  await two.stop();
  two = await start('two');
  expect(await askAll()).toEqual([200, 200, 200, 200]);
  expect([await readKey('one'), await readKey('two')]).toEqual(keys);
});
