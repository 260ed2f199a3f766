import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Executor, openDatabase } from '../../../src/db/database.ts';
import { claimDeliveries, claimProbe, findNextDue, listReady } from '../../../src/db/webhook-claims.ts';
import { pullForward } from '../../../src/db/webhook-lane-upkeep.ts';
import { type ClaimedDelivery, endTry } from '../../../src/db/webhook-lanes.ts';
import { openTestDatabase } from '../../support/database.ts';
import { insertTestWebhook, owe } from '../../support/owed-webhook.ts';
import { silentLog } from '../../support/silent-log.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
const HOUR = 3_600;
const LATER = inSeconds(2 * HOUR);

const stack = new AsyncDisposableStack();
let db: Executor;
let webhookId: string;

beforeAll(async () => {
  const database = stack.use(await openTestDatabase());
  db = stack.use(openDatabase({ connection: database.connection, log: silentLog })).db;
});
afterAll(() => stack.disposeAsync());
beforeEach(async () => {
  await db.deleteFrom('webhooks').execute();
  webhookId = await insertTestWebhook(db);
});

const claimOptions = (now: Date) => ({ webhookId, by: 'here', limit: 8, now, until: inSeconds(HOUR) });

/** Claims for a minute what is due first at that time. */
async function claimFor(by: string, second: number): Promise<ClaimedDelivery | undefined> {
  const [now, until] = [inSeconds(second), inSeconds(second + 60)];
  const [claimed] = await claimDeliveries(db, { webhookId, by, limit: 1, now, until });
  return claimed;
}

async function getClaimed(by: string, second: number): Promise<ClaimedDelivery> {
  const claimed = await claimFor(by, second);
  if (claimed === undefined) throw new Error('Nothing could be claimed.');
  return claimed;
}

const findStatuses = async () =>
  (await db.selectFrom('webhook_deliveries').select('status').orderBy('id').execute()).map(
    (row) => row.status,
  );

const rest = (until: Date) =>
  db.updateTable('webhooks').set({ failures: 9, failing_since: NOW, rests_until: until }).execute();

function end(delivery: ClaimedDelivery, { isTaken = true, isProbe = false, now = NOW, by = 'here' } = {}) {
  const outcome = { isTaken, status: isTaken ? 200 : 500, error: isTaken ? null : 'no' };
  const entered = {
    webhookId,
    delivery,
    by,
    outcome,
    nextTryAt: isTaken ? null : LATER,
    isProbe,
    isAsked: true,
    now,
  };
  return endTry(db, entered, async () => undefined);
}

const dueTimes = async () =>
  (await db.selectFrom('webhook_lanes').select('due_at').orderBy('lane').execute()).map((row) => row.due_at);

describe('when to look next', () => {
  it('is when a lane will be due, or a claim will be over', async () => {
    expect(await findNextDue(db, NOW)).toBeUndefined();
    await owe(db, webhookId, ['a'], inSeconds(60));
    await owe(db, webhookId, ['b'], NOW);
    expect(await findNextDue(db, NOW)).toEqual(inSeconds(60));
    await claimDeliveries(db, { ...claimOptions(NOW), until: inSeconds(30) });
    expect(await findNextDue(db, NOW)).toEqual(inSeconds(30));
  });

  it('is never a time that is past, whoever has claimed what is due', async () => {
    await owe(db, webhookId, ['a'], NOW);
    await claimDeliveries(db, { ...claimOptions(NOW), until: inSeconds(30) });
    expect(await findNextDue(db, inSeconds(31))).toBeUndefined();
    await rest(inSeconds(20));
    expect(await findNextDue(db, inSeconds(31))).toBeUndefined();
  });

  it('is the end of the rest of an endpoint, whenever its lanes are due', async () => {
    await rest(inSeconds(300));
    expect(await findNextDue(db, NOW)).toBeUndefined();
    await owe(db, webhookId, ['a'], LATER);
    expect(await findNextDue(db, NOW)).toEqual(inSeconds(300));
  });
});

