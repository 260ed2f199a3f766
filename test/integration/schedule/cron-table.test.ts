import { sql } from 'kysely';
import { validate } from 'node-cron';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_TENANT } from '../../../src/accounts/ids.ts';
import { countOfAccount } from '../../../src/db/account-count.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { ingestEvents } from '../../../src/db/ingest-store.ts';
import { MONTHS_AHEAD } from '../../../src/db/partitions.ts';
import { saveRetention } from '../../../src/db/retention.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { makeCronTable } from '../../../src/schedule/cron-table.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount, messageEvent } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';

let database: TestDatabase;
let opened: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** The table, with what the app wires to it left out. */
function cronTable(clock: Clock = systemClock) {
  return makeCronTable({
    db: opened.db,
    clock,
    removeOrphanProfiles: async () => 0,
    finishWipes: async () => 0,
    catchUpVaults: async () => 0,
    removeCutOffVaults: async () => 0,
    removeOrphanVaults: async () => 0,
    removeUnreferredMedia: async () => 0,
    reviewHealth: () => 0,
    turnDays: async () => 0,
  });
}

/** Runs a job of the table by its name and tells what it changed. */
function run(name: string, clock?: Clock): Promise<number> {
  const job = cronTable(clock).find((candidate) => candidate.name === name);
  if (job === undefined) throw new Error(`There is no job ${name}.`);
  return job.run();
}

