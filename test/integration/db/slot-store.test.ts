import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AccountId, type MessageId, makeMessageId, parseInstanceId } from '../../../src/accounts/ids.ts';
import { updateAccount } from '../../../src/db/account-directory.ts';
import { markAccountDeleted } from '../../../src/db/account-removal.ts';
import { type OpenDatabase, openDatabase } from '../../../src/db/database.ts';
import { listAccountsToTurn, turnDay } from '../../../src/db/day-turn.ts';
import { cancelMessage } from '../../../src/db/message-cancel.ts';
import { markNeverLeft } from '../../../src/db/send-result-store.ts';
import {
  findFullDay,
  lockLimits,
  renewSlot,
  type Slot,
  takeSlot,
  takeSlotOrDefer,
} from '../../../src/db/slot-store.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertTestAccount } from '../../support/inbound-events.ts';
import { silentLog } from '../../support/silent-log.ts';
import { insertOutgoing } from '../../support/single-messages.ts';

const INSTANCE = parseInstanceId('test');
const NOON = new Date('2026-03-01T12:00:00Z');
const NEXT_NOON = new Date('2026-03-02T12:00:00Z');

const TEXT = {
  chatId: '491700000001@c.us',
  replyTo: null,
  failure: null,
  type: 'text',
  text: 'x',
  caption: null,
  payload: null,
  media: null,
  at: NOON,
} as const;

let database: TestDatabase;
let opened: OpenDatabase;
let accountId: AccountId;

beforeAll(async () => {
  database = await openTestDatabase();
  opened = openDatabase({ connection: database.connection, log: silentLog });
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  accountId = await insertTestAccount(opened.db);
});

function setLimit(dailyLimit: number, at = NOON) {
  return updateAccount(opened.db, accountId, { dailyLimit }, at);
}

/** Takes a slot and writes the message that has it, or that is deferred. */
async function accept(at = NOON, chatId = '491700000001@c.us'): Promise<{ slot: Slot; id: MessageId }> {
  const id = makeMessageId(at.getTime());
  const slot = await opened.db.transaction().execute(async (trx) => {
    const taken = await takeSlotOrDefer(trx, accountId, at, []);
    await insertOutgoing(trx, {
      ...TEXT,
      id,
      accountId,
      chatId,
      at,
      ...(taken.kind === 'taken' ? { slotDate: taken.date } : { status: 'deferred' }),
    });
    return taken;
  });
  return { slot, id };
}

/** Resolves when a connection of this database waits for a lock. */
async function someoneWaits(): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      opened.db,
    );
    if (rows.length > 0) return;
  }
}

async function statuses(): Promise<string[]> {
  const rows = await opened.db
    .selectFrom('messages')
    .select(['status', 'slot_date'])
    .where('account_id', '=', accountId)
    .orderBy('seq')
    .execute();
  return rows.map(({ status, slot_date }) => (slot_date === null ? status : `${status} ${slot_date}`));
}

async function usageOf(date: string) {
  return opened.db
    .selectFrom('account_usage')
    .select(['taken', 'deferred', 'allowed', 'sent', 'failed'])
    .where('account_id', '=', accountId)
    .where('local_date', '=', date)
    .executeTakeFirst();
}

describe('taking a slot', () => {
  it('gives no more than the limit, however many ask at the same time', async () => {
    await setLimit(7);
    const slots = await Promise.all(
      Array.from({ length: 40 }, () =>
        opened.db.transaction().execute((trx) => takeSlot(trx, accountId, NOON, [])),
      ),
    );
    expect(slots.filter(({ kind }) => kind === 'taken')).toHaveLength(7);
    expect(slots.find(({ kind }) => kind === 'full')).toEqual({
      kind: 'full',
      date: '2026-03-01',
      dailyLimit: 7,
      nextAt: new Date('2026-03-02T00:00:00Z'),
    });
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 7, allowed: 7 });
  });

  it('gives it back if the transaction does not commit', async () => {
    await setLimit(1);
    const lost = opened.db.transaction().execute(async (trx) => {
      await takeSlot(trx, accountId, NOON, []);
      throw new Error('before the commit');
    });
    await expect(lost).rejects.toThrow('before the commit');
    expect((await accept()).slot).toEqual({ kind: 'taken', date: '2026-03-01' });
  });

  it('begins anew at midnight, though nobody was there at midnight', async () => {
    await setLimit(1);
    await accept();
    expect((await accept()).slot.kind).toBe('full');
    const later = new Date('2026-03-09T12:00:00Z');
    await accept(later);
    expect(await statuses()).toEqual(['pending 2026-03-09', 'deferred', 'deferred']);
  });

  it('refuses an account that was purged', async () => {
    await opened.db.deleteFrom('accounts').where('id', '=', accountId).execute();
    const taken = opened.db.transaction().execute((trx) => takeSlot(trx, accountId, NOON, []));
    await expect(taken).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  });
});