describe('a try whose claim is over', () => {
  it.each(['there', 'here'])('does not let the next go while %s has the lane', async (other) => {
    for (let count = 0; count < 2; count += 1) await owe(db, webhookId, ['chat'], NOW);
    const late = await getClaimed('here', 0);
    const again = await getClaimed(other, 61);
    expect(again.eventId).toBe(late.eventId);
    await end(late, { now: inSeconds(62) });
    expect(await findStatuses()).toEqual(['delivered', 'pending']);
    // It is still being sent.
    expect(await claimFor('third', 63)).toBeUndefined();
    await end(again, { by: other, now: inSeconds(64) });
    expect((await getClaimed('third', 65)).eventId).not.toBe(late.eventId);
  });

  it.each(['there', 'here'])('leaves its failure to %s, who has the lane', async (other) => {
    await owe(db, webhookId, ['chat'], NOW);
    const late = await getClaimed('here', 0);
    const again = await getClaimed(other, 61);
    await end(late, { isTaken: false, now: inSeconds(62) });
    expect(await claimFor('third', 63)).toBeUndefined();
    await end(again, { by: other, now: inSeconds(64) });
    expect(await findStatuses()).toEqual(['delivered']);
  });

  it('lets the next go if nobody has the lane', async () => {
    for (let count = 0; count < 2; count += 1) await owe(db, webhookId, ['chat'], NOW);
    const late = await getClaimed('here', 0);
    const again = await getClaimed('there', 61);
    await end(again, { by: 'there', isTaken: false, now: inSeconds(62) });
    await end(late, { now: inSeconds(63) });
    expect((await getClaimed('there', 64)).eventId).not.toBe(late.eventId);
  });
});

describe('an endpoint whose rest is over', () => {
  it('is tried by what would be due first, though that is hours away', async () => {
    await owe(db, webhookId, ['far'], inSeconds(3 * HOUR));
    await owe(db, webhookId, ['near'], LATER);
    await rest(inSeconds(10));
    expect(await listReady(db, NOW)).toEqual([]);
    expect(await listReady(db, inSeconds(10))).toHaveLength(1);
    expect(await claimProbe(db, claimOptions(inSeconds(10)))).toMatchObject([{ lane: 'near', attempts: 1 }]);
    expect(await claimProbe(db, claimOptions(inSeconds(10)))).toEqual([]);
  });

  it('keeps its try where nothing waits that is free', async () => {
    await owe(db, webhookId, ['a'], NOW);
    await claimDeliveries(db, claimOptions(NOW));
    await rest(inSeconds(10));
    expect(await listReady(db, inSeconds(10))).toEqual([]);
    expect(await claimProbe(db, claimOptions(inSeconds(10)))).toEqual([]);
    await owe(db, webhookId, ['b'], LATER);
    expect(await claimProbe(db, claimOptions(inSeconds(11)))).toHaveLength(1);
  });
});

describe('an endpoint that is back', () => {
  it('has in the transaction that says so what makes all that waits due, however the daemon ends', async () => {
    await owe(db, webhookId, ['a', 'b', 'c'], NOW);
    for (const delivery of await claimDeliveries(db, claimOptions(NOW)))
      await end(delivery, { isTaken: false });
    expect(await dueTimes()).toEqual([LATER, LATER, LATER]);
    await rest(inSeconds(10));
    const [probe] = await claimProbe(db, claimOptions(inSeconds(10)));
    if (probe === undefined) throw new Error('There is no probe.');
    await end(probe, { isProbe: true, now: inSeconds(11) });
    // Whoever looks next, here or elsewhere.
    expect(await pullForward(db, inSeconds(12))).toBe(true);
    expect(await dueTimes()).toEqual([inSeconds(12), inSeconds(12)]);
    const nextTries = await db
      .selectFrom('webhook_deliveries')
      .select('next_try_at')
      .where('status', '=', 'pending')
      .execute();
    expect(nextTries.map((row) => row.next_try_at)).toEqual([inSeconds(12), inSeconds(12)]);
    expect(await pullForward(db, inSeconds(12))).toBe(false);
  });

  it('has it made due some lanes at a time, and not what fails afterwards', async () => {
    const lanes = Array.from({ length: 1_500 }, (_each, nth) => `lane ${nth}`);
    await owe(db, webhookId, lanes, LATER);
    await db.updateTable('webhooks').set({ back_at: NOW }).execute();
    const countDue = async () => (await dueTimes()).filter((at) => at <= NOW).length;
    expect(await pullForward(db, NOW)).toBe(true);
    expect(await countDue()).toBe(1_000);
    expect(await pullForward(db, NOW)).toBe(true);
    expect(await countDue()).toBe(1_500);
    await owe(db, webhookId, ['fails'], LATER);
    expect(await pullForward(db, NOW)).toBe(false);
    expect(await countDue()).toBe(1_500);
  });
});
