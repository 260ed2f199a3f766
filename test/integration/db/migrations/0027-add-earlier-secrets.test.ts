import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase } from '../../../../src/db/database.ts';
import { up } from '../../../../src/db/migrations/0027-add-earlier-secrets.ts';
import { rowToSecrets } from '../../../../src/db/webhook-secret-store.ts';
import { openTestDatabase } from '../../../support/database.ts';
import { silentLog } from '../../../support/silent-log.ts';

it('keeps the secret before the newest for as long as it signs, and leaves it to older daemons', async () => {
  await using database = await openTestDatabase();
  await using opened = openDatabase({ connection: database.connection, log: silentLog });
  const { db } = opened;
  await sql`alter table webhooks drop column earlier_secrets`.execute(db);
  // Long enough for its base64 to be broken into lines.
  const previous = Buffer.alloc(120, 7);
  const until = new Date(Date.now() + 3_600_000);
  const lapsed = new Date(Date.now() - 1_000);
  await sql`
    insert into webhooks
      (id, tenant_id, url, events, created_by, sealed_secret, description, sealed_previous, previous_until)
    values
      (gen_random_uuid(), 'default', 'u', '{}', 'c', 'new', 'rotated', ${previous}, ${until}),
      (gen_random_uuid(), 'default', 'u', '{}', 'c', 'new', 'lapsed', ${previous}, ${lapsed}),
      (gen_random_uuid(), 'default', 'u', '{}', 'c', 'new', 'never', null, null)`.execute(db);

  await up(db as unknown as Parameters<typeof up>[0]);

  const rows = await db.selectFrom('webhooks').selectAll().execute();
  const of = (name: string) => rows.filter(({ description }) => description === name);
  const current = Buffer.from('new');
  expect(of('rotated').map(rowToSecrets)).toEqual([{ current, earlier: [{ sealed: previous, until }] }]);
  expect(of('lapsed').map(({ earlier_secrets: earlier }) => earlier)).toEqual([[]]);
  expect(of('never').map(rowToSecrets)).toEqual([{ current, earlier: [] }]);
  expect(of('rotated')).toMatchObject([{ sealed_previous: previous, previous_until: until }]);
});