describe('the cron table', () => {
  it('holds times that the scheduler understands, and each name once', () => {
    const table = cronTable();
    expect(table.filter((job) => !validate(job.cron))).toEqual([]);
    expect(new Set(table.map((job) => job.name)).size).toBe(table.length);
  });

  it('does at the start what may have fallen due while no daemon ran', () => {
    const atStart = cronTable().filter((job) => job.isDueAtStart);
    expect(atStart.map((job) => job.name)).toEqual(['catch-up-vaults', 'turn-days']);
  });

  it('makes the partitions of the months to come before they begin, once', async () => {
    const existing = async () => {
      const { rows } = await sql<{ name: string }>`
        select inhrelid::regclass::text as name from pg_inherits
        where inhparent = 'messages'::regclass`.execute(opened.db);
      return rows.map(({ name }) => name);
    };
    const later: Clock = { ...systemClock, now: () => Date.UTC(2090, 10, 30) };
    expect(await run('create-message-partitions', later)).toBe(MONTHS_AHEAD + 2);
    const months = ['messages_2090_10', 'messages_2090_11', 'messages_2090_12', 'messages_2091_01'];
    expect(await existing()).toEqual(expect.arrayContaining(months));
    expect(await run('create-message-partitions', later)).toBe(0);
  });

  it('deletes the positions of runs that were over a month ago', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into inbound_positions (account_id, run, next, updated_at) values
        (${accountId}, 'old', 3, now() - interval '31 days'),
        (${accountId}, 'young', 3, now() - interval '29 days')`.execute(opened.db);
    expect(await run('delete-old-inbound-positions')).toBe(1);
  });

  it('deletes what was set apart after 90 days, or when its tenant no longer keeps messages, however much there is', async () => {
    const accountId = await insertTestAccount(opened.db);
    const insert = (ages: string) =>
      sql`
        insert into rejected_events (account_id, event, error, created_at)
        select ${accountId}, '{}', days::text, now() - days * interval '1 day' from ${sql.raw(ages)} days`.execute(
        opened.db,
      );
    const left = async () =>
      (await opened.db.selectFrom('rejected_events').select('error').orderBy('error').execute()).map(
        ({ error }) => error,
      );
    await insert('unnest(array[1, 29, 89])');
    await insert('generate_series(91, 2590)');
    expect(await run('delete-old-rejected-events')).toBe(2_500);
    expect(await left()).toEqual(['1', '29', '89']);
    await saveRetention(opened.db, DEFAULT_TENANT, 30);
    expect(await run('delete-old-rejected-events')).toBe(1);
    await saveRetention(opened.db, DEFAULT_TENANT, null);
    expect(await left()).toEqual(['1', '29']);
  });

  it('deletes entries of the log of changes after a month, however many there are', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into message_changes (account_id, chat_id, chat_seq, message_id, kind, created_at)
      select ${accountId}, 'c', i, gen_random_uuid(), 'status',
        now() - case when i <= 6000 then interval '31 days' else interval '29 days' end
      from generate_series(1, 6002) i`.execute(opened.db);
    expect(await run('delete-old-changes')).toBe(6_000);
    const left = opened.db.selectFrom('message_changes').select('chat_seq').orderBy('chat_seq');
    expect(await left.execute()).toEqual([{ chat_seq: '6001' }, { chat_seq: '6002' }]);
  });

  it('deletes messages that their tenant does not keep so long, and folds what counts them', async () => {
    const accountId = await insertTestAccount(opened.db);
    for (const [bareId, days] of [
      ['old', 31],
      ['young', 29],
    ] as const)
      await ingestEvents(
        opened.db,
        accountId,
        [messageEvent(bareId, { at: Date.now() - days * 86_400_000 })],
        new Date(),
      );
    await saveRetention(opened.db, DEFAULT_TENANT, 30);
    expect(await run('drop-empty-partitions')).toBe(0);
    expect(await run('delete-expired-messages')).toBe(1);
    expect(await run('fold-message-counts')).toBe(2);
    expect((await countOfAccount(opened.db, accountId)).messages).toBe(1);
  });

  it('deletes the entries of catch-ups after three months', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into catch_ups (account_id, cause, started_at) values
        (${accountId}, 'ready', now() - interval '91 days'),
        (${accountId}, 'ready', now() - interval '89 days')`.execute(opened.db);
    expect(await run('delete-old-catch-ups')).toBe(1);
  });

  it('deletes idempotency keys after 24 hours and abandoned claims, and no others', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into idempotency_keys (account_id, key, request_hash, message_id, created_at) values
        (${accountId}, 'old', 'h', gen_random_uuid(), now() - interval '25 hours'),
        (${accountId}, 'young', 'h', gen_random_uuid(), now() - interval '23 hours'),
        (${accountId}, 'abandoned', 'h', null, now() - interval '3 minutes'),
        (${accountId}, 'at work', 'h', null, now())`.execute(opened.db);
    expect(await run('delete-old-idempotency-keys')).toBe(2);
    const left = await opened.db.selectFrom('idempotency_keys').select('key').orderBy('key').execute();
    expect(left.map((row) => row.key)).toEqual(['at work', 'young']);
    expect(await run('delete-old-idempotency-keys')).toBe(0);
  });

  it('clears QR codes that can no longer be scanned', async () => {
    const [expired, valid] = [await insertTestAccount(opened.db), await insertTestAccount(opened.db)];
    await sql`
      update accounts set qr = 'code',
        qr_expires_at = now() + case when id = ${expired} then interval '-1 second' else interval '1 minute' end
      where id in (${expired}, ${valid})`.execute(opened.db);
    expect(await run('clear-expired-link-codes')).toBe(1);
    const rows = await opened.db.selectFrom('accounts').select(['id', 'qr', 'qr_expires_at']).execute();
    expect(rows.find((row) => row.id === expired)).toMatchObject({ qr: null, qr_expires_at: null });
    expect(rows.find((row) => row.id === valid)).toMatchObject({ qr: 'code' });
  });

  it('deletes changes whose message never came, and no others', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into waiting_changes (account_id, chat_id, bare_id, event, created_at) values
        (${accountId}, 'c', 'old', '{}', now() - interval '36 days'),
        (${accountId}, 'c', 'young', '{}', now() - interval '34 days')`.execute(opened.db);
    expect(await run('delete-old-waiting-changes')).toBe(1);
    const left = await opened.db.selectFrom('waiting_changes').select('bare_id').execute();
    expect(left.map((row) => row.bare_id)).toEqual(['young']);
  });

  it('deletes history of sessions that is older than 90 days, and no other', async () => {
    const accountId = await insertTestAccount(opened.db);
    await sql`
      insert into session_events (account_id, kind, state, at) values
        (${accountId}, 'state', 'starting', now() - interval '91 days'),
        (${accountId}, 'alert', null, now() - interval '91 days'),
        (${accountId}, 'state', 'connected', now() - interval '89 days')`.execute(opened.db);
    expect(await run('delete-old-session-events')).toBe(2);
    const left = await opened.db.selectFrom('session_events').select('state').execute();
    expect(left.map((row) => row.state)).toEqual(['connected']);
  });

  it('deletes accounts that nobody linked or wants after a day of rest, and no others', async () => {
    const insert = async (change: string) => {
      const id = await insertTestAccount(opened.db);
      await sql`update accounts set state = 'disconnected', state_since = now() - interval '25 hours'
        where id = ${id}`.execute(opened.db);
      await sql`update accounts set ${sql.raw(change)} where id = ${id}`.execute(opened.db);
      return id;
    };
    const abandoned = await insert("reason = 'qr_given_up'");
    const kept = [
      await insert("state_since = now() - interval '23 hours'"),
      await insert('wanted = true'),
      await insert('first_linked_at = now()'),
      await insert("first_linked_at = now(), linked = true, phone_number = '+491700000099'"),
    ];
    const written = await insert("reason = 'qr_given_up'");
    await ingestEvents(opened.db, written, [messageEvent('A')], new Date());
    expect(await run('delete-abandoned-accounts')).toBe(1);
    const rows = await opened.db
      .selectFrom('accounts')
      .select('id')
      .where('deleted_at', 'is', null)
      .execute();
    const left = rows.map((row) => row.id);
    expect(left).toEqual(expect.arrayContaining([...kept, written]));
    expect(left).not.toContain(abandoned);
    expect(await run('delete-abandoned-accounts')).toBe(0);
  });
});
