/**
 * Everything that moves slots, at the same time and in any order, on connections of their own, while dates pass and the
 * account is changed. What must hold afterwards is read from the tables.
 */
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AccountId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { turnDay } from '../../../src/db/day-turn.ts';
import { cancelMessage } from '../../../src/db/message-cancel.ts';
import { claimForSending } from '../../../src/db/send-claim.ts';
import { markNeverLeft } from '../../../src/db/send-result-store.ts';
import { takeSlot, takeSlotOrDefer } from '../../../src/db/slot-store.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { scaled, seed } from '../../support/scale.ts';
import { silentLog } from '../../support/silent-log.ts';
import { findNextToSend, insertOutgoing } from '../../support/single-messages.ts';

const START_MS = Date.UTC(2026, 2, 1, 12);
const HOUR_MS = 3_600_000;
const HIGHEST_LIMIT = 6;

const stack = new AsyncDisposableStack();
let db: Executor;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog, poolSize: 8 })).db;
});
afterAll(() => stack.disposeAsync());

const chat = fc.constantFrom('a@c.us', 'b@c.us');
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('reject' as const), chat }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('defer' as const), chat }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), nth: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      dailyLimit: fc.integer({ min: 1, max: HIGHEST_LIMIT }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      timezone: fc.constantFrom('UTC', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Kiritimati'),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Steps that run at the same time, and how much later the next ones come. */
const round = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 8 }),
  laterMs: fc.constantFrom(0, 1_000, HOUR_MS, 11 * HOUR_MS, 30 * HOUR_MS),
});

let names = 0;

async function accept(account: AccountId, { kind, chat: chatId }: { kind: string; chat: string }, at: Date) {
  const take = kind === 'defer' ? takeSlotOrDefer : takeSlot;
  const content = { type: 'text', text: 'x', caption: null, payload: null, media: null } as const;
  await db.transaction().execute(async (trx) => {
    const slot = await take(trx, account, at, []);
    if (slot.kind === 'full' && kind === 'reject') return;
    const id = makeMessageId(at.getTime());
    const place = slot.kind === 'taken' ? { slotDate: slot.date } : { status: 'deferred' as const };
    await insertOutgoing(trx, {
      ...content,
      ...place,
      id,
      accountId: account,
      chatId,
      replyTo: null,
      failure: null,
      at,
    });
  });
}

async function play(account: AccountId, given: Step, at: Date): Promise<unknown> {
  switch (given.kind) {
    case 'reject':
    case 'defer':
      return accept(account, given, at);
    case 'send':
    case 'refuse': {
      const message = await findNextToSend(db, account, [], { at });
      if (message === undefined) return;
      names += 1;
      const key = { fromMe: true, chatId: message.chatId, bareId: `N${names}`, participant: null };
      const by = { at, perMinute: 0, instanceId: parseInstanceId('one'), epoch: 1 };
      const claim = await claimForSending(db, message, { key, chatId: message.chatId }, by);
      if (claim.kind !== 'claimed' || given.kind === 'send') return;
      return markNeverLeft(db, message, { code: 'SEND_REFUSED', reason: '', at });
    }
    case 'cancel': {
      const row = await db
        .selectFrom('messages')
        .select('id')
        .where('account_id', '=', account)
        .where('status', 'in', ['pending', 'deferred'])
        .orderBy('seq')
        .offset(given.nth)
        .limit(1)
        .executeTakeFirst();
      return row && cancelMessage(db, { id: row.id as never, accountId: account }, at);
    }
    case 'turn':
      return turnDay(db, account, at);
    case 'change':
      return updateAccount(db, account, { dailyLimit: given.dailyLimit }, at);
    case 'move':
      return updateAccount(db, account, { timezone: given.timezone }, at);
    default:
      return given satisfies never;
  }
}

/** What is wrong with the tables, as sentences; none if all is well. */
async function findWrongs(account: AccountId, at: Date): Promise<string[]> {
  const { rows: miscounted } = await sql`
    select u.local_date, u.taken, u.sent, count(m.id) as slots, count(m.handed_at) as handed
    from account_usage u left join messages m
      on m.account_id = u.account_id and m.slot_date = u.local_date
    where u.account_id = ${account} group by 1, 2, 3
    having u.taken <> count(m.id) or u.sent <> count(m.handed_at)`.execute(db);
  const { rows: exceeded } = await sql`
    select slot_date from messages where account_id = ${account} and slot_date is not null
    group by 1 having count(*) > ${HIGHEST_LIMIT}`.execute(db);
  const { rows: overfull } = await sql`
    select from account_usage u join messages m on m.account_id = u.account_id and m.slot_date = u.local_date
    where u.account_id = ${account} and m.handed_at is null
    group by u.local_date, u.taken, u.allowed having u.taken > u.allowed`.execute(db);
  const { rows: passedBy } = await sql`
    select d.id from messages d, account_usage u, accounts a
    where d.account_id = ${account} and d.status = 'deferred' and a.id = d.account_id
      and u.account_id = a.id and u.local_date = (${at}::timestamptz at time zone a.timezone)::date
      and u.taken < u.allowed`.execute(db);
  const { rows: placeless } = await sql`
    select id from messages where account_id = ${account} and status = 'pending' and slot_date is null`.execute(
    db,
  );
  return [
    ...miscounted.map((row) => `The counters are not those of the rows: ${JSON.stringify(row)}.`),
    ...exceeded.map(() => 'A date has more messages than any limit allowed.'),
    ...overfull.map(() => 'Messages wait with slots beyond the limit.'),
    ...passedBy.map(() => 'A message is deferred though there is room.'),
    ...placeless.map(() => 'A message is to leave without a slot.'),
  ];
}

it('never exceeds a limit, counts what it did, and leaves no room beside a deferred message', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
      const account = await insertTestAccount(db);
      await updateAccount(db, account, { dailyLimit: 3 }, new Date(START_MS));
      let ms = START_MS;
      for (const { steps, laterMs } of rounds) {
        await Promise.all(steps.map((each) => play(account, each, new Date(ms))));
        expect(await findWrongs(account, new Date(ms))).toEqual([]);
        ms += laterMs;
        await turnDay(db, account, new Date(ms));
        expect(await findWrongs(account, new Date(ms))).toEqual([]);
      }
    }),
    { seed, numRuns: scaled(40, 600) },
  );
});