describe('the date of an account and its next midnight', () => {
  it.each([
    ['UTC', '2026-03-01T23:59:59.999Z', '2026-03-01', '2026-03-02T00:00:00.000Z'],
    ['UTC', '2026-03-02T00:00:00.000Z', '2026-03-02', '2026-03-03T00:00:00.000Z'],
    ['Asia/Kathmandu', '2026-03-01T18:14:59.999Z', '2026-03-01', '2026-03-01T18:15:00.000Z'],
    ['Asia/Kathmandu', '2026-03-01T18:15:00.000Z', '2026-03-02', '2026-03-02T18:15:00.000Z'],
    ['Pacific/Kiritimati', '2026-03-01T09:59:59.999Z', '2026-03-01', '2026-03-01T10:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-03-01T10:00:00.000Z', '2026-03-02', '2026-03-02T10:00:00.000Z'],
    // The clock moves by half an hour within the day: 23.5 hours and 24.5 hours long.
    ['Australia/Lord_Howe', '2026-10-03T13:30:00.000Z', '2026-10-04', '2026-10-04T13:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', '2026-04-05', '2026-04-05T13:30:00.000Z'],
    // Midnight itself is skipped: the day begins at 01:00.
    ['America/Santiago', '2026-09-06T03:59:59.999Z', '2026-09-05', '2026-09-06T04:00:00.000Z'],
    ['America/Santiago', '2026-09-06T04:00:00.000Z', '2026-09-06', '2026-09-07T03:00:00.000Z'],
    // The hour before midnight comes twice.
    ['America/Santiago', '2026-04-05T03:30:00.000Z', '2026-04-04', '2026-04-05T04:00:00.000Z'],
    ['America/Santiago', '2026-04-05T04:00:00.000Z', '2026-04-05', '2026-04-06T04:00:00.000Z'],
  ])('%s at %s is %s until %s', async (timezone, at, date, nextAt) => {
    await updateAccount(opened.db, accountId, { timezone, dailyLimit: 1 }, new Date(at));
    expect((await accept(new Date(at))).slot).toEqual({ kind: 'taken', date });
    expect((await accept(new Date(at))).slot).toMatchObject({
      kind: 'full',
      date,
      nextAt: new Date(nextAt),
    });
    expect(await findFullDay(opened.db, accountId, new Date(at))).toEqual({
      dailyLimit: 1,
      nextAt: new Date(nextAt),
    });
    expect((await accept(new Date(nextAt))).slot.kind).toBe('full');
    expect(await statuses()).toHaveLength(3);
    const [first, second] = await statuses();
    expect(first).not.toBe(`pending ${date}`);
    expect(second).toBe('deferred');
  });
});

describe('a new date', () => {
  it('deals its slots out by the order of acceptance, before any new message', async () => {
    await setLimit(2);
    for (let count = 0; count < 5; count += 1) await accept();
    expect(await statuses()).toEqual([
      'pending 2026-03-01',
      'pending 2026-03-01',
      'deferred',
      'deferred',
      'deferred',
    ]);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 2, deferred: 3 });
    await accept(NEXT_NOON);
    // None of the five has left: the first two are the first again.
    expect(await statuses()).toEqual([
      'pending 2026-03-02',
      'pending 2026-03-02',
      'deferred',
      'deferred',
      'deferred',
      'deferred',
    ]);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 0 });
    expect(await usageOf('2026-03-02')).toMatchObject({ taken: 2, deferred: 1 });
  });

  it('is begun by the turn of the day, once, and days without traffic are written', async () => {
    await setLimit(1);
    await accept();
    await accept();
    await opened.db
      .updateTable('messages')
      .set({ handed_at: NOON, status: 'sent' })
      .where('account_id', '=', accountId)
      .where('status', '=', 'pending')
      .execute();
    const at = new Date('2026-03-05T00:00:30Z');
    expect(await listAccountsToTurn(opened.db, INSTANCE, NOON)).not.toContain(accountId);
    expect(await listAccountsToTurn(opened.db, INSTANCE, at)).toContain(accountId);
    expect(await turnDay(opened.db, accountId, at)).toEqual({
      date: '2026-03-05',
      isFull: true,
      released: 1,
      deferred: 0,
    });
    expect(await turnDay(opened.db, accountId, at)).toMatchObject({ released: 0, deferred: 0 });
    expect(await listAccountsToTurn(opened.db, INSTANCE, at)).not.toContain(accountId);
    expect(await statuses()).toEqual(['sent 2026-03-01', 'pending 2026-03-05']);
    const days = await opened.db
      .selectFrom('account_usage')
      .select(['local_date', 'taken'])
      .where('account_id', '=', accountId)
      .orderBy('local_date')
      .execute();
    expect(days.map((day) => `${day.local_date} ${day.taken}`)).toEqual([
      '2026-03-01 1',
      '2026-03-02 0',
      '2026-03-03 0',
      '2026-03-04 0',
      '2026-03-05 1',
    ]);
  });

  it('is found by the turn of the day too where room was left beside a deferred message', async () => {
    await setLimit(1);
    await accept();
    await accept();
    await sql`update account_usage set taken = 0 where account_id = ${accountId}`.execute(opened.db);
    expect(await listAccountsToTurn(opened.db, INSTANCE, NOON)).toContain(accountId);
  });

  it('of an account of another instance, or of a deleted one, is not ours to begin', async () => {
    await opened.db
      .updateTable('accounts')
      .set({ instance_id: 'other' })
      .where('id', '=', accountId)
      .execute();
    expect(await listAccountsToTurn(opened.db, INSTANCE, NOON)).not.toContain(accountId);
    await opened.db
      .updateTable('accounts')
      .set({ instance_id: null, deleted_at: NOON })
      .where('id', '=', accountId)
      .execute();
    expect(await listAccountsToTurn(opened.db, INSTANCE, NOON)).not.toContain(accountId);
  });
});

