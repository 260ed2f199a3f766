import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DEFAULT_TENANT, makeAccountId, parseInstanceId } from '../../../src/accounts/ids.ts';
import type { Channel } from '../../../src/channels/channel.ts';
import { welcome } from '../../../src/cli/first-account.ts';
import { insertAccount } from '../../../src/db/account-directory.ts';
import { openDatabase } from '../../../src/db/database.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

const DEFAULTS = { dailyLimit: 1_000, timezone: 'UTC' };
const HERE = parseInstanceId('here');

let database: TestDatabase;
let opened: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog, poolSize: 1 });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await opened.db.deleteFrom('accounts').execute();
});

/** What is written at a start, and the accounts that are started. */
async function start(isTerminal: boolean) {
  const started: string[] = [];
  let written = '';
  await welcome({
    defaults: DEFAULTS,
    db: opened.db,
    channel: { start: async (id: string) => void started.push(id) } as unknown as Channel,
    instanceId: HERE,
    isTerminal,
    cli: 'cli',
    write: (text) => {
      written += text;
    },
  });
  return { started, written };
}

async function insert({
  instanceId = HERE,
  ...state
}: {
  instanceId?: typeof HERE;
  linked?: boolean;
  wanted?: boolean;
}) {
  const id = makeAccountId();
  await insertAccount(opened.db, {
    ...DEFAULTS,
    id,
    tenantId: DEFAULT_TENANT,
    instanceId,
    expectedPhoneNumber: null,
    displayName: 'Shop',
  });
  await opened.db.updateTable('accounts').set(state).where('id', '=', id).execute();
  return id;
}

it('makes a first account at a terminal, and prints the command elsewhere', async () => {
  const { started, written } = await start(false);
  expect([started, written]).toEqual([[], expect.stringContaining('cli link "My business"')]);
  expect((await start(true)).started).toHaveLength(1);
});

it('tells the person at a terminal which accounts wait for somebody to link them', async () => {
  const id = await insert({ linked: false, wanted: false });
  await insert({ linked: true, wanted: true });
  await insert({ linked: false, wanted: true });
  await insert({ linked: false, wanted: false, instanceId: parseInstanceId('elsewhere') });
  expect(await start(true)).toEqual({
    started: [],
    written: `1 account is not linked: cli link --account ${id}\n`,
  });
  expect(await start(false)).toEqual({ started: [], written: '' });
});
