import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AccountStore, LinkedIdentity } from '../../../src/accounts/account.ts';
import { makeCampaignId } from '../../../src/accounts/ids.ts';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { findCampaign, insertCampaign } from '../../../src/db/campaign-store.ts';
import {
  findCatchUpStart,
  listChatWatermarks,
  saveCaughtUpTo,
  saveChatWatermarks,
} from '../../../src/db/catch-up-store.ts';
import { saveContacts } from '../../../src/db/contact-store.ts';
import { up } from '../../../src/db/migrations/0030-remember-last-number.ts';
import { readPace, saveBreaker, saveCapping } from '../../../src/db/pace-store.ts';
import { NO_PACING } from '../../../src/limits/pace.ts';
import { readBackWindow } from '../../../src/messages/catch-up-window.ts';
import { importSession } from '../../support/imported-session.ts';
import { ackEvent, messageEvent } from '../../support/inbound-events.ts';
import {
  ALICE,
  BOB,
  INSTANCE,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';
import { findNextToSend } from '../../support/single-messages.ts';

const HOUR_MS = 3_600_000;
const ONE = { wid: '491700000011@c.us', phoneNumber: '+491700000011', profileName: 'One' };
const OTHER = { wid: '491700000012@c.us', phoneNumber: '+491700000012', profileName: 'Other' };
const CAMPAIGN = makeCampaignId();

let database: SenderDatabase;
let stage: SenderStage;
let store: AccountStore;

beforeAll(async () => {
  database = await openSenderDatabase();
  store = makeAccountStore(database.db);
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
  await store.saveLinked(stage.account.id, ONE);
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  await store.saveOver(stage.account.id, INSTANCE);
});

async function linkAnew(identity: LinkedIdentity): Promise<void> {
  await store.saveOver(stage.account.id, INSTANCE);
  await store.saveLinked(stage.account.id, identity);
}

/** Hands a message over to a page that never answers. */
async function handOver(): Promise<void> {
  const given = Promise.withResolvers<void>();
  const { leave } = stage.connect({
    onSend() {
      given.resolve();
      return new Promise(() => undefined);
    },
  });
  await given.promise;
  await leave();
}

async function states() {
  return (await stage.rows()).map((row) => [row.text, row.status, row.failed_code, row.slot_date]);
}

/** WhatsApp has refused a message to a stranger that was handed over at that instant. */
async function refuse(handedAt: Date): Promise<void> {
  await stage.accept('refused', { to: BOB });
  await stage.db
    .updateTable('messages')
    .set({
      lane: 'stranger',
      handed_at: handedAt,
      status: 'failed',
      failed_code: 'SEND_REFUSED',
      failed_reason: '463',
    })
    .where('account_id', '=', stage.account.id)
    .execute();
}

/** Until when messages to strangers rest, as it is at that instant. */
async function restUntil(at: Date): Promise<number | null> {
  const terms = { pacing: { ...NO_PACING, breaker: true }, at };
  return (await readPace(stage.db, stage.account.id, terms)).pace.strangersRestUntil;
}

/** How often the page of a new connection is asked for messages that were handed over. */
async function countLooks(): Promise<number> {
  let looks = 0;
  const { leave } = stage.connect({
    onFind() {
      looks += 1;
    },
  });
  await stage.settled();
  await leave();
  return looks;
}

describe('an account that is linked with another number', () => {
  it('is caught up with two days of its page, however long ago the one before was', async () => {
    const { id } = stage.account;
    const now = Date.now();
    const upTo = { atMs: now - 150 * 24 * HOUR_MS, nowMs: now };
    await stage.db
      .updateTable('accounts')
      .set({ first_linked_at: new Date(now - 400 * 24 * HOUR_MS) })
      .where('id', '=', id)
      .execute();
    await saveCaughtUpTo(stage.db, id, upTo);
    await saveChatWatermarks(stage.db, id, [{ chatId: ALICE, mark: 'm' }], upTo);

    await linkAnew(ONE);
    expect(await findCatchUpStart(stage.db, id)).toMatchObject({ caughtUpTo: upTo.atMs });
    expect((await listChatWatermarks(stage.db, id)).size).toBe(1);

    await linkAnew(OTHER);
    const start = await findCatchUpStart(stage.db, id);
    if (start === undefined) throw new Error('The account is gone.');
    expect(start.caughtUpTo).toBeNull();
    const watermarks = await listChatWatermarks(stage.db, id);
    expect(watermarks.size).toBe(0);
    const later = Date.now() + HOUR_MS;
    const window = readBackWindow({ lastMessageAt: later, mark: 'm' }, start, watermarks.get(ALICE), later);
    expect(later - (window?.floor ?? 0)).toBeLessThan(50 * HOUR_MS);
  });

  it('sends nothing that was accepted for the one before, and looks for nothing of it', async () => {
    await stage.setDailyLimit(2);
    for (const body of ['handed', 'waits']) await stage.accept(body);
    await stage.accept('deferred', { onLimit: 'defer' });
    await handOver();

    await linkAnew(ONE);
    expect(await states()).toEqual([
      ['handed', 'unknown', 'SEND_OUTCOME_UNKNOWN', '2026-03-02'],
      ['waits', 'pending', null, '2026-03-02'],
      ['deferred', 'deferred', null, null],
    ]);

    await linkAnew(OTHER);
    expect(await states()).toEqual([
      ['handed', 'unknown', 'NUMBER_CHANGED', '2026-03-02'],
      ['waits', 'cancelled', 'NUMBER_CHANGED', null],
      ['deferred', 'cancelled', 'NUMBER_CHANGED', null],
    ]);
    expect(await stage.usage()).toMatchObject([{ taken: 1 }]);
    expect(await countLooks()).toBe(0);
    await stage.accept('of the new one');
    expect(await countLooks()).toBe(0);
    expect(stage.network.textsOf(ALICE)).toEqual(['of the new one']);
  });

  it('does not take what is being handed over for lost by a page that never had it', async () => {
    await stage.accept('handed');
    await handOver();
    await linkAnew(OTHER);
    expect(await stage.rows()).toMatchObject([
      { status: 'unknown', failed_code: 'NUMBER_CHANGED', unknown_since: expect.any(Date) },
    ]);
    expect(await countLooks()).toBe(0);
    expect(stage.network.given).toEqual([]);
  });

  it('runs no campaign of the one before', async () => {
    const { id: accountId } = stage.account;
    await stage.db.transaction().execute(async (trx) => {
      await insertCampaign(trx, { id: CAMPAIGN, accountId, name: 'news', requests: [] });
    });
    await linkAnew(ONE);
    expect(await findCampaign(stage.db, CAMPAIGN)).toMatchObject({ status: 'running' });
    await linkAnew(OTHER);
    const ended = { status: 'cancelled', endedAt: expect.any(Date) };
    expect(await findCampaign(stage.db, CAMPAIGN)).toMatchObject(ended);
  });

  it('knows nobody who wrote to the one before, nor its contacts, nor what waited for its messages', async () => {
    const { id } = stage.account;
    const now = new Date(stage.clock.now());
    await stage.ingest(messageEvent('A', { at: now.getTime() }), ackEvent('early', 2, now.getTime()));
    const alice = { contactId: ALICE, name: 'Alice', pushName: null, isBusiness: false };
    await saveContacts(stage.db, id, [alice], now);
    const lane = async () => {
      await stage.accept('hello');
      return (await findNextToSend(stage.db, id, [], { at: now }))?.lane;
    };
    const counts = async () => {
      const { rows } = await sql`
        select (select count(*)::integer from contacts where account_id = ${id}::uuid) as contacts,
          (select count(*)::integer from waiting_changes where account_id = ${id}::uuid) as waiting`.execute(
        stage.db,
      );
      return rows[0];
    };
    await linkAnew(ONE);
    expect(await lane()).toBe('reply');
    expect(await counts()).toEqual({ contacts: 1, waiting: 1 });
    await linkAnew(OTHER);
    expect(await lane()).toBe('stranger');
    expect(await counts()).toEqual({ contacts: 0, waiting: 0 });
    expect((await stage.rows()).map(({ direction }) => direction)).toContain('incoming');
  });

  it("is not held back by WhatsApp's limits for the one before, nor by what was refused to it", async () => {
    const { id } = stage.account;
    const at = new Date();
    const cycleEndsAt = at.getTime() + HOUR_MS;
    await saveCapping(stage.db, id, { status: 'CAPPED', cycleEndsAt, timelockedUntil: null }, { at });
    await saveBreaker(stage.db, id, { state: 'open', openedAt: at.getTime(), openedBy: 'locked' }, { at });
    await refuse(new Date(at.getTime() - 60_000));
    await linkAnew(ONE);
    expect(await restUntil(new Date())).not.toBeNull();
    await linkAnew(OTHER);
    expect(await restUntil(new Date())).toBeNull();
  });

  it('is held back by what is refused to itself, though the clock is set back since', async () => {
    await linkAnew(OTHER);
    const later = new Date(Date.now() - 24 * HOUR_MS);
    expect(await restUntil(later)).toBeNull();
    await refuse(new Date(later.getTime() - 60_000));
    expect(await restUntil(later)).not.toBeNull();
  });
});

it('numbers may change while messages are accepted, told and dealt their slots, which are all counted', async () => {
  const { id } = stage.account;
  const rounds = Array.from({ length: 12 }, (_, n) => n);
  const now = stage.clock.now();
  await Promise.all([
    ...rounds.map((n) => store.saveLinked(id, n % 2 === 0 ? OTHER : ONE)),
    ...rounds.map((n) => stage.accept(`${n}`, { to: n % 2 === 0 ? ALICE : BOB, onLimit: 'defer' })),
    ...rounds.map((n) => stage.ingest(messageEvent(`A${n}`, { at: now }))),
    ...rounds.map((n) => stage.setDailyLimit(n % 3 === 0 ? 2 : 100)),
  ]);
  const rows = (await stage.rows()).filter(({ direction }) => direction === 'outgoing');
  expect(rows).toHaveLength(rounds.length);
  const slots = rows.filter(({ slot_date }) => slot_date !== null);
  expect(slots.every(({ status }) => status === 'pending')).toBe(true);
  expect(await stage.usage()).toMatchObject([{ taken: slots.length }]);
});

it('an account whose number was not known yet goes on as it is when it is told', async () => {
  const { id } = stage.account;
  await linkAnew({ ...ONE, wid: '99@lid', phoneNumber: null });
  await stage.accept('waits');
  await store.saveLinked(id, ONE);
  expect(await states()).toEqual([['waits', 'pending', null, '2026-03-02']]);
});

describe('an account whose number is not known for a while', () => {
  const NOT_TOLD = { ...ONE, wid: '99@lid', phoneNumber: null };
  const takeIn = async () => {
    await store.saveRest(stage.account.id, { reason: 'moved_away' });
    await importSession(stage.db, stage.account.id, INSTANCE);
  };
  const waysToForget = [
    ['its session came from another host', takeIn],
    ['its page told none', () => store.saveLinked(stage.account.id, NOT_TOLD)],
  ] as const;

  it.each(waysToForget)('begins anew if it is another one, after %s', async (_how, forget) => {
    const { id } = stage.account;
    const now = Date.now();
    const linkedAt = new Date(now - 400 * 24 * HOUR_MS);
    await saveCaughtUpTo(stage.db, id, { atMs: now - HOUR_MS, nowMs: now });
    await stage.db.updateTable('accounts').set({ first_linked_at: linkedAt }).where('id', '=', id).execute();
    await stage.accept('waits');
    await store.saveOver(id, INSTANCE);
    await forget();
    expect(await store.getAccount(id)).toMatchObject({ phoneNumber: null });

    await store.saveLinked(id, OTHER);
    expect(await states()).toEqual([['waits', 'cancelled', 'NUMBER_CHANGED', null]]);
    const start = await findCatchUpStart(stage.db, id);
    expect(start?.caughtUpTo).toBeNull();
    expect(start?.firstLinkedAt).toBeGreaterThan(linkedAt.getTime());
  });

  it('begins anew if it is another one than before an update', async () => {
    const { id } = stage.account;
    await stage.accept('waits');
    await sql`alter table accounts drop column last_phone_number`.execute(stage.db);
    await up(stage.db as unknown as Parameters<typeof up>[0]);
    await store.saveOver(id, INSTANCE);
    await takeIn();
    await store.saveLinked(id, OTHER);
    expect(await states()).toEqual([['waits', 'cancelled', 'NUMBER_CHANGED', null]]);
  });

  it.each(waysToForget)('goes on as it is if it is the same, after %s', async (_how, forget) => {
    const { id } = stage.account;
    const now = Date.now();
    const upTo = { atMs: now - HOUR_MS, nowMs: now };
    await saveCaughtUpTo(stage.db, id, upTo);
    const linkedAt = (await findCatchUpStart(stage.db, id))?.firstLinkedAt;
    await stage.accept('waits');
    await store.saveOver(id, INSTANCE);
    await forget();

    await store.saveLinked(id, ONE);
    expect(await states()).toEqual([['waits', 'pending', null, '2026-03-02']]);
    expect(await findCatchUpStart(stage.db, id)).toMatchObject({
      caughtUpTo: upTo.atMs,
      firstLinkedAt: linkedAt,
    });
  });
});
