import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../src/db/database.ts';
import { openTestDatabase } from '../support/database.ts';
import { MARKERS, observable, plantMarkers, readMarkers } from '../support/page-markers.ts';
import { silentLog } from '../support/silent-log.ts';
import { openStage, type Stage } from '../support/stage.ts';

const KEY = 'c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2';

const stack = new AsyncDisposableStack();
let stage: Stage;
let db: Executor;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  const connection = { connectionString: database.url };
  db = stack.use(openDatabase({ connection, log: silentLog, poolSize: 1 })).db;
  stage = stack.use(await openStage({ env: { ENCRYPTION_KEY: KEY, DATABASE_URL: database.url } }));
  await stage.daemon().stop();
  await stage.start(observable(stage));
});
afterAll(() => stack.disposeAsync());

/** Generations of which the database has a whole copy, newest first. */
async function listCopies(): Promise<number[]> {
  const rows = await db
    .selectFrom('vault_snapshots')
    .select(['generation', 'copies'])
    .orderBy('generation', 'desc')
    .execute();
  return rows.filter(({ copies }) => copies.includes('database')).map(({ generation }) => Number(generation));
}

it('brings a new link back whole from the database if the machine is lost a minute after the scan', async () => {
  const shop = await stage.world.phone('shop');
  const accountId = await stage.link(shop);
  const devices = (await shop.view()).devices.map(({ id }) => id);
  await plantMarkers(stage, accountId);
  // The follow-up of the first snapshot, which the browser has not written all of the link down for.
  await stage.api.until('A second copy', async () => (await listCopies()).find((each) => each > 1));
  await stage.daemon().kill();
  for (const folder of ['live', 'sessions'])
    await rm(join(stage.folder, 'data', folder), { recursive: true });
  await stage.start(observable(stage));
  await stage.api.reached(accountId, 'Connected');
  expect((await shop.view()).devices.map(({ id }) => id)).toEqual(devices);
  expect(stage.daemon().output()).not.toContain('scan this code');
  expect(await readMarkers(stage, accountId)).toEqual(MARKERS);
});