describe('a change of the account', () => {
  it('that raises the limit lets the first deferred messages go at once', async () => {
    await setLimit(1);
    for (let count = 0; count < 4; count += 1) await accept();
    await setLimit(3);
    expect(await statuses()).toEqual([
      'pending 2026-03-01',
      'pending 2026-03-01',
      'pending 2026-03-01',
      'deferred',
    ]);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 3, allowed: 3 });
  });

  it('that lowers the limit defers those that were accepted last, and takes nothing from what left', async () => {
    await setLimit(4);
    const accepted = [];
    for (let count = 0; count < 4; count += 1) accepted.push(await accept());
    await opened.db
      .updateTable('messages')
      .set({ handed_at: NOON, bare_id: 'A', status: 'sent' })
      .where('id', '=', accepted[1]?.id ?? '')
      .execute();
    await setLimit(2);
    expect(await statuses()).toEqual(['pending 2026-03-01', 'sent 2026-03-01', 'deferred', 'deferred']);
    await setLimit(1);
    expect(await statuses()).toEqual(['deferred', 'sent 2026-03-01', 'deferred', 'deferred']);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 1, allowed: 1 });
    expect((await accept()).slot.kind).toBe('full');
  });

  it('of the time zone moves what waits to the date that it is there', async () => {
    await setLimit(2);
    for (let count = 0; count < 3; count += 1) await accept();
    await updateAccount(opened.db, accountId, { timezone: 'Pacific/Kiritimati' }, NOON);
    expect(await statuses()).toEqual(['pending 2026-03-02', 'pending 2026-03-02', 'deferred']);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 0 });
    await updateAccount(opened.db, accountId, { timezone: 'UTC' }, NOON);
    expect(await statuses()).toEqual(['pending 2026-03-01', 'pending 2026-03-01', 'deferred']);
    expect(await usageOf('2026-03-02')).toMatchObject({ taken: 0 });
  });
});

describe('a message that is handed over once more on a later date', () => {
  const renew = (id: MessageId, at: Date) =>
    opened.db.transaction().execute(async (trx) => {
      await lockLimits(trx, accountId);
      return renewSlot(trx, { id, accountId }, at, []);
    });

  async function acceptHanded(at: Date): Promise<MessageId> {
    const { id } = await accept(at);
    await opened.db.updateTable('messages').set({ handed_at: at }).where('id', '=', id).execute();
    return id;
  }

  it('takes its slot along', async () => {
    const id = await acceptHanded(NOON);
    expect(await renew(id, NOON)).toBe(true);
    expect(await renew(id, NEXT_NOON)).toBe(true);
    expect(await statuses()).toEqual(['pending 2026-03-02']);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 0 });
    expect(await usageOf('2026-03-02')).toMatchObject({ taken: 1, deferred: 0 });
  });

  it('has the place of the last that waits if the date is full', async () => {
    await setLimit(2);
    const id = await acceptHanded(NOON);
    await accept(NEXT_NOON);
    await accept(NEXT_NOON);
    expect(await renew(id, NEXT_NOON)).toBe(true);
    expect(await statuses()).toEqual(['pending 2026-03-02', 'pending 2026-03-02', 'deferred']);
    expect(await usageOf('2026-03-02')).toMatchObject({ taken: 2, deferred: 1 });
  });

  it('stays where it is if all that the date may carry has left', async () => {
    await setLimit(1);
    const id = await acceptHanded(NOON);
    await acceptHanded(NEXT_NOON);
    expect(await renew(id, NEXT_NOON)).toBe(false);
    expect(await statuses()).toEqual(['pending 2026-03-01', 'pending 2026-03-02']);
  });
});

