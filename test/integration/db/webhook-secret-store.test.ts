import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { TenantId } from '../../../src/accounts/ids.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { resealSecrets, rotateSecret, rowToSecrets } from '../../../src/db/webhook-secret-store.ts';
import { insertWebhook } from '../../../src/db/webhook-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/silent-log.ts';

const HOUR_MS = 3_600_000;
const NOW = new Date('2026-03-01T12:00:00Z');
const after = (hours: number) => new Date(NOW.getTime() + hours * HOUR_MS);

const stack = new AsyncDisposableStack();
let db: Executor;
let id: string;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  ({ id } = await insertWebhook(db, {
    tenantId: 'default' as TenantId,
    accountId: null,
    url: 'https://shop.example/',
    description: null,
    events: [],
    createdBy: 'test',
    sealSecret: () => Buffer.from('first'),
  }));
});

const rotate = (secret: string, hours: number) =>
  rotateSecret(db, { id, sealed: Buffer.from(secret), previousUntil: after(hours + 24), now: after(hours) });

const readRow = () => db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

async function readSecrets(): Promise<readonly string[]> {
  const { current, earlier } = rowToSecrets(await readRow());
  return [current, ...earlier.map(({ sealed }) => sealed)].map(String);
}

/** As a daemon of the version before rotates. */
async function rotateAsBefore(secret: string, hours: number): Promise<void> {
  await sql`
    update webhooks set sealed_previous = sealed_secret, sealed_secret = ${Buffer.from(secret)},
      previous_until = ${after(hours + 24)} where id = ${id}`.execute(db);
}

it('leaves the secret before the newest to daemons of the version before', async () => {
  await rotate('second', 0);
  await rotate('third', 1);
  expect(await readRow()).toMatchObject({
    sealed_previous: Buffer.from('second'),
    previous_until: after(25),
  });
});

it('knows the secrets that daemons of the version before have replaced', async () => {
  await rotate('second', 0);
  await rotateAsBefore('third', 1);
  expect(await readSecrets()).toEqual(['third', 'second', 'first']);
  await rotate('fourth', 2);
  expect(await readSecrets()).toEqual(['fourth', 'third', 'second', 'first']);
});

it('seals anew what another key has sealed, wherever it stands, and counts the webhooks', async () => {
  await rotate('second', 0);
  const reseal = (of: string, sealed: Buffer) => (of === id ? Buffer.from(`${sealed} anew`) : undefined);
  expect(await resealSecrets(db, reseal)).toBe(1);
  expect(await readSecrets()).toEqual(['second anew', 'first anew']);
  expect(await readRow()).toMatchObject({ sealed_previous: Buffer.from('first anew') });
});
