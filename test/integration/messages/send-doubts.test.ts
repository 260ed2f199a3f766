/** Messages that left, or may have, over a page that the account no longer has: what the next one lacks proves nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeAccountStore } from '../../../src/db/account-store.ts';
import { makeLeaseFence } from '../../../src/db/lease-fence.ts';
import { doubtRestored } from '../../../src/db/restored-profile.ts';
import { LeaseLostError } from '../../../src/instances/lease.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { PageStore } from '../../support/fake-network.ts';
import { importSession } from '../../support/imported-session.ts';
import { ackEvent } from '../../support/inbound-events.ts';
import {
  ALICE,
  BOB,
  INSTANCE,
  openSenderDatabase,
  type SenderDatabase,
  SenderStage,
} from '../../support/sender-stage.ts';

let database: SenderDatabase;
let stage: SenderStage;

beforeAll(async () => {
  database = await openSenderDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  stage = await SenderStage.open(database.db);
});
afterEach(() => stage[Symbol.asyncDispose]());

/** A message that left, over a page that is lost since. */
async function lose(): Promise<{ bareId: string; handedAt: Date }> {
  await stage.accept('1');
  const looked = Promise.withResolvers<void>();
  const { leave } = stage.connect({
    onSent() {
      throw new AppError('SESSION_FAULT');
    },
    onFind() {
      looked.resolve();
      return new Promise(() => undefined);
    },
  });
  await looked.promise;
  await leave();
  expect(stage.network.textsOf(ALICE)).toEqual(['1']);
  const [row] = await stage.rows();
  return { bareId: row?.bare_id ?? '', handedAt: row?.handed_at ?? new Date(0) };
}

describe('a page that was restored from an older copy', () => {
  /** The copy was taken so long before, or after, the instant. Returns how many messages were not in doubt yet. */
  const restore = (handedAt: Date, byMs: number) =>
    doubtRestored(stage.db, stage.account.id, {
      takenAt: new Date(handedAt.getTime() + byMs),
      at: new Date(stage.clock.now()),
    });

  it('is not told of by an instance that has lost the account: nothing is written', async () => {
    const { handedAt } = await lose();
    const before = await stage.rows();
    const fence = makeLeaseFence((accountId) => ({ accountId, run: 1, epoch: 1, previousEpoch: null }));
    const times = { takenAt: new Date(handedAt.getTime() - 1), at: new Date(stage.clock.now()) };
    const restored = doubtRestored(stage.db, stage.account.id, { ...times, fence });
    await expect(restored).rejects.toBeInstanceOf(LeaseLostError);
    expect(await stage.rows()).toEqual(before);
  });

  it('proves nothing by what it lacks: the message is unknown until an ack tells', async () => {
    const { bareId, handedAt } = await lose();
    expect(await restore(handedAt, -1)).toBe(1);
    const { leave } = stage.connect();
    await stage.settled();
    expect(await stage.rows()).toMatchObject([{ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' }]);
    await leave();
    // Nor does it later, when it is the page that the account used last.
    stage.openSender();
    stage.connect();
    await stage.pass(60_000);
    expect(stage.network.given).toHaveLength(1);

    const ack = ackEvent(bareId, 2, stage.clock.now(), { chatId: ALICE });
    await stage.ingest(ack);
    await stage.pass(3_600_000);
    expect(await stage.rows()).toMatchObject([
      { status: 'delivered', failed_code: null, failed_reason: null },
    ]);
    expect(stage.network.given).toHaveLength(1);
  });

  it('proves nothing either if it was restored again before it was used, from a copy of itself', async () => {
    const { handedAt } = await lose();
    expect(await restore(handedAt, -1)).toBe(1);
    expect(await restore(handedAt, -1)).toBe(0);
    expect(await restore(handedAt, 1)).toBe(0);
    stage.connect();
    await stage.settled();
    expect(stage.network.given).toHaveLength(1);
  });

  it('lets the chat go on at once if the message has held it long enough', async () => {
    const { handedAt } = await lose();
    await stage.accept('2');
    await restore(handedAt, -1);
    stage.clock.advance(60_000);
    stage.connect();
    await stage.settled();
    expect(stage.network.textsOf(ALICE)).toEqual(['1', '2']);
  });

  it('proves by what it lacks that the message did not leave, if the copy is younger', async () => {
    const { handedAt } = await lose();
    expect(await restore(handedAt, 1)).toBe(0);
    stage.connect();
    await stage.settled();
    expect(stage.network.given).toHaveLength(2);
    expect(await stage.rows()).toMatchObject([{ status: 'sent' }]);
  });

  it('proves it too of what was handed over since it was restored', async () => {
    await restore(new Date(stage.clock.now()), -1);
    await lose();
    stage.connect();
    await stage.settled();
    expect(stage.network.given).toHaveLength(2);
  });
});

describe('the page of an account that was linked anew', () => {
  /** Of a link that has ended, and the phone scanned again. */
  async function loseAndLink(by: 'scan' | 'import' = 'scan'): Promise<{ bareId: string }> {
    const accounts = makeAccountStore(stage.db);
    const identity = { wid: ALICE, phoneNumber: null, profileName: null };
    await accounts.saveLinked(stage.account.id, identity);
    const lost = await lose();
    await accounts.saveRest(stage.account.id, { reason: 'logged_out' });
    if (by === 'import') await importSession(stage.db, stage.account.id, INSTANCE);
    await accounts.saveLinked(stage.account.id, identity);
    return lost;
  }

  it.each(['scan', 'import'] as const)(
    'proves nothing by what it lacks of the time before the %s, after a restart neither',
    async (by) => {
      await loseAndLink(by);
      const { leave } = stage.connect();
      await stage.settled();
      expect(await stage.rows()).toMatchObject([{ status: 'unknown', failed_code: 'SEND_OUTCOME_UNKNOWN' }]);
      await leave();
      stage.openSender();
      stage.connect();
      await stage.pass(60_000);
      expect(stage.network.given).toHaveLength(1);
    },
  );

  it("tells what became of a message that WhatsApp's history brings into it later", async () => {
    const { bareId } = await loseAndLink();
    const page: PageStore = new Map();
    stage.connect({}, { page });
    await stage.settled();
    page.set(bareId, 2);
    await stage.pass(3_600_000);
    expect(await stage.rows()).toMatchObject([{ status: 'delivered', failed_code: null }]);
    expect(stage.network.given).toHaveLength(1);
  });

  it('is believed after the next start, which makes no new link', async () => {
    const accounts = makeAccountStore(stage.db);
    const identity = { wid: ALICE, phoneNumber: null, profileName: null };
    await accounts.saveLinked(stage.account.id, identity);
    await lose();
    await accounts.saveLinked(stage.account.id, identity);
    stage.connect();
    await stage.settled();
    expect(stage.network.given).toHaveLength(2);
  });

  it('is given what waits, and is believed of that', async () => {
    await loseAndLink();
    await stage.accept('2', { to: BOB });
    const { leave } = stage.connect({
      onSend() {
        throw new AppError('SESSION_FAULT');
      },
    });
    await stage.nextIdle();
    await leave();
    expect(stage.network.textsOf(BOB)).toEqual([]);
    stage.connect();
    await stage.settled();
    expect(stage.network.textsOf(BOB)).toEqual(['2']);
  });
});