describe('a slot that comes back', () => {
  it('while another message is being deferred does not pass that one by', async () => {
    await setLimit(1);
    const first = await accept();
    let cancelled: Promise<boolean> | undefined;
    await opened.db.transaction().execute(async (trx) => {
      expect((await takeSlotOrDefer(trx, accountId, NOON, [])).kind).toBe('full');
      cancelled = cancelMessage(opened.db, { id: first.id, accountId }, NOON);
      await Promise.race([cancelled, someoneWaits()]);
      await insertOutgoing(trx, {
        ...TEXT,
        id: makeMessageId(NOON.getTime()),
        accountId,
        status: 'deferred',
      });
    });
    expect(await cancelled).toBe(true);
    expect(await statuses()).toEqual(['cancelled', 'pending 2026-03-01']);
  });

  it.each([
    ['is cancelled', (id: MessageId) => cancelMessage(opened.db, { id, accountId }, NOON)],
    [
      'is refused before it left',
      (id: MessageId) =>
        markNeverLeft(opened.db, { id, accountId }, { code: 'NOT_ON_WHATSAPP', reason: '', at: NOON }),
    ],
  ])('since its message %s goes to the first that is deferred', async (_what, end) => {
    await setLimit(1);
    const first = await accept();
    await accept();
    await accept();
    await end(first.id);
    const [ended, ...others] = await statuses();
    expect(ended).toMatch(/^(cancelled|failed)$/);
    expect(others).toEqual(['pending 2026-03-01', 'deferred']);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 1, deferred: 2 });
  });

  it('frees nothing if the message was deferred', async () => {
    await setLimit(1);
    await accept();
    const second = await accept();
    await accept();
    expect(await cancelMessage(opened.db, { id: second.id, accountId }, NOON)).toBe(true);
    expect(await statuses()).toEqual(['pending 2026-03-01', 'cancelled', 'deferred']);
  });

  it('takes a message that was handed over, and never left, out of what was sent', async () => {
    const { id } = await accept();
    await opened.db.updateTable('messages').set({ handed_at: NOON }).where('id', '=', id).execute();
    await sql`update account_usage set sent = 1 where account_id = ${accountId}`.execute(opened.db);
    expect(await cancelMessage(opened.db, { id, accountId }, NOON)).toBe(false);
    await markNeverLeft(opened.db, { id, accountId }, { code: 'SEND_REFUSED', reason: '', at: NOON });
    await markNeverLeft(opened.db, { id, accountId }, { code: 'SEND_REFUSED', reason: '', at: NOON });
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 0, sent: 0, failed: 1 });
  });
});

describe('an account that is deleted', () => {
  it('waits for whoever has a slot, and cancels that message with all others that wait', async () => {
    await setLimit(2);
    await accept();
    let deleting: Promise<void> | undefined;
    await opened.db.transaction().execute(async (trx) => {
      const slot = await takeSlot(trx, accountId, NOON, []);
      deleting = markAccountDeleted(opened.db, accountId);
      await someoneWaits();
      const id = makeMessageId(NOON.getTime());
      const slotDate = slot.kind === 'taken' ? slot.date : null;
      await insertOutgoing(trx, { ...TEXT, id, accountId, chatId: '2@c.us', at: NOON, slotDate });
    });
    await deleting;
    expect(await statuses()).toEqual(['cancelled', 'cancelled']);
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 0 });
  });

  it('leaves open what became of a message that was handed over', async () => {
    const handed = await accept();
    await accept();
    await opened.db.updateTable('messages').set({ handed_at: NOON }).where('id', '=', handed.id).execute();
    await markAccountDeleted(opened.db, accountId);
    expect(await statuses()).toEqual(['unknown 2026-03-01', 'cancelled']);
    const row = opened.db.selectFrom('messages').select('failed_code').where('id', '=', handed.id);
    expect(await row.executeTakeFirst()).toEqual({ failed_code: 'SEND_OUTCOME_UNKNOWN' });
    expect(await usageOf('2026-03-01')).toMatchObject({ taken: 1 });
  });

  it('takes no message more, also of whoever waited for a slot meanwhile', async () => {
    await setLimit(2);
    await markAccountDeleted(opened.db, accountId);
    await expect(accept()).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await statuses()).toEqual([]);
  });
});
